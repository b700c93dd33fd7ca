# The parsers under libFuzzer: `make fuzzers`, in a build configured with CC=clang --enable-fuzzing. Built on demand only.
fuzzers = fuzz_grid fuzz_study fuzz_import fuzz_claims fuzz_safetensors fuzz_store
EXTRA_PROGRAMS = $(fuzzers)
fuzz_harness = %D%/fuzz.c %D%/fuzz.h
fuzz_below = libstudy.a libstore.a librun.a libmodels.a $(libtensor) libparallel.a libbase.a $(EXTERNAL_LIBS)
fuzz_link = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_grid_SOURCES = %D%/fuzz_grid.c $(fuzz_harness)
fuzz_grid_LDADD = $(fuzz_below)
fuzz_grid_LDFLAGS = $(fuzz_link)
fuzz_study_SOURCES = %D%/fuzz_study.c $(fuzz_harness)
fuzz_study_LDADD = $(fuzz_below)
fuzz_study_LDFLAGS = $(fuzz_link)
fuzz_import_SOURCES = %D%/fuzz_import.c $(fuzz_harness)
fuzz_import_LDADD = $(fuzz_below)
fuzz_import_LDFLAGS = $(fuzz_link)
fuzz_claims_SOURCES = %D%/fuzz_claims.c $(fuzz_harness)
fuzz_claims_LDADD = libvalidation.a $(fuzz_below)
fuzz_claims_LDFLAGS = $(fuzz_link)
fuzz_safetensors_SOURCES = %D%/fuzz_safetensors.c $(fuzz_harness)
fuzz_safetensors_LDADD = $(fuzz_below)
fuzz_safetensors_LDFLAGS = $(fuzz_link)
fuzz_store_SOURCES = %D%/fuzz_store.c $(fuzz_harness)
fuzz_store_LDADD = $(fuzz_below)
fuzz_store_LDFLAGS = $(fuzz_link)
fuzzers: $(fuzzers)
.PHONY: fuzzers
CLEANFILES += $(fuzzers)
EXTRA_DIST += %D%/corpus
