bin_PROGRAMS += plateau
plateau_SOURCES = %D%/main.c %D%/cli.h %D%/command_run.c %D%/describe.c %D%/describe.h %D%/command_predict.c %D%/command_forecast.c %D%/command_schedule.c %D%/command_samples.c %D%/command_store.c %D%/command_import.c %D%/command_plan.c %D%/command_merge.c %D%/command_forget.c %D%/command_record.c %D%/command_fit.c \
  %D%/command_compare.c %D%/command_figure.c %D%/command_reproduce.c %D%/bench_parts.c %D%/bench_parts.h %D%/command_bench.c %D%/command_completion.c %D%/manifest.c %D%/manifest.h
nodist_plateau_SOURCES = commit.h
plateau_LDADD = libreport.a libfigures.a libplan.a libvalidation.a libstudy.a libstore.a librun.a libmodels.a $(libtensor) libparallel.a libbase.a $(EXTERNAL_LIBS)
man1_MANS += plateau.1
CLEANFILES += plateau.1
plateau.1: plateau$(EXEEXT)
	$(AM_V_GEN)./plateau man > $@

# Shell completion, where bash-completion and zsh look for it.
bashcompletiondir = $(datadir)/bash-completion/completions
nodist_bashcompletion_DATA = %D%/plateau
zshcompletiondir = $(datadir)/zsh/site-functions
nodist_zshcompletion_DATA = %D%/_plateau
nobase_dist_pkgdata_DATA += %D%/completion.bash %D%/completion.zsh
CLEANFILES += %D%/plateau %D%/_plateau
%D%/plateau: plateau$(EXEEXT) %D%/completion.bash
	$(AM_V_GEN)PLATEAU_DATA=$(abs_top_srcdir) ./plateau completion bash > $@
%D%/_plateau: plateau$(EXEEXT) %D%/completion.zsh
	$(AM_V_GEN)PLATEAU_DATA=$(abs_top_srcdir) ./plateau completion zsh > $@

# The commit, for manifests: written anew only when it changes. A tarball has none.
BUILT_SOURCES += commit.h
CLEANFILES += commit.h
$(plateau_OBJECTS): commit.h
commit.h: FORCE
	@new="#define BUILD_COMMIT \"`test -e $(srcdir)/.git && git -C $(srcdir) describe --always --dirty --abbrev=12 2>/dev/null || echo unknown`\""; \
	test "`cat $@ 2>/dev/null`" = "$$new" || echo "$$new" > $@
FORCE:
.PHONY: FORCE
