noinst_LIBRARIES += libparallel.a
libparallel_a_SOURCES = %D%/team.c %D%/team.h %D%/stop.c %D%/stop.h %D%/workers.c %D%/workers.h %D%/ranks.c %D%/ranks.h %D%/scheduler.c %D%/scheduler.h
# Other machines: one file knows of MPI, and has its flags alone; or one stands for it.
if MPI
libparallel_a_SOURCES += %D%/ranks_mpi.c
else
libparallel_a_SOURCES += %D%/ranks_none.c
endif
EXTRA_DIST += %D%/ranks_mpi.c %D%/ranks_none.c
ranks_cflags =
libparallel_a_CFLAGS = $(AM_CFLAGS) -O3 $(ranks_cflags)
%D%/libparallel_a-ranks_mpi.$(OBJEXT): ranks_cflags = $(RANKS_CFLAGS)
