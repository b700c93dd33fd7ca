noinst_LIBRARIES += libfigures.a
libfigures_a_SOURCES = %D%/runs.c %D%/runs.h %D%/figure_data.c %D%/figure_data.h %D%/curves.c %D%/curves.h %D%/anatomy.c %D%/anatomy.h \
  %D%/points.c %D%/points.h %D%/law.c %D%/law.h %D%/laws.c %D%/laws.h %D%/chosen.c %D%/chosen.h %D%/phase.c %D%/phase.h \
  %D%/survival.c %D%/survival.h %D%/exponents.c %D%/exponents.h %D%/collapse.c %D%/collapse.h %D%/emergence.c %D%/emergence.h \
  %D%/predicted.c %D%/predicted.h %D%/folder.c %D%/folder.h %D%/gnuplot.c %D%/gnuplot.h %D%/figure.c %D%/figure.h %D%/figure_list.c %D%/figures.def
# Every script that is there (GNU make). Kept with its folder, as data_path wants it.
nobase_dist_pkgdata_DATA += $(wildcard $(srcdir)/%D%/*.gp)
