noinst_LIBRARIES += libreport.a
libreport_a_SOURCES = %D%/markup.c %D%/markup.h %D%/report.c %D%/report.h %D%/report_evidence.c %D%/report_evidence.h \
  %D%/report_summary.c %D%/report_summary.h
nobase_dist_pkgdata_DATA += %D%/report.css
