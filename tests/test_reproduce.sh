#!/usr/bin/env bash
# plateau reproduce: the theory's part with its report, then the Transformers', what Ctrl-C leaves, and that nothing is made twice. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
command -v gnuplot >/dev/null || { echo "1..0 # SKIP gnuplot is not installed"; exit 0; }
cd "$work" || exit 1

fails 2 'theory, transformers or figures: 3-lift: no such figure; did you mean 3-left' reproduce 3-lift
fails 2 'takes no key=value' reproduce T=64
[[ ! -e report ]]; ok $? "and no folder is made"

runs() { "$plateau" export report/plateau.db | cut -d, -f2 | sort; }

# all of it, stopped between the parts
"$plateau" reproduce --scale smoke 2>err & pid=$!
for ((i = 0; i < 1200; i++)); do grep -q 'the Transformers follow' err && break; kill -0 $pid 2>/dev/null || break; sleep 0.1; done
kill -INT $pid; wait $pid; [[ $? == 130 ]] && grep -q interrupted err; ok $? "Ctrl-C between the parts: 130"
[[ -s report/index.html && -s report/figures/fig1c.svg && ! -e report/figures/fig15.svg ]] && grep -q '^### Figure 9' report/report.md &&
    grep -q 'does not hold the studies of Transformers' report/report.md &&
        ! grep -q '^### Figure 15' report/report.md && ! grep -q '^| C8.d' report/report.md
ok $? "the theory's report is there"
runs >before

"$plateau" reproduce theory --scale smoke 2>err && ! grep '^study' err | grep -v ', 0 made now' && ! grep -qE 'fig15|choices' err
ok $? "theory: nothing is made again, and no Transformer"

# inside the other part
"$plateau" reproduce transformers --scale smoke --jobs 1 2>err & pid=$!
for ((i = 0; i < 1200; i++)); do grep -q '^study fig3:' err && break; kill -0 $pid 2>/dev/null || break; sleep 0.1; done
kill -INT $pid; wait $pid; [[ $? == 130 ]] && grep -q '^### Figure 9' report/report.md
ok $? "Ctrl-C inside the Transformers: 130, and the theory's report stays"
runs >now && [[ -z $(comm -23 before now) && $(wc -l <now) -gt $(wc -l <before) ]]
ok $? "every finished run stays"

# a worker dies: its runs are named at the end, the figure is drawn of the others, exit 3
"$plateau" reproduce 14 --scale smoke --out dead 2>err & pid=$!
for ((i = 0; i < 6000; i++)); do
    ! grep -q 'run failed' err && kill -0 $pid 2>/dev/null || break
    ! grep -q '^  memory' err || kill -9 $(cat /proc/$pid/task/$pid/children) 2>/dev/null
    sleep 0.01
done
wait $pid; rc=$?
if [[ -e /proc/self/task/$$/children ]]; then
    missing=$(grep -c '^study fig14: .*model=transformer .*seed=[0-9].*: the worker process died of signal 9 (SIGKILL)$' err)
    [[ $rc == 3 && $missing -gt 0 && $(grep -c 'run failed' err) == "$missing" && -s dead/figures/fig14.svg ]] &&
        grep -q "($missing of these runs failed and are missing)" dead/report.md &&
        tail -n 1 err | grep -q "^plateau: $missing runs are missing, which failed; the same command makes what is missing"
    ok $? "a dead worker: the rest is made and shown, $missing runs are named as missing, exit $rc"
    "$plateau" reproduce 14 --scale smoke --out dead 2>err && grep -q "^study fig14: .* $missing made now" err
    ok $? "and made by the same command"
else
    skip "a dead worker" "this kernel does not list child processes"
fi

"$plateau" reproduce 15 --scale smoke 2>err && grep -q '^study fig15' err && ! grep -q '^study fig14' err &&
    grep -q '^### Figure 15' report/report.md &&
    grep -q '^| C24.gap ' report/report.md && ! grep -q '^| C23.T' report/report.md && grep -q '^| C5.B ' report/report.md
ok $? "one figure: its study and its claims, beside the theory that was there"
"$plateau" reproduce --scale smoke 2>err && [[ -z $(comm -23 now <(runs)) ]]; ok $? "the same command goes on"
for figure in 1a 3-left 3-middle 3-right 4-left 4-right 5 9 11 12 13 14 15 16 17; do grep -q "^### Figure $figure:" report/report.md && [[ -s report/figures/fig$figure.pdf ]] || echo "# $figure"; done >missing
[[ ! -s missing ]]; ok $? "every figure is drawn and shown $(tr '\n' ' ' <missing)"
grep -q '^| mask=causal ' report/report.md &&
    grep -q '^| 15 | steps, optimizer=sgd | d^.* | d^1.44 T^1.07 | 4 |' report/report.md &&
    ! grep -q 'does not hold the studies of Transformers' report/report.md
ok $? "laws and open choices have their tables"
! grep -qE 'nan|inf |\(null\)' report/report.md; ok $? "no number that is none"
"$plateau" reproduce --scale smoke 2>err && ! grep '^study' err | grep -v ', 0 made now'; ok $? "a second call makes nothing"
"$plateau" compare report/plateau.db --json >verdicts &&
    grep -q '"id": "C24.gap.T", .*"best": "", "choice": "", ' verdicts && grep -q '"id": "O.mask.none", .*"choice": "mask=none"' verdicts
ok $? "compare reads the claims of both parts"
finish
