# What the shell tests share: the program, a folder of its own, and TAP. Sourced.
set -u
plateau=${PLATEAU:?} source=${SOURCE:?}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0
ok() { # name, condition already evaluated as $?
    local rc=$1; n=$((n + 1))
    [[ $rc == 0 ]] && echo "ok $n - $2" || echo "not ok $n - $2"
}
fails() { # exit code, pattern, arguments...: refused with that message on stderr, nothing on stdout
    local want=$1 pattern=$2 rc; shift 2
    "$plateau" "$@" >"$work/out" 2>"$work/err"; rc=$?
    [[ $rc == "$want" && ! -s $work/out ]] && grep -qE "^plateau: .*$pattern" "$work/err"
    ok $? "plateau $* -> exit $want, $pattern"
}
prints() { # pattern, arguments...
    local pattern=$1; shift
    "$plateau" "$@" >"$work/out" 2>"$work/err" && grep -qE "$pattern" "$work/out"
    ok $? "plateau $* prints $pattern"
}
