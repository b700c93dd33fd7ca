bin_PROGRAMS += plateau
plateau_SOURCES = %D%/main.c %D%/cli.h %D%/command_run.c %D%/command_store.c %D%/command_fit.c %D%/command_compare.c
plateau_LDADD = libvalidation.a libstudy.a librun.a libmodels.a $(libtensor) libbase.a $(EXTERNAL_LIBS)
man1_MANS += plateau.1
CLEANFILES += plateau.1
plateau.1: plateau$(EXEEXT)
	$(AM_V_GEN)./plateau man > $@
