noinst_LIBRARIES += libstudy.a
libstudy_a_SOURCES = %D%/grid.c %D%/grid.h %D%/pool.c %D%/pool.h
