# The manual: Markdown, installed as it is and as man pages, which man.awk makes of it.
dist_doc_DATA = README.md NEWS.md CONTRIBUTING.md CITATION.cff
manual = %D%/tutorial.md %D%/studies.md %D%/figures.md %D%/claims.md %D%/formats.md %D%/results.md %D%/python.md %D%/theory.md %D%/extending.md
# Not for the users of the program: no man pages.
behind = %D%/README.md %D%/decisions.md %D%/findings.md
nobase_dist_doc_DATA = $(manual) $(behind) \
  examples/own_runs.py examples/read_results.py examples/read_results.R \
  examples/own_training.py examples/emergence.ipynb \
  examples/slurm-mpi.sbatch examples/slurm-array.sbatch examples/slurm-merge.sbatch
man5_MANS = plateau-studies.5 plateau-claims.5 plateau-formats.5
man7_MANS = plateau-tutorial.7 plateau-figures.7 plateau-results.7 plateau-python.7 plateau-theory.7 plateau-extending.7
CLEANFILES += $(man5_MANS) $(man7_MANS)
EXTRA_DIST += %D%/man.awk %D%/repetition.svg %D%/findings results
$(man5_MANS) $(man7_MANS): %D%/man.awk $(manual)
	$(AM_V_GEN)page=$@ && page=$${page#plateau-} && $(AWK) -v version=$(VERSION) -f $(srcdir)/doc/man.awk $(srcdir)/doc/$${page%.*}.md >$@
