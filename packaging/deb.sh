#!/usr/bin/env bash
# Makes a Debian package of a tarball of `make dist`, into the current folder. `make deb` calls it in the build folder; it works in deb/
# there. Needs no root. Tests are not run (`make check` is there for that), unless DEB_BUILD_OPTIONS is set to something else.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
tarball=$(realpath "${1:?}") out=$PWD
export DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS-nocheck noautodbgsym parallel=2}
unset MAKEFLAGS MAKELEVEL MFLAGS
for tool in dpkg-buildpackage dh; do
    command -v "$tool" >/dev/null || { echo "deb: $tool: not found; install dpkg-dev and debhelper (Debian, Ubuntu)" >&2; exit 2; }
done
name=$(basename "$tarball" .tar.gz)
rm -rf deb && mkdir deb && tar -xzf "$tarball" -C deb && cp -r "$source/packaging/debian" "deb/$name/debian" && cd "deb/$name"

# The version has one source, configure.ac; the date is that of the commit.
date=$(git -C "$source" log -1 --format=%cd --date=rfc2822 2>/dev/null || date -R)
cat >debian/changelog <<EOF
plateau (${name#plateau-}) unstable; urgency=medium

  * Version ${name#plateau-}: /usr/share/doc/plateau/NEWS.md.gz has what is new.

 -- $(sed -n 's/^Maintainer: //p' debian/control)  $date
EOF
missing=$(dpkg-checkbuilddeps 2>&1) || { echo "deb: ${missing##*: }: install these packages, and make deb again" >&2; exit 2; }
dpkg-buildpackage -b -us -uc >../log 2>&1 || { rc=$?; tail -n 40 ../log >&2; echo "deb: dpkg-buildpackage failed (whole log: $out/deb/log)" >&2; exit $rc; }
cd "$out" && for package in deb/*.deb; do
    mv "$package" . && echo "$out/${package#deb/}"
done
