# Shared by the tests of the program from outside. Speaks TAP; each test works in a folder of its own, $work, and ends with `finish`.
set -u
export LC_ALL=C # text is bytes
plateau=${PLATEAU:?} source=${SOURCE:?}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0
ok() { # exit status of the condition, name
    local rc=$1; n=$((n + 1))
    [[ $rc == 0 ]] && echo "ok $n - $2" || echo "not ok $n - $2"
}
skip() { # name, reason
    n=$((n + 1)); echo "ok $n - $1 # SKIP $2"
}
fails() { # exit code, pattern, arguments...: refused with that message on stderr, nothing on stdout
    local want=$1 pattern=$2 rc; shift 2
    "$plateau" "$@" >"$work/out" 2>"$work/err"; rc=$?
    [[ $rc == "$want" && ! -s $work/out ]] && grep -qE "^plateau: .*$pattern" "$work/err"
    ok $? "plateau $(printf '%q ' "$@") -> exit $want, $pattern"
}
prints() { # pattern, arguments...
    local pattern=$1; shift
    "$plateau" "$@" >"$work/out" 2>"$work/err" && grep -qE -e "$pattern" "$work/out"
    ok $? "plateau $* prints $pattern"
}
rows() { # database, options..: its runs, without what differs from one making to the next
    "$plateau" export "$@" --format jsonl |
        sed -E 's/"id": [0-9]*, //; s/"wall_s": [^,]*,//; s/"tokens_per_s": [^,]*,//; s/"(host|started|finished)": "[^"]*",?//g'
}
nobody() { # command...: as a user without rights; 77 if that cannot be had
    if [[ $(id -u) != 0 ]]; then
        "$@"
    elif command -v setpriv >/dev/null && setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$plateau" -a -r "$source"; then
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    else
        return 77
    fi
}
edit() { # sed script, file: GNU's and BSD's `sed -i` take different words
    sed "$1" "$2" >"$work/edited" && cat "$work/edited" >"$2"; local rc=$?; rm -f "$work/edited"; return $rc
}
finish() {
    echo "1..$n"
}
