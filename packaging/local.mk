# Packages for those who do not build: a Python wheel (without root), a Debian package. Both land in the build folder.
EXTRA_DIST += %D%/wheel.sh %D%/wheel.py %D%/deb.sh %D%/debian/control %D%/debian/copyright %D%/debian/rules %D%/debian/source/format
.PHONY: wheel deb
wheel: $(srcdir)/configure
	@$(srcdir)/%D%/wheel.sh
deb:
	@$(MAKE) --no-print-directory --silent dist-gzip >/dev/null
	@$(srcdir)/%D%/deb.sh $(distdir).tar.gz
