noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = %D%/clones.h %D%/data.c %D%/data.h %D%/error.c %D%/error.h %D%/text.c %D%/text.h %D%/keys.c %D%/keys.h %D%/keys.def \
  %D%/random.c %D%/random.h %D%/progress.c %D%/progress.h
libbase_a_CFLAGS = $(AM_CFLAGS) -O3 -fno-math-errno -fno-trapping-math
