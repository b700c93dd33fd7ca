#!/usr/bin/env bash
# ./bootstrap check [--full]: every test, ending in one line "N passed, N failed, N skipped". The tests of `make check` count one by
# one, every other step as one. What this machine cannot run (an instruction set, a program) is listed before that line, so that nobody
# takes "passed" for "tried".
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD
. tests/debian.sh
full=no
case ${1:-} in --full) full=yes ;; "") ;; *) echo "check: $1: expected --full or nothing" >&2; exit 2 ;; esac
passed=0 failed=0 skipped=0 untried=()
FUZZ_SECONDS=60 # all fuzzers together

count() { # log of `make check` -> totals; XFAIL is the test that must fail, and does
    local pass fail
    pass=$(awk '/^# (PASS|XFAIL):/ { n += $3 } END { print n + 0 }' "$1")
    fail=$(awk '/^# (FAIL|XPASS|ERROR):/ { n += $3 } END { print n + 0 }' "$1")
    passed=$((passed + pass)) failed=$((failed + fail))
    while IFS= read -r line; do untried+=("$line") skipped=$((skipped + 1)); done < <(sed -n 's/^SKIP: [^ ]* *[0-9]* *-* *//p' "$1")
    ((pass > 0)) || failed=$((failed + 1)) # nothing ran: broken
}

step() { # name, command...: one test of its own; a command that ends with 77 was skipped, and its last line says why
    local log="build/check-${1//[ \/]/-}.log" begun=$SECONDS rc
    ("${@:2}") >"$log" 2>&1 </dev/null; rc=$?
    case $rc in
    0) passed=$((passed + 1)); echo "ok: $1 ($((SECONDS - begun)) s)" ;;
    77) skipped=$((skipped + 1)) untried+=("$1: $(tail -n 1 "$log")"); echo "skipped: $1: $(tail -n 1 "$log")" ;;
    *) failed=$((failed + 1)); echo "FAILED: $1 (exit $rc, $((SECONDS - begun)) s; log: $log)"; grep -E '^(FAIL|XPASS|ERROR):|^not ok' "$log" | head -n 20; tail -n 30 "$log" ;;
    esac
}

# The commands of a document, in a folder that looks like a clone; what it quotes is what they print.
document() {
    case $1 in doc/results.md) command -v Rscript >/dev/null || { echo "Rscript is not installed"; return 77; } ;; esac
    work=$(mktemp -d) && ln -s "$root"/{build,validation,doc,examples} "$work" && cd "$work" || return 1
    trap 'rm -rf "$work"' EXIT
    local rc least=3; [[ $1 != README.md ]] || least=20
    PATH=$root/build:$PATH timeout 900 "$root/tests/document.sh" "$root/$1" >said; rc=$?
    cat said
    [[ $rc != 0 ]] || (($(grep -c '^\$ ' said) >= least)) || { echo "$1: commands were overlooked"; rc=1; }
    return $rc
}

sanitized() {
    mkdir -p build/sanitized && cd build/sanitized || return 1
    [[ -f Makefile ]] || ../../configure --enable-werror --enable-sanitizers CFLAGS="-O1 -g" || return 1
    make -j2 || return 1
    if [[ $full == yes ]]; then make check -j2; return; fi
    # What exercises the libraries' instruction sets and the model's mathematics more than our memory is left to --full: it takes minutes.
    make check -j2 TESTS="$(printf 'include Makefile\nshow: ; @echo $(filter-out %%/test_instruction_sets.sh %%/test_mpi.sh %%/test_predict.sh test_transformer_double test_implementations test_flow test_flow_map test_tasks, $(TESTS))\n' | make -s -f - show)"
}

without_onednn() { # as where the distribution has none: products by CBLAS
    mkdir -p build/without-onednn && cd build/without-onednn || return 1
    [[ -f Makefile ]] || ../../configure --enable-werror --without-onednn || return 1
    make -j2 && make check -j2 TESTS="test_tensor test_transformer test_implementations test_self_test test_training tests/test_train.sh tests/test_instruction_sets.sh"
}

with_clang() { # as on a BSD or a Mac: no loops for one instruction set, other warnings
    mkdir -p build/clang && cd build/clang || return 1
    [[ -f Makefile ]] || ../../configure --enable-werror CC=clang || return 1
    make -j2 && make check -j2 TESTS="test_random test_flow test_tensor test_transformer test_training test_figure_data tests/test_cli.sh tests/test_install.sh"
}

memcheck() { # unit tests...: all pass, no error, nothing lost for good; two at a time, for valgrind runs one thread at once
    printf '%s\0' "$@" | SOURCE=$root CK_FORK=no CK_DEFAULT_TIMEOUT=0 xargs -0 -P 2 -n 1 sh -c '
        log=build/valgrind-$1.log
        valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite "build/$1" >"$log" 2>&1 && ! grep "^not ok" "$log" ||
            { tail -n 30 "$log"; echo "FAILED: $1 (whole log: $log)"; exit 1; }
        echo "ok: $1"' memcheck
}

fuzzed() { # two at a time, from the committed seeds and what earlier runs found
    local build=build/fuzz seconds=$((FUZZ_SECONDS * 2 / 6)) name
    mkdir -p $build && { [[ -f $build/Makefile ]] || (cd $build && ../../configure CC=clang --enable-fuzzing CFLAGS="-O1 -g"); } &&
        make -C $build -j2 fuzzers || return 1
    build/plateau keys | awk '/^  [A-Za-z]/ { print "\"" $1 "\"" }' >$build/keys.dict
    for name in grid study import claims safetensors store; do
        mkdir -p $build/found/$name
        printf '%s\0' $name
    done | xargs -0 -P 2 -n 1 sh -c "$build/fuzz_\$1 -max_total_time=$seconds -timeout=10 -rss_limit_mb=2048 -max_len=4096 -verbosity=0 \
        -print_final_stats=1 -dict=$build/keys.dict -artifact_prefix=$build/\$1- $build/found/\$1 tests/fuzz/corpus/\$1" fuzz
}

formatted() { # as .clang-format says; another version than Debian 12's breaks some lines elsewhere
    clang-format --version | grep -q 'version 14\.' || { echo "this is not clang-format 14"; return 77; }
    git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run -Werror
}

man_pages() {
    local page warnings
    for page in build/plateau*.[1-9]; do
        warnings=$(groff -man -t -rcR=1 -Tutf8 -ww -z "$page" 2>&1) && [[ -z $warnings ]] || { echo "$page: $warnings"; return 1; }
    done
}

installed() { # into a folder, used from there, and taken away without a rest
    local to=$PWD/build/installed
    rm -rf "$to" && make -C build install DESTDIR="$to" && "$to/usr/local/bin/plateau" flow T=64 d=16 &&
        [[ -s $to/usr/local/share/man/man1/plateau.1 && -s $to/usr/local/share/man/man7/plateau-tutorial.7 &&
            -s $to/usr/local/share/bash-completion/completions/plateau && -s $to/usr/local/share/zsh/site-functions/_plateau &&
            -s $to/usr/local/share/doc/plateau/doc/tutorial.md && -s $to/usr/local/share/plateau/validation/claims.yaml ]] &&
        make -C build uninstall DESTDIR="$to" && [[ -z $(find "$to" ! -type d) ]]
}

# Build and test with SUNDIALS 7 and GCC 14. build/trixie is kept: a second run is quick.
trixie() {
    local to
    debian trixie "$PWD/build/trixie" || return $?
    copy_sources "$to" || return 1
    inside "$to" 'cd /plateau && ./bootstrap && make -C build check -j2 && dpkg-query -W libsundials-dev gcc'
}

# The tutorial to the letter, from nothing, in ten minutes; what is cloned is what was committed. The Debian begins anew each time.
tutorial() {
    local to begun
    umount "$PWD"/build/bookworm/{proc,sys} 2>/dev/null
    rm -rf --one-file-system "$PWD/build/bookworm"
    debian bookworm "$PWD/build/bookworm" || return $?
    git clone --quiet --bare "$root" "$to/repository" && cp tests/document.sh doc/tutorial.md "$to/root" || return 1
    begun=$SECONDS
    time inside "$to" 'cd /root && REPOSITORY=/repository ./document.sh --letter tutorial.md' || return 1
    echo "tutorial: $((SECONDS - begun)) s"
    ((SECONDS - begun <= 600))
}

make -C build check -j2 >build/check.log 2>&1 </dev/null
grep -E '^(FAIL|XPASS|ERROR):' build/check.log
count build/check.log
echo "make check: $passed passed, $failed failed ($SECONDS s)"

for name in README.md doc/tutorial.md doc/results.md doc/studies.md; do
    step "commands of $name" document $name
done
step "tests with ASan and UBSan" sanitized
step "valgrind" memcheck test_prediction test_store
step "fuzzing" fuzzed
step "clang-tidy" make -C build tidy
step "cppcheck" make -C build cppcheck
step "format" formatted
step "man pages" man_pages
step "install and uninstall" installed

# A Python with these modules: the one that PYTHON names, or the system's.
python_has() {
    local python=${PYTHON:-python3}
    "$python" -c "import $1" 2>/dev/null || { echo "$python has no $1"; return 1; }
}

own_training() { # the example in PyTorch, recorded, comes near to the prediction
    python_has torch || return 77
    local folder; folder=$(mktemp -d) || return 1
    trap 'rm -rf "$folder"' EXIT
    PLATEAU=$root/build/plateau PYTHONPATH=$root/python "${PYTHON:-python3}" examples/own_training.py "$folder/own.db" | tee "$folder/said" &&
        awk '/^plateau: .*emerged/ { good = $2 > $NF / 2 && $2 < 2 * $NF } END { exit !good }' "$folder/said" &&
        [[ $(build/plateau export "$folder/own.db" --format jsonl --study own | wc -l) == 1 ]]
}

notebook() { # every cell runs, and no output is stored
    python_has nbclient && python_has ipykernel || return 77
    local folder; folder=$(mktemp -d) || return 1
    trap 'rm -rf "$folder"' EXIT
    PLATEAU=$root/build/plateau PYTHONPATH=$root/python "${PYTHON:-python3}" - "$root/examples/emergence.ipynb" "$folder" <<'P'
import sys
import nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(book)
assert not any(cell.get("outputs") for cell in book.cells), "an output is stored"
NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": sys.argv[2]}}).execute()
print("".join(output.get("text", "") or str(output.get("data", {}).get("text/html", "")) for cell in book.cells for output in cell.get("outputs", [])))
P
}

if [[ $full == yes ]]; then
    step "examples/own_training.py" own_training
    step "examples/emergence.ipynb" notebook
    step "stated errors on the full grid" env PLATEAU_TEST_FULL=1 bash -c '{ build/test_prediction; build/test_flow; } | tee /dev/stderr | { ! grep -q "^not ok"; }'
    step "without oneDNN" without_onednn
    step "with Clang" with_clang
    step "distcheck" make -C build distcheck
    # but those that ask for a backend by name: valgrind is so slow that its self-test takes the time of one that hangs
    step "valgrind on every unit test" memcheck $(cd build && ls -d test_* | grep -vE '\.|^test_(implementations|self_test|tensor|transformer)$')
    step "Debian 13" trixie
    step "tutorial on a bare Debian 12" tutorial
    step "wheel on a bare Debian 12" tests/packages.sh wheel bookworm
    step "wheel on a bare Debian 13" tests/packages.sh wheel trixie
    step "Debian package" tests/packages.sh deb
    step "arm64" tests/packages.sh arm64
    step "quick reproduce, theory" build/plateau reproduce theory --scale quick --out build/report-quick # Transformers: half an hour more
fi

((skipped == 0)) || printf 'not tried here: %s\n' "${untried[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed == 0 ]]
