# One program per module, in the order of the data flow; each links its library and those below it, nothing above.
if HAVE_CHECK
unit_tests = test_text test_random test_team test_scheduler test_root test_flow test_prediction test_chain test_reduced test_flow_map test_toy test_tensor test_transformer test_transformer_double test_implementations test_tasks \
  test_schedule test_clamp test_safetensors test_forecast test_run_forecast test_run_toy test_training test_recording test_self_test test_store test_store_trust test_lease test_export test_import test_merge test_power_law test_brackets test_fit test_kaplan_meier test_flow_observables test_claim test_quantity test_pairs test_studies test_threshold test_plan test_figure_data test_gnuplot
check_PROGRAMS += $(unit_tests) must_fail json_lines hold_lock
# The program from outside
shell_tests = tests/check_symbols.sh tests/test_cli.sh tests/test_install.sh tests/test_bootstrap.sh tests/test_train.sh tests/test_predict.sh tests/test_record.sh tests/test_import.sh tests/test_archive.sh tests/test_instruction_sets.sh tests/test_figure.sh tests/test_reproduce.sh tests/test_documentation.sh tests/test_completion.sh \
  tests/test_survival.sh tests/test_merge.sh tests/test_plan.sh tests/test_report.sh tests/test_mpi.sh tests/test_python.sh tests/test_results.sh
TESTS += $(unit_tests) must_fail $(shell_tests)
XFAIL_TESTS += must_fail
endif
TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
AM_TESTS_ENVIRONMENT = OPENBLAS_NUM_THREADS=1 PLATEAU=$(abs_top_builddir)/plateau SOURCE=$(abs_top_srcdir); export OPENBLAS_NUM_THREADS PLATEAU SOURCE;
TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CHECK_CFLAGS)
test_harness = tests/test.c tests/test.h
models_below = libmodels.a $(libtensor) libparallel.a libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)

test_text_SOURCES = tests/test_text.c $(test_harness)
test_text_CPPFLAGS = $(TEST_CPPFLAGS)
test_text_LDADD = libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)
test_team_SOURCES = tests/test_team.c $(test_harness)
test_team_CPPFLAGS = $(TEST_CPPFLAGS)
test_team_LDADD = libparallel.a libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)
test_scheduler_SOURCES = tests/test_scheduler.c $(test_harness)
test_scheduler_CPPFLAGS = $(TEST_CPPFLAGS)
test_scheduler_LDADD = libparallel.a libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)
test_random_SOURCES = tests/test_random.c $(test_harness)
test_random_CPPFLAGS = $(TEST_CPPFLAGS)
test_random_LDADD = libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)
test_root_SOURCES = tests/test_root.c $(test_harness)
test_root_CPPFLAGS = $(TEST_CPPFLAGS)
test_root_LDADD = $(models_below)
test_flow_SOURCES = tests/test_flow.c tests/reference.h $(test_harness)
test_flow_CPPFLAGS = $(TEST_CPPFLAGS)
test_flow_LDADD = $(models_below)
test_prediction_SOURCES = tests/test_prediction.c tests/reference.h $(test_harness)
test_prediction_CPPFLAGS = $(TEST_CPPFLAGS)
test_prediction_LDADD = $(models_below)
test_chain_SOURCES = tests/test_chain.c $(test_harness)
test_chain_CPPFLAGS = $(TEST_CPPFLAGS)
test_chain_LDADD = $(models_below)
test_reduced_SOURCES = tests/test_reduced.c $(test_harness)
test_reduced_CPPFLAGS = $(TEST_CPPFLAGS)
test_reduced_LDADD = $(models_below)
test_flow_map_SOURCES = tests/test_flow_map.c $(test_harness)
test_flow_map_CPPFLAGS = $(TEST_CPPFLAGS)
test_flow_map_LDADD = $(models_below)
test_toy_SOURCES = tests/test_toy.c $(test_harness)
test_toy_CPPFLAGS = $(TEST_CPPFLAGS)
test_toy_LDADD = $(models_below)
test_tensor_SOURCES = tests/test_tensor.c $(test_harness)
test_tensor_CPPFLAGS = $(TEST_CPPFLAGS)
test_tensor_LDADD = $(libtensor) libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)
test_transformer_SOURCES = tests/test_transformer.c tests/transformer_fixture.h tests/transformer_oracle.c tests/transformer_oracle.h $(test_harness)
test_transformer_CPPFLAGS = $(TEST_CPPFLAGS)
test_transformer_LDADD = $(models_below)
# The same with real = double (src/tensor/real.h): the reference backend and the Transformer compiled once more.
check_LIBRARIES += libtransformer_double.a
libtransformer_double_a_SOURCES = src/tensor/kernels.c src/tensor/reference.c $(transformer_sources)
libtransformer_double_a_CPPFLAGS = $(AM_CPPFLAGS) -DREAL_IS_DOUBLE
test_transformer_double_SOURCES = $(test_transformer_SOURCES)
test_transformer_double_CPPFLAGS = $(TEST_CPPFLAGS) -DREAL_IS_DOUBLE
test_transformer_double_LDADD = libtransformer_double.a libparallel.a libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)
test_implementations_SOURCES = tests/test_implementations.c $(test_harness)
test_implementations_CPPFLAGS = $(TEST_CPPFLAGS)
test_implementations_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=dnnl_primitive_create
test_implementations_LDADD = $(models_below)
test_schedule_SOURCES = tests/test_schedule.c tests/test_keys.h $(test_harness)
test_schedule_CPPFLAGS = $(TEST_CPPFLAGS)
test_schedule_LDADD = $(models_below)
test_clamp_SOURCES = tests/test_clamp.c tests/test_keys.h $(test_harness)
test_clamp_CPPFLAGS = $(TEST_CPPFLAGS)
test_clamp_LDADD = libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)
test_safetensors_SOURCES = tests/test_safetensors.c $(test_harness)
test_safetensors_CPPFLAGS = $(TEST_CPPFLAGS)
test_safetensors_LDADD = librun.a $(models_below)
test_forecast_SOURCES = tests/test_forecast.c $(test_harness)
test_forecast_CPPFLAGS = $(TEST_CPPFLAGS)
test_forecast_LDADD = librun.a $(models_below)
test_run_forecast_SOURCES = tests/test_run_forecast.c tests/test_keys.h $(test_harness)
test_run_forecast_CPPFLAGS = $(TEST_CPPFLAGS)
test_run_forecast_LDADD = librun.a $(models_below)
test_run_toy_SOURCES = tests/test_run_toy.c tests/test_keys.h $(test_harness)
test_run_toy_CPPFLAGS = $(TEST_CPPFLAGS)
test_run_toy_LDADD = librun.a $(models_below)
test_training_SOURCES = tests/test_training.c tests/test_keys.h $(test_harness)
test_training_CPPFLAGS = $(TEST_CPPFLAGS)
test_training_LDADD = librun.a $(models_below)
test_recording_SOURCES = tests/test_recording.c tests/test_keys.h $(test_harness)
test_recording_CPPFLAGS = $(TEST_CPPFLAGS)
test_recording_LDADD = librun.a $(models_below)
# Planted faults: what the libraries are asked to do goes through the test.
test_self_test_SOURCES = tests/test_self_test.c tests/test_keys.h $(test_harness)
test_self_test_CPPFLAGS = $(TEST_CPPFLAGS)
test_self_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=cblas_sgemm -Wl,--wrap=dnnl_primitive_execute
test_self_test_LDADD = librun.a $(models_below)
test_tasks_SOURCES = tests/test_tasks.c tests/test_keys.h $(test_harness)
test_tasks_CPPFLAGS = $(TEST_CPPFLAGS)
test_tasks_LDADD = $(models_below)
test_store_SOURCES = tests/test_store.c tests/store_fixture.h $(test_harness)
test_store_CPPFLAGS = $(TEST_CPPFLAGS)
test_store_LDADD = libstore.a librun.a $(models_below)
test_store_trust_SOURCES = tests/test_store_trust.c tests/store_fixture.h $(test_harness)
test_store_trust_CPPFLAGS = $(TEST_CPPFLAGS)
test_store_trust_LDADD = libstore.a librun.a $(models_below)
test_lease_SOURCES = tests/test_lease.c tests/store_fixture.h $(test_harness)
test_lease_CPPFLAGS = $(TEST_CPPFLAGS)
test_lease_LDADD = libstore.a librun.a $(models_below)
test_export_SOURCES = tests/test_export.c tests/store_fixture.h $(test_harness)
test_export_CPPFLAGS = $(TEST_CPPFLAGS)
test_export_LDADD = libstore.a librun.a $(models_below)
test_import_SOURCES = tests/test_import.c tests/store_fixture.h $(test_harness)
test_import_CPPFLAGS = $(TEST_CPPFLAGS)
test_import_LDADD = libstore.a librun.a $(models_below)
test_merge_SOURCES = tests/test_merge.c tests/store_fixture.h $(test_harness)
test_merge_CPPFLAGS = $(TEST_CPPFLAGS)
test_merge_LDADD = libstore.a librun.a $(models_below)
test_power_law_SOURCES = tests/test_power_law.c tests/power_law_fixture.h $(test_harness)
test_power_law_CPPFLAGS = $(TEST_CPPFLAGS)
test_power_law_LDADD = libvalidation.a $(models_below)
test_kaplan_meier_SOURCES = tests/test_kaplan_meier.c $(test_harness)
test_kaplan_meier_CPPFLAGS = $(TEST_CPPFLAGS)
test_kaplan_meier_LDADD = libvalidation.a $(models_below)
test_flow_observables_SOURCES = tests/test_flow_observables.c $(test_harness)
test_flow_observables_CPPFLAGS = $(TEST_CPPFLAGS)
test_flow_observables_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=flow_hessian
test_flow_observables_LDADD = libvalidation.a libstudy.a libstore.a librun.a $(models_below)
test_claim_SOURCES = tests/test_claim.c tests/claims_fixture.h $(test_harness)
test_claim_CPPFLAGS = $(TEST_CPPFLAGS)
test_claim_LDADD = libvalidation.a libstudy.a libstore.a librun.a $(models_below)
test_quantity_SOURCES = tests/test_quantity.c tests/claims_fixture.h $(test_harness)
test_quantity_CPPFLAGS = $(TEST_CPPFLAGS)
test_quantity_LDADD = libvalidation.a libstudy.a libstore.a librun.a $(models_below)
test_pairs_SOURCES = tests/test_pairs.c tests/claims_fixture.h $(test_harness)
test_pairs_CPPFLAGS = $(TEST_CPPFLAGS)
test_pairs_LDADD = libvalidation.a libstudy.a libstore.a librun.a $(models_below)
test_studies_SOURCES = tests/test_studies.c tests/claims_fixture.h $(test_harness)
test_studies_CPPFLAGS = $(TEST_CPPFLAGS)
test_studies_LDADD = libvalidation.a libstudy.a libstore.a librun.a $(models_below)
test_fit_SOURCES = tests/test_fit.c tests/claims_fixture.h $(test_harness)
test_fit_CPPFLAGS = $(TEST_CPPFLAGS)
test_fit_LDADD = libvalidation.a libstudy.a libstore.a librun.a $(models_below)
test_brackets_SOURCES = tests/test_brackets.c tests/claims_fixture.h tests/power_law_fixture.h $(test_harness)
test_brackets_CPPFLAGS = $(TEST_CPPFLAGS)
test_brackets_LDADD = libvalidation.a libstudy.a libstore.a librun.a $(models_below)
test_figure_data_SOURCES = tests/test_figure_data.c $(test_harness)
test_figure_data_CPPFLAGS = $(TEST_CPPFLAGS)
test_figure_data_LDADD = libfigures.a libvalidation.a libstudy.a libstore.a librun.a $(models_below)
test_gnuplot_SOURCES = tests/test_gnuplot.c $(test_harness)
test_gnuplot_CPPFLAGS = $(TEST_CPPFLAGS)
test_gnuplot_LDADD = libfigures.a libvalidation.a libstudy.a libstore.a librun.a $(models_below)
test_threshold_SOURCES = tests/test_threshold.c tests/claims_fixture.h $(test_harness)
test_threshold_CPPFLAGS = $(TEST_CPPFLAGS)
test_threshold_LDADD = libvalidation.a libstudy.a libstore.a librun.a $(models_below)
test_plan_SOURCES = tests/test_plan.c tests/store_fixture.h tests/test_keys.h $(test_harness)
test_plan_CPPFLAGS = $(TEST_CPPFLAGS)
test_plan_LDADD = libplan.a libvalidation.a libstudy.a libstore.a librun.a $(models_below)
json_lines_SOURCES = tests/json_lines.c
json_lines_LDADD = $(JANSSON_LIBS)
hold_lock_SOURCES = tests/hold_lock.c
hold_lock_LDADD = $(EXTERNAL_LIBS)
must_fail_SOURCES = tests/must_fail.c $(test_harness)
must_fail_CPPFLAGS = $(TEST_CPPFLAGS)
must_fail_LDADD = $(models_below)
EXTRA_DIST += $(shell_tests) tests/cli.sh tests/check.sh tests/debian.sh tests/packages.sh tests/document.sh tests/snapshot.sh
EXTRA_DIST += tests/bench/mpi.sh

# Static analysis (.clang-tidy, tests/cppcheck.txt): quiet, or it fails.
c_files = find $(top_srcdir)/src $(top_srcdir)/models $(top_srcdir)/validation $(top_srcdir)/plots $(top_srcdir)/tests -name '*.c'
lint_flags = $(DEFS) -I. $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(AM_CFLAGS) $(RANKS_CFLAGS) $(CHECK_CFLAGS)
tidy: config.h
	$(c_files) -print0 | xargs -0 -P 2 -n 1 sh -c 'clang-tidy --quiet "$$@" -- $(lint_flags)' tidy
.PHONY: tidy cppcheck
cppcheck: config.h
	$(c_files) -print0 | xargs -0 cppcheck --quiet --error-exitcode=1 --inline-suppr -j 2 --std=c11 --enable=warning,performance,portability \
	  --suppressions-list=$(top_srcdir)/tests/cppcheck.txt $(DEFS) -I. --include=config.h $(plateau_cppflags) -I$(top_srcdir)/tests
EXTRA_DIST += .clang-tidy tests/cppcheck.txt
# Not run by make check, but built: what tests/bench/run.sh compares with and measures on.
check_PROGRAMS += bare_cvode many_runs
bare_cvode_SOURCES = tests/bench/bare_cvode.c
bare_cvode_LDADD = $(EXTERNAL_LIBS)
many_runs_SOURCES = tests/bench/many_runs.c
many_runs_LDADD = libstore.a librun.a $(models_below)
EXTRA_DIST += tests/bench/run.sh tests/bench/flow_lsoda.py tests/bench/toy_torch.py tests/bench/transformer_torch.py tests/bench/transformer_jax.py
EXTRA_DIST += tests/cross/transformer.py tests/cross/torch_gradient.py tests/cross/torch_train.py
