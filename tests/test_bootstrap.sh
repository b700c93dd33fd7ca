#!/usr/bin/env bash
# ./bootstrap where packages are lacking and nobody is root: it builds with what is there, or says how to go on. In a clone of stand-ins, with a PATH of
# its own, so that neither root nor Debian is needed. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
mkdir "$work/clone" "$work/bin" && cd "$work/clone" && cp "$source/bootstrap" . && touch configure.ac || exit 1
for tool in bash sh env comm sort sed tr mkdir tail grep make dirname nproc cat touch; do ln -s "$(command -v "$tool")" "$work/bin"; done
printf '#!/bin/sh\necho 1000\n' >"$work/bin/id"
printf '#!/bin/sh\necho "gnuplot-nox install ok installed"\nexit 1\n' >"$work/dpkg-query" # all others are not
printf '#!/bin/sh\n%s\n' 'touch config.status; echo "all: ; touch built" >Makefile' >works
printf '#!/bin/sh\n%s\n' 'echo "configure: error: CVodeCreate not found: install libsundials-dev, or run ./bootstrap" >&2; exit 1' >breaks
chmod +x "$work/bin/id" "$work/dpkg-query"
boot() { # works or breaks, arguments...
    rm -rf build && cp "$1" configure && chmod +x configure && touch -t 200001010000 configure.ac && PATH=$work/bin ./bootstrap "${@:2}" >out 2>err
}

ln -s "$work/dpkg-query" "$work/bin"
boot works && [[ -e build/built && $(wc -l <err) == 1 ]] && grep -q '^bootstrap: building without packages .*: autoconf .* check ' err && ! grep -q gnuplot err
ok $? "no root, but all is there: it builds, and says what is not installed"
PATH=$work/bin ./bootstrap >out 2>err && [[ ! -s out && ! -s err ]]; ok $? "the second time without a word"
boot breaks; [[ $? == 2 ]] && grep -q '^configure: error: CVodeCreate not found' err && grep -q 'sudo apt-get install .* libsundials-dev' err && grep -q 'pip install plateau-\*\.whl' err
ok $? "something is not there: what, the command for root, and the wheel; exit 2"
boot works check; [[ $? == 2 && ! -e build/built ]] && grep -q 'sudo apt-get install .* valgrind' err; ok $? "a check wants its packages"
rm "$work/bin/dpkg-query"
boot works && [[ -e build/built && ! -s err ]]; ok $? "not Debian, all is there: it builds"
boot breaks; [[ $? == 2 ]] && grep -q 'not Debian or Ubuntu; install .* libsundials-dev' err && grep -q whl err; ok $? "and if not: what Debian calls the packages, and the wheel"
rm configure; PATH=$work/bin ./bootstrap 2>err; [[ $? == 2 ]] && grep -q 'autoreconf' err && grep -q 'install .* autoconf' err; ok $? "no autoconf: the same"
PATH=$work/bin ./bootstrap nonsense 2>err; [[ $? == 2 ]] && grep -q 'nonsense: expected nothing' err; ok $? "an unknown word"
finish
