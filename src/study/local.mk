noinst_LIBRARIES += libstudy.a
libstudy_a_SOURCES = %D%/yaml_file.c %D%/yaml_file.h %D%/grid.c %D%/grid.h %D%/study.c %D%/study.h %D%/cost.c %D%/cost.h %D%/run_list.c %D%/run_list.h \
  %D%/outcome.c %D%/outcome.h %D%/sweep.c %D%/sweep.h
