#!/usr/bin/env bash
# Runs the commands of a document in one shell, as a reader would, in the current folder, and compares what the document quotes.
#   tests/document.sh FILE.md           in a folder with `build`: without what sets a machine up, sweeps and reports at --scale smoke
#   tests/document.sh --letter FILE.md  to the letter
# Commands: ```sh blocks, and indented blocks of lines that begin with build/plateau, mpirun or ./bootstrap. A ```text block after one quotes
# what it prints: line for line, numbers within 1 %, "..." for what is left out (at the end of a line, or as a line of its own).
set -u
letter=no
[[ ${1:-} != --letter ]] || { letter=yes; shift; }
document=$(realpath "${1:?}") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

awk -v work="$work" -v letter="$letter" '
    function add(line) {
        if (letter != "yes") { # what runs this has set the machine up
            if (line ~ /^(\.\/bootstrap( check.*)?|(sudo )?apt-get .*|git clone .*|cd plateau)( *#.*)?$/)
                return
            sub(/^\.\/bootstrap reproduce/, "build/plateau reproduce", line)
            if (line ~ /^(mpirun -np 2 )?(build\/)?plateau (sweep|reproduce)/) {
                sub(/ --scale [a-z]+/, "", line)
                sub(/plateau [a-z]+/, "& --scale smoke", line)
            }
        }
        if (!open)
            printf "exec >\"%s/out.%d\" 2>&1\n", work, ++n >script
        open = 1
        print line >script
        print "$ " line
    }
    BEGIN { script = work "/script" }
    /^```/ { kind = kind == "" ? substr($0, 4) : ""; if (kind == "sh") open = 0; next }
    kind == "sh" { add($0); next }
    kind == "text" { print >(work "/quoted." n); next }
    kind == "" && /^    (build\/plateau|mpirun|\.\/bootstrap)( |$)/ { sub(/^ +/, ""); open = 0; add($0); next }
    END { if (!n) { print "no commands"; exit 1 } }' "$document" || { echo "$document: no commands found"; exit 1; }

# What Open MPI wants of root.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# Sweeps leave their shell's stdin alone, but a program that reads it would eat the script.
bash -eu "$work/script" </dev/null || {
    rc=$? last=$(ls -v "$work"/out.* | tail -n 1)
    cat "$last"; echo "$document: exit $rc in the block that printed this"; exit 1
}
for quoted in "$work"/quoted.*; do
    [[ -e $quoted ]] || continue
    awk -v file="$document" '
        function same(a, b) { # words; numbers within 1 %
            return a == b || (a + 0 != 0 && b + 0 != 0 && a ~ /[0-9]/ && (a - b) ^ 2 <= (0.01 * b) ^ 2 && rest(a) == rest(b))
        }
        function rest(word) { sub(/^[-+]?[0-9.]+(e[-+]?[0-9]+)?/, "", word); return word }
        function matches(quote, line,    q, w, n, i) {
            n = split(quote, q, " ")
            split(line, w, " ")
            for (i = 1; i <= n && q[i] != "..."; i++)
                if (!same(q[i], w[i]))
                    return 0
            return i <= n || split(line, w, " ") == n
        }
        NR == FNR { line[++n] = $0; next }
        $0 == "..." { anywhere = 1; next }
        {
            do at++; while (at <= n && !matches($0, line[at]) && (anywhere || FNR == 1))
            if (at > n || !matches($0, line[at])) {
                printf "%s quotes a line that is not printed: %s\n", file, $0
                exit 1
            }
            anywhere = 0
        }' "${quoted/quoted/out}" "$quoted" || { cat "${quoted/quoted/out}"; exit 1; }
done
