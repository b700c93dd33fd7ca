noinst_LIBRARIES += libstudy.a
libstudy_a_SOURCES = %D%/grid.c %D%/grid.h %D%/ranks.c %D%/ranks.h %D%/crew.c %D%/crew.h %D%/pool.c %D%/pool.h %D%/store.c %D%/store_read.c %D%/store_sql.c %D%/store_copy.c %D%/store_forget.c %D%/store_check.c %D%/store_migrate.c %D%/store_sql.h %D%/store.h %D%/yaml_file.c %D%/yaml_file.h %D%/study.c %D%/study.h \
  %D%/work.c %D%/work.h %D%/agenda.c %D%/agenda.h %D%/lease.c %D%/lease.h %D%/backlog.c %D%/backlog.h %D%/sweep.c %D%/sweep.h %D%/import.c %D%/import.h %D%/export.c %D%/export.h %D%/merge.c %D%/merge.h
# Other machines: one file knows of MPI, and has its flags alone; or one stands for it.
if MPI
libstudy_a_SOURCES += %D%/ranks_mpi.c
else
libstudy_a_SOURCES += %D%/ranks_none.c
endif
EXTRA_DIST += %D%/ranks_mpi.c %D%/ranks_none.c
ranks_cflags =
libstudy_a_CFLAGS = $(AM_CFLAGS) $(ranks_cflags)
%D%/libstudy_a-ranks_mpi.$(OBJEXT): ranks_cflags = $(RANKS_CFLAGS)
