noinst_LIBRARIES += librun.a
librun_a_SOURCES = %D%/result.c %D%/result.h %D%/trace.c %D%/trace.h %D%/run_flow.c %D%/run_flow.h \
  %D%/optimizer.c %D%/optimizer.h %D%/run_toy.c %D%/run_toy.h
