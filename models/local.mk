noinst_LIBRARIES += libmodels.a
libmodels_a_SOURCES = %D%/flow.c %D%/flow.h %D%/flow_cvode.c %D%/flow_cvode.h %D%/prediction.c %D%/prediction.h
EXTRA_DIST += %D%/README.md
