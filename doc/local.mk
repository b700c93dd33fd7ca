# The manual: Markdown, installed as it is and as man pages, which man.awk makes of it.
dist_doc_DATA = README.md CITATION.cff
nobase_dist_doc_DATA = %D%/tutorial.md %D%/studies.md %D%/figures.md %D%/claims.md %D%/formats.md %D%/results.md %D%/theory.md %D%/extending.md \
  examples/own_runs.py examples/read_results.py examples/read_results.R
man5_MANS = plateau-studies.5 plateau-claims.5 plateau-formats.5
man7_MANS = plateau-tutorial.7 plateau-figures.7 plateau-results.7 plateau-theory.7 plateau-extending.7
CLEANFILES += $(man5_MANS) $(man7_MANS)
EXTRA_DIST += %D%/man.awk %D%/repetition.svg
to_man = $(AM_V_GEN)$(AWK) -v version=$(VERSION) -f $(srcdir)/doc/man.awk
plateau-studies.5: %D%/studies.md %D%/man.awk
	$(to_man) $(srcdir)/doc/studies.md > $@
plateau-claims.5: %D%/claims.md %D%/man.awk
	$(to_man) $(srcdir)/doc/claims.md > $@
plateau-formats.5: %D%/formats.md %D%/man.awk
	$(to_man) $(srcdir)/doc/formats.md > $@
plateau-tutorial.7: %D%/tutorial.md %D%/man.awk
	$(to_man) $(srcdir)/doc/tutorial.md > $@
plateau-figures.7: %D%/figures.md %D%/man.awk
	$(to_man) $(srcdir)/doc/figures.md > $@
plateau-results.7: %D%/results.md %D%/man.awk
	$(to_man) $(srcdir)/doc/results.md > $@
plateau-theory.7: %D%/theory.md %D%/man.awk
	$(to_man) $(srcdir)/doc/theory.md > $@
plateau-extending.7: %D%/extending.md %D%/man.awk
	$(to_man) $(srcdir)/doc/extending.md > $@
