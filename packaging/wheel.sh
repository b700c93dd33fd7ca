#!/usr/bin/env bash
# Makes a Python wheel of the program, the libraries that it needs and the Python package, into the current folder. `make wheel` calls it in
# the build folder; it builds anew in wheel/ there. Needs Debian or Ubuntu, whose packages say what each library's licence is, and Python 3.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
out=$PWD work=$PWD/wheel
for tool in dpkg-query python3 readelf strip ldd; do
    command -v "$tool" >/dev/null || { echo "wheel: $tool: not found; a wheel is made on Debian or Ubuntu with build-essential and python3" >&2; exit 2; }
done

# Without MPI, which has to be the one of the machines that a job runs on. The libraries are found by the program's own place, before those
# that LD_LIBRARY_PATH names (an RPATH; it also serves the libraries' own needs, for which a RUNPATH would not do).
mkdir -p "$work/build" && cd "$work/build"
[[ Makefile -nt $source/configure ]] || "$source/configure" --quiet --prefix=/nonexistent --without-mpi
options=(--no-print-directory -j"$(nproc)" source_data= LDFLAGS="-Wl,--disable-new-dtags,-rpath,'\$\$ORIGIN/../lib'")
unset LD_LIBRARY_PATH MAKEFLAGS MAKELEVEL # the libraries of the packages; the options of this make
rm -rf "$work/stage"
{ make "${options[@]}" all && make "${options[@]}" --silent install DESTDIR="$work/stage"; } >"$work/log" 2>&1 ||
    { rc=$?; tail -n 40 "$work/log" >&2; echo "wheel: the build failed (whole log: $work/log)" >&2; exit $rc; }
strip --strip-unneeded "$work/stage/nonexistent/bin/plateau"

wheel=$(python3 "$source/packaging/wheel.py" "$source" "$work/stage/nonexistent" "$out")

# What was made has to stand alone: it is unpacked elsewhere, takes its own libraries, and runs.
try=$(mktemp -d)
trap 'rm -rf "$try"' EXIT
python3 -m zipfile -e "$wheel" "$try" && chmod +x "$try/plateau/bin/plateau"
strangers=$(ldd "$try/plateau/bin/plateau" | awk '/=>/ { print $3 }' | grep -v "^$try/" | xargs -r realpath | sed 's/^\/usr//' |
    grep -vE '/lib(c|m|mvec|dl|rt|pthread|resolv|util)\.so\.[0-9]+$' || true)
[[ ! $strangers ]] || { echo "wheel: $wheel: the program takes libraries from outside of it: $strangers" >&2; exit 3; }
(cd / && env -i "$try/plateau/bin/plateau" flow T=64 d=16 --quiet >/dev/null)
echo "$wheel"
