noinst_LIBRARIES += libmodels.a
transformer_sources = %D%/transformer.c %D%/transformer.h %D%/transformer_parameters.c %D%/transformer_internal.h %D%/transformer_workspace.c \
  %D%/transformer_clamp.c %D%/transformer_layer.c %D%/transformer_first_qkv.c %D%/transformer_last_query.c %D%/transformer_embed_readout.c %D%/transformer_step.c
libmodels_a_SOURCES = %D%/ode.c %D%/ode.h %D%/flow.c %D%/flow.h %D%/flow_solver.c %D%/flow_solver.h %D%/optimum.c %D%/optimum.h %D%/prediction.c %D%/prediction.h \
  %D%/chain.c %D%/chain.h %D%/reduced.c %D%/reduced.h %D%/reduced_rates.c %D%/reduced_solver.c %D%/reduced_solver.h %D%/flow_map.c %D%/flow_map.h %D%/root.c %D%/root.h \
  %D%/published.c %D%/published.h %D%/published.def \
  %D%/start.c %D%/start.h %D%/toy.c %D%/toy.h %D%/toy_chain.c %D%/toy_chain.h %D%/toy_products.c %D%/toy_products.h \
  %D%/samples.c %D%/samples.h %D%/regression.c %D%/regression.h %D%/recall.c %D%/recall.h %D%/task.c %D%/task.h %D%/transformer_config.c $(transformer_sources)
libmodels_a_CFLAGS = $(AM_CFLAGS) -O3 $(loop_cflags)
# Sampling and the toy's loops vectorise (Makefile.am); flow, predictions and the rest keep the C standard's errno and traps.
%D%/libmodels_a-toy.$(OBJEXT) %D%/libmodels_a-samples.$(OBJEXT) %D%/libmodels_a-regression.$(OBJEXT) \
%D%/libmodels_a-recall.$(OBJEXT) %D%/libmodels_a-toy_chain.$(OBJEXT) %D%/libmodels_a-toy_products.$(OBJEXT) %D%/libmodels_a-reduced_rates.$(OBJEXT): loop_cflags = $(LOOP_CFLAGS)
EXTRA_DIST += %D%/README.md
