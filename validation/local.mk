noinst_LIBRARIES += libvalidation.a
libvalidation_a_SOURCES = %D%/power_law.c %D%/power_law.h %D%/power_law_solver.c %D%/power_law_solver.h \
  %D%/kaplan_meier.c %D%/kaplan_meier.h %D%/monomial.c %D%/monomial.h %D%/dataset.c %D%/dataset.h %D%/fit.c %D%/fit.h %D%/pairs.c %D%/pairs.h \
  %D%/extrapolate.c %D%/extrapolate.h %D%/flow_observables.c %D%/flow_observables.h %D%/flow_observables.def %D%/claim.c %D%/claim.h %D%/quantity.c %D%/quantity.h %D%/judge.c %D%/judge.h \
  %D%/compare_databases.c %D%/compare_databases.h %D%/prediction_error.c %D%/prediction_error.h
nobase_dist_pkgdata_DATA += %D%/claims.yaml %D%/studies/fig1a.yaml %D%/studies/fig1b.yaml %D%/studies/fig1c.yaml \
  %D%/studies/fig2-left.yaml %D%/studies/fig2-left-grid.yaml %D%/studies/fig2-right.yaml %D%/studies/fig6.yaml %D%/studies/fig7.yaml \
  %D%/studies/fig8.yaml %D%/studies/fig9.yaml %D%/studies/fig10.yaml %D%/studies/errors.yaml %D%/studies/repetition.yaml %D%/claims-transformer.yaml \
  %D%/studies/fig3.yaml %D%/studies/fig3-right.yaml %D%/studies/fig4.yaml %D%/studies/fig5.yaml %D%/studies/fig11.yaml %D%/studies/fig12.yaml \
  %D%/studies/fig13.yaml %D%/studies/fig14.yaml %D%/studies/fig15.yaml %D%/studies/fig17.yaml %D%/studies/choices.yaml %D%/studies/schedule.yaml \
  %D%/studies/schedule-transformer.yaml %D%/studies/reduced-settings.yaml %D%/studies/reduced-grid.yaml %D%/studies/reduced-layers.yaml %D%/studies/reduced-parts.yaml \
  %D%/studies/forecast.yaml %D%/studies/forecast-never.yaml %D%/studies/reduced-map.yaml %D%/studies/reduced-published.yaml %D%/studies/chain.yaml %D%/studies/clamp.yaml
