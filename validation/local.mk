noinst_LIBRARIES += libvalidation.a
libvalidation_a_SOURCES = %D%/power_law.c %D%/power_law.h %D%/dataset.c %D%/dataset.h %D%/measure.c %D%/measure.h %D%/compare.c %D%/compare.h \
  %D%/accuracy.c %D%/accuracy.h
dist_pkgdata_DATA += %D%/claims.yaml
