noinst_LIBRARIES += libplots.a
libplots_a_SOURCES = %D%/figure.c %D%/figure.h %D%/document.c %D%/document.h %D%/report.c %D%/report.h
