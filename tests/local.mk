# One program per module, in the order of the data flow; each links its library and those below it, nothing above.
if HAVE_CHECK
unit_tests = test_random test_flow test_prediction test_toy test_tensor test_transformer test_transformer_double test_store test_power_law
check_PROGRAMS += $(unit_tests) must_fail
TESTS += $(unit_tests) must_fail tests/test_cli.sh
XFAIL_TESTS += must_fail
endif
TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
AM_TESTS_ENVIRONMENT = OPENBLAS_NUM_THREADS=1 PLATEAU=$(abs_top_builddir)/plateau SOURCE=$(abs_top_srcdir); export OPENBLAS_NUM_THREADS PLATEAU SOURCE;
TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CHECK_CFLAGS)
test_harness = tests/test.c tests/test.h
models_below = libmodels.a $(libtensor) libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)

test_random_SOURCES = tests/test_random.c $(test_harness)
test_random_CPPFLAGS = $(TEST_CPPFLAGS)
test_random_LDADD = libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)
test_flow_SOURCES = tests/test_flow.c tests/reference.h $(test_harness)
test_flow_CPPFLAGS = $(TEST_CPPFLAGS)
test_flow_LDADD = $(models_below)
test_prediction_SOURCES = tests/test_prediction.c tests/reference.h $(test_harness)
test_prediction_CPPFLAGS = $(TEST_CPPFLAGS)
test_prediction_LDADD = $(models_below)
test_toy_SOURCES = tests/test_toy.c $(test_harness)
test_toy_CPPFLAGS = $(TEST_CPPFLAGS)
test_toy_LDADD = $(models_below)
test_tensor_SOURCES = tests/test_tensor.c $(test_harness)
test_tensor_CPPFLAGS = $(TEST_CPPFLAGS)
test_tensor_LDADD = $(libtensor) libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)
test_transformer_SOURCES = tests/test_transformer.c tests/transformer_oracle.c tests/transformer_oracle.h $(test_harness)
test_transformer_CPPFLAGS = $(TEST_CPPFLAGS)
test_transformer_LDADD = $(models_below)
# The same with real = double (src/tensor/real.h): the reference backend and the Transformer compiled once more.
check_LIBRARIES += libtransformer_double.a
libtransformer_double_a_SOURCES = src/tensor/kernels.c src/tensor/reference.c $(transformer_sources)
libtransformer_double_a_CPPFLAGS = $(AM_CPPFLAGS) -DREAL_IS_DOUBLE
test_transformer_double_SOURCES = $(test_transformer_SOURCES)
test_transformer_double_CPPFLAGS = $(TEST_CPPFLAGS) -DREAL_IS_DOUBLE
test_transformer_double_LDADD = libtransformer_double.a libbase.a $(CHECK_LIBS) $(EXTERNAL_LIBS)
test_store_SOURCES = tests/test_store.c $(test_harness)
test_store_CPPFLAGS = $(TEST_CPPFLAGS)
test_store_LDADD = libstudy.a librun.a $(models_below)
test_power_law_SOURCES = tests/test_power_law.c $(test_harness)
test_power_law_CPPFLAGS = $(TEST_CPPFLAGS)
test_power_law_LDADD = libvalidation.a $(models_below)
must_fail_SOURCES = tests/must_fail.c $(test_harness)
must_fail_CPPFLAGS = $(TEST_CPPFLAGS)
must_fail_LDADD = $(models_below)
EXTRA_DIST += tests/test_cli.sh tests/check.sh validation/studies/fig2-left.yaml docs/theory.md
