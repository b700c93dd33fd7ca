noinst_LIBRARIES += libfigures.a
libfigures_a_SOURCES = %D%/runs.c %D%/runs.h %D%/figure_data.c %D%/figure_data.h %D%/curves.c %D%/curves.h %D%/anatomy.c %D%/anatomy.h \
  %D%/points.c %D%/points.h %D%/law.c %D%/law.h %D%/laws.c %D%/laws.h %D%/chosen.c %D%/chosen.h %D%/phase.c %D%/phase.h \
  %D%/survival.c %D%/survival.h %D%/exponents.c %D%/exponents.h %D%/collapse.c %D%/collapse.h %D%/emergence.c %D%/emergence.h \
  %D%/training.c %D%/training.h %D%/folder.c %D%/folder.h %D%/gnuplot.c %D%/gnuplot.h %D%/figure.c %D%/figure.h
nobase_dist_pkgdata_DATA += %D%/common.gp %D%/fig1a.gp %D%/fig1b.gp %D%/fig1c.gp %D%/fig2-left.gp %D%/fig2-right.gp \
  %D%/fig3-left.gp %D%/fig3-middle.gp %D%/fig3-right.gp %D%/fig4-left.gp %D%/fig4-right.gp %D%/fig5.gp \
  %D%/fig6.gp %D%/fig7.gp %D%/fig8.gp %D%/fig9.gp %D%/fig10.gp %D%/fig11.gp \
  %D%/fig12.gp %D%/fig13.gp %D%/fig14.gp %D%/fig15.gp %D%/fig16.gp %D%/fig17.gp %D%/figerrors.gp %D%/figrepetition.gp %D%/figschedule.gp %D%/figphase.gp %D%/figsurvival.gp %D%/figexponents.gp %D%/figcollapse.gp
