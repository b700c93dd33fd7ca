#!/usr/bin/env bash
# ./bootstrap check [--full]: every test, ending in one line "N passed, N failed".
set -u
cd "$(dirname "$0")/.."
full=no
case ${1:-} in --full) full=yes ;; "") ;; *) echo "check: $1: expected --full or nothing" >&2; exit 2 ;; esac
passed=0 failed=0

count() { # log of `make check` -> totals; XFAIL is the test that must fail, and does
    local pass fail
    pass=$(awk '/^# (PASS|XFAIL):/ { n += $3 } END { print n + 0 }' "$1")
    fail=$(awk '/^# (FAIL|XPASS|ERROR):/ { n += $3 } END { print n + 0 }' "$1")
    passed=$((passed + $pass)) failed=$((failed + $fail))
    [[ $pass -gt 0 ]] || failed=$((failed + 1)) # nothing ran: broken
}

step() { # name, command...: one test of its own
    local log=build/check-${1// /-}.log
    if ("${@:2}") >"$log" 2>&1; then
        passed=$((passed + 1)); echo "ok: $1"
    else
        failed=$((failed + 1)); echo "FAILED: $1 (log: $log)"; tail -n 30 "$log"
    fi
}

make -C build check -j2 >build/check.log 2>&1 || true
grep -E '^(FAIL|XPASS|ERROR):' build/check.log
count build/check.log

sanitized() {
    ulimit -t 600; mkdir -p build/sanitized && cd build/sanitized || return 1
    [[ -f Makefile ]] || ../../configure --enable-werror --enable-sanitizers CFLAGS="-O1 -g" || return 1
    make -j2 && make check -j2
}
step "tests with ASan and UBSan" sanitized

memcheck() {
    local program
    for program in test_flow test_prediction; do
        CK_FORK=no valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite "build/$program" || return 1
    done
}
if command -v valgrind >/dev/null; then step "valgrind" memcheck; else echo "skipped: valgrind is not installed"; fi

if [[ $full == yes ]]; then
    step "stated errors on the full grid" env PLATEAU_TEST_FULL=1 bash -c 'build/test_prediction | tee /dev/stderr | { ! grep -q "^not ok"; }'
    step "distcheck" make -C build distcheck
fi

echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
