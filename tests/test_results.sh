#!/usr/bin/env bash
# The results in the repository: the verdicts and numbers that are printed of them follow from them, and cheap runs come out the same when
# they are made again. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
results=$source/results

if command -v python3 >/dev/null; then
    PLATEAU=$plateau python3 "$source/doc/findings/make.py" --check >said 2>&1; rc=$?
    ok $rc "findings.md, README's answer and verdicts.txt are what results/ say: $(head -c 600 said)"
    cp -r "$source/results" "$source/README.md" . && mkdir -p doc && cp -r "$source"/doc/findings* doc && edit 's/SGD/sgd/' doc/findings.md && edit '1s/.*/C1 deviates/' results/verdicts.txt
    PLATEAU=$plateau python3 doc/findings/make.py --check >said 2>&1; rc=$?
    [[ $rc == 1 ]] && grep -q '^+C1 reproduced' said && grep -q '^-.*sgd' said; ok $? "and one that is not is shown"
    rm results/*.csv results/curves/* && cp "$results/fig1b.csv" results
    PLATEAU=$plateau python3 doc/findings/sweep.py smoke fig1a >said 2>&1; rc=$?
    [[ $rc == 0 && -s results/fig1b.csv && -s results/curves/fig1a.csv ]] && cmp -s <(cut -d, -f 2 "$results/fig1a.csv") <(cut -d, -f 2 results/fig1a.csv) &&
        grep -q '^fig1a,smoke,.*,3,[0-9]*,[0-9]*,yes$' doc/findings/cost.csv && grep -q '^fig9,desk,' doc/findings/cost.csv
    ok $? "a study is swept into results/, its cost beside that of the others: $(head -c 300 said)"
    PLATEAU=$plateau python3 doc/findings/sweep.py smoke fig1c T=64 >said 2>&1; rc=$?
    [[ $rc == 0 && $(sed 1d results/fig1c.csv | cut -d, -f6 | sort -u) == 64 ]] && grep -q '^fig1c,smoke,.*,no$' doc/findings/cost.csv
    ok $? "and some of the runs of a study, which is not complete then: $(head -c 300 said)"
else
    skip "what was found" "python3 is not installed"
fi
size=$(du -sk "$results" | cut -f1); ((size <= 5120)); ok $? "results/ is at most 5 MB: $size kB"
"$plateau" report "$results" --out report --quiet 2>err && [[ -s report/index.html ]] && (($(find report/figures -name '*.svg' | wc -l) >= 26))
ok $? "the report of results/, with its figures: $(head -c 300 err)"

# gnuplot leaves out lines of a key that it thinks have no room. In its SVG a line of a plot has its name, and behind the name its text.
for figure in 4-left 5 11 12 16; do
    awk '/<g id="gnuplot_plot_/ {
             if (name && !text) print name
             text = 0
             name = match($0, /<title>[^<]*/) ? substr($0, RSTART + 7, RLENGTH - 7) : ""
             named += name && name !~ /^gnuplot_plot_/
             if (name ~ /^gnuplot_plot_/) name = ""
         }
         /<tspan/ { text = 1 }
         END { if (named < 2) print "no names" }' "report/figures/fig$figure.svg" >said
    [[ ! -s said ]]; ok $? "figure $figure: every line of the key has its text in the SVG: $(paste -sd' ' said)"
done

# ---- the commands that findings.md gives, but for long ones
while read -r line; do
    (cd "$source" && eval "${line/build\/plateau/\"\$plateau\"}") >said 2>err && [[ -s said ]]; ok $? "$line: $(head -c 200 err)"
done < <(grep -oE '`build/plateau [^`]*`' "$source/doc/findings.md" | tr -d '`' | grep -vE 'reproduce|report|model=transformer|scale paper' | sort -u)

# ---- runs made again
again() { # study, tolerance, key=value..
    local study=$1 tolerance=$2 old new
    shift 2
    old=$("$plateau" export "$results" --study "$study" --format jsonl "$@" | head -n 1)
    new=$("$plateau" "$command" "$@" --json 2>/dev/null | head -n 1)
    awk -v a="$(grep -oE '"plateau": [0-9.e+]+' <<<"$old" | cut -d' ' -f2)" -v b="$(grep -oE '"plateau": [0-9.e+]+' <<<"$new" | cut -d' ' -f2)" -v t="$tolerance" \
        'BEGIN { printf "%s then, %s now", a, b; exit !(a > 0 && b > 0 && (a - b) ^ 2 <= (t * b) ^ 2) }' >said
    ok $? "$study $*: $(cat said)"
}
command=flow again fig1c 1e-6 T=256 d=64 model=flow
command=train again repetition 1e-6 T=256 d=32 B=4 seed=1 model=toy sampler=tokens
command=train again fig9 1e-6 T=128 d=128 seed=1 model=toy init=gaussian target=gaussian
finish
