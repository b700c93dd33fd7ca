noinst_LIBRARIES += libvalidation.a
libvalidation_a_SOURCES = %D%/power_law.c %D%/power_law.h %D%/power_law_solver.c %D%/power_law_solver.h \
  %D%/monomial.c %D%/monomial.h %D%/dataset.c %D%/dataset.h %D%/fit.c %D%/fit.h \
  %D%/measure.c %D%/measure.h %D%/compare.c %D%/compare_read.c %D%/compare.h %D%/accuracy.c %D%/accuracy.h
nobase_dist_pkgdata_DATA += %D%/claims.yaml %D%/studies/fig1a.yaml %D%/studies/fig1b.yaml %D%/studies/fig1c.yaml \
  %D%/studies/fig2-left.yaml %D%/studies/fig2-left-grid.yaml %D%/studies/fig2-right.yaml %D%/studies/fig6.yaml %D%/studies/fig7.yaml \
  %D%/studies/fig8.yaml %D%/studies/fig9.yaml %D%/studies/fig10.yaml %D%/studies/errors.yaml %D%/studies/repetition.yaml
