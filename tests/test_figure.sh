#!/usr/bin/env bash
# Figures: every one drawn from smoke-size studies, what is in their tables, and everything that can go wrong. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
command -v gnuplot >/dev/null || { echo "1..0 # SKIP gnuplot is not installed"; exit 0; }
cd "$work" || exit 1
studies=$source/validation/studies
# Is a number, taken from a table, within a relative tolerance of another?
near() { awk -v a="$1" -v b="$2" -v tolerance="$3" 'BEGIN { exit !(a != "" && (a - b) ^ 2 <= (tolerance * b) ^ 2) }'; }
last() { awk -F, -v s="$1" -v c="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i } $1 == s { v = $k } END { print v }' "$3"; }

list=$source/plots/figures/figures.def # every figure, and the studies that they show
figures=$(sed -nE 's/^\{\.name = "([^"]+)".*\.study = .*/\1/p' "$list")
for study in $(grep -oE '\.(study|second) = "[^"]+"' "$list" | cut -d'"' -f2 | sort -u); do
    "$plateau" sweep "$studies/$study.yaml" --scale smoke --db all.db --quiet || echo "# $study failed"
done
[[ $(wc -w <<<"$figures") -ge 26 ]]; ok $? "26 figures or more have a study"
"$plateau" figure all all.db --out figures --quiet; ok $? "figure all"
for f in $figures; do
    good=0
    for form in csv gp pdf svg png; do [[ -s figures/fig$f.$form ]] || good=1; done
    head -c 4 "figures/fig$f.pdf" | grep -q '%PDF' && tail -c 20 "figures/fig$f.svg" | grep -q '</svg>' || good=1
    [[ $(wc -c <"figures/fig$f.svg") -lt 170000 ]] || good=1
    awk -F, 'FNR == 1 { n = NF } NF && NF != n { exit 1 }' figures/fig"$f"*.csv || good=1
    ok $good "figure $f: table, script and three pictures, small enough for a report"
done
[[ -z $(find figures -name '.figure*') ]]; ok $? "no scratch folder is left"

# what the tables hold, against theory.md's values or limits that hold by themselves
grep -q '^flow,64,16,1,0,,357.466' figures/fig1c.csv; ok $? "1c: the flow's plateau at T=64 d=16"
grep -q "^law_paper = '1.51 .*T}^{0.99} .*B}^{−0.99} .*d}^{0.49}" figures/fig2-left.gp; ok $? "2-left: the paper's law"
grep -q "^law_full = '1.50 .*B}^{−0.50}" figures/fig2-left.gp; ok $? "2-left: the model's law"
grep -q "^law_paper_r2 = '0.9957'" figures/fig2-right.gp && grep -q "^law_exact_r2 = '0.9992'" figures/fig2-right.gp
ok $? "2-right: the exact X collapses better"
grep -q '^loss,0,0,0.5$' figures/fig6-landscape.csv; ok $? "6: loss 1/2 at the start"
near "$(last flow w figures/fig6.csv)" "$(awk -F, '$1 == "flow" { D = $3 } END { print D }' figures/fig6.csv | awk '{ b = 1 / 255; k = 1 / (64 * 255); B = 1 / (1 + exp(-$1) / b); h = (1 - B) ^ 2 * k + B ^ 2 / 64; print B * 8 / (64 * h) }')" 0.01
ok $? "6: the path ends at the equilibrium"
awk -F, -F, '$1 == "flow" && $2 > 100 && $2 < 5000 { w[$2] = $3 } $1 == "linear" && $2 in w { n++; if ((w[$2] / $3 - 1) ^ 2 > 4e-4) bad = 1 } END { exit bad || n < 5 }' figures/fig7.csv
ok $? "7: the linearised flow agrees within 2 % while lambda t < 0.5"
near "$(last flow eigenvalue_2 figures/fig8.csv)" 0.015625 0.01; ok $? "8: the late eigenvalue is 1/d"
near "$(last flow attention figures/fig10.csv)" 1 0.1; ok $? "10: attention ends near 1"
awk -F, '$1 == "eq6" { eq6++; if (!($7 > 50)) bad = 1 }
    $1 == "quadrature" { quadrature++; if (!($7 < 0.4)) bad = 1 }
    END { exit bad || !eq6 || !quadrature }' figures/figerrors.csv
ok $? "errors: Eq. 6 is off by more than half, the quadrature by less than 0.4 %"
near "$(last simulation value figures/figrepetition.csv)" "$(awk -F, '$1 == "full" && $4 == 8 { print $7 }' figures/figrepetition.csv)" 0.05
ok $? "repetition: SGD is near the gradient flow of the model"
awk -F, 'NR > 1 { v[$1, $3] = $7 } END { exit !(v["none", 1024] / v["early", 1024] > 20 && v["early", 256] < v["half", 256] && v["half", 256] < v["constant", 256]) }' figures/figschedule.csv
ok $? "schedule: the early switch gains most, at d = 1024 more than 20 times"

# Transformers: the same laws as `plateau fit`, the published ones by hand, the same curves as the database
law() { sed -n "s/^$1_law = '\([0-9.]*\).*/\1/p" "$2"; } # its constant
fitted() { "$plateau" fit "${@:2}" --json --study "$1" | sed 's/.*"constant": {"value": \([0-9.]*\).*/\1/'; }
near "$(law steps figures/fig3-left.gp)" "$(fitted fig3 all.db --on d,T,B)" 0.001; ok $? "3-left: the law is that of plateau fit"
grep -q '^steps_published,8,4,1,23.98' figures/fig3-left.csv; ok $? "3-left: the published law, 0.76 d^1.29 T^0.80"
grep -q '^steps,8,4,2,' figures/fig3-middle.csv && ! grep -q '^steps,4,' figures/fig3-middle.csv
ok $? "3-middle: against B at the largest T"
awk -F, 'NR > 1 && $1 == "steps" && (!(($3, $4) in m) || $6 < m[$3, $4]) { m[$3, $4] = $6 } $1 == "best" { n++; if ($6 != m[$3, $4]) bad = 1 } END { exit bad || n != 4 }' figures/fig3-right.csv
ok $? "3-right: the line is the best learning rate of each d and p"
grep -q "^halfway_law = ''" figures/fig4-right.gp; ok $? "4-right: nothing has emerged, no law"
[[ $(grep -c '^halfway,.*,1$' figures/fig4-right.csv) == 3 ]]; ok $? "and every run is a lower bound"
cat >rates.yaml <<'Y'
study: fig4
runs:
  - {model: transformer, task: recall, pairs: 2, vocab: [24, 32], layers: 2, heads: 2, width: 32, head_dim: 16, batch: 16, eval_size: 256, eval_every: 5, steps: 200, lr: [1e-3, 3e-3]}
Y
"$plateau" sweep rates.yaml --db rates.db --quiet && "$plateau" figure 4-right rates.db --out rates --quiet
awk -F, '$1 == "stirs" { best[$3] = $5 } $1 == "stirs_other" { other[$3] = $5 } END { for (v in other) { n++; bad = bad || !(best[v] < other[v]) } exit bad || n != 2 }' rates/fig4-right.csv
ok $? "4-right: the law is of the best learning rate, the other one is shown"
near "$(law random figures/fig14.gp)" "$(fitted fig14 all.db --on d,T feature=yes position=random)" 0.001 &&
    near "$(law unmarked figures/fig14.gp)" "$(fitted fig14 all.db --on d,T feature=no)" 0.001; ok $? "14: each variant has its own law"
near "$(law sgd figures/fig15.gp)" "$(fitted fig15 all.db --on d,T optimizer=sgd)" 0.001; ok $? "15: so has each optimizer"
awk -F, '{ v[$1, $2, $3] = $5 } END { n = 0; for (T = 4; T < 9; T *= 2) for (d = 2; d < 5; d *= 2) { n++; q = v["sgd", T, d] / v["adam", T, d] / v["gap", T, d] - 1
    l = (v["gap", T, d] / v["gap_law", T, d]) ^ ((T == 4) == (d == 2) ? 1 : -1); first = n == 1 ? l : first; l = l / first - 1 # least squares of 2 x 2 points
    if (!(q * q < 1e-10) || !(l * l < 1e-10)) bad = 1 } exit bad || n != 4 }' figures/fig15.csv
ok $? "15: the gap is the ratio of the runs, and its law fits these"
awk -F, '$1 == "by_layers" && $4 == 2 { n++ } $1 == "by_layers_published" && $4 == 2 { r = $6 } END { exit n != 8 || (r - 2 ^ 0.06) ^ 2 > 1e-10 }' figures/fig13.csv
ok $? "13: two layers over one at every size and number of heads, published 2^0.06"
cmp -s figures/fig5.csv figures/fig16.csv; ok $? "16: the runs of 5"
awk -F, '$1 == "run" && $2 == 2 { last = $5 } END { exit !(last > 0 && last < 0.2) }' figures/fig11.csv
ok $? "11: losses are relative to the null loss"
awk -F, '($1 == "copy" || $1 == "select") && $3 > 0 && $5 > m[$1, $2, $4] { m[$1, $2, $4] = $5 } { r[NR] = $0 }
    END { for (i in r) { split(r[i], f, ","); if ((f[1] == "copy" || f[1] == "select") && f[3] == 0) { n++; bad = bad || f[5] != m[f[1], f[2], f[4]] } } exit bad || n < 12 }' figures/fig17.csv
ok $? "17: head 0 is the largest of the layer"
"$plateau" sweep "$studies/fig3.yaml" --scale smoke --db cut.db --quiet steps=100 && "$plateau" figure 3-left cut.db --out cut --quiet &&
    near "$(law steps cut/fig3-left.gp)" "$(fitted fig3 cut.db --on d,T,B)" 0.001 &&
        grep -q '^steps,8,4,1,75,75,75,1$' cut/fig3-left.csv # at step 100 it was low for the first time
ok $? "3-left: censored runs are bounds in the picture and in the law"
"$plateau" sweep "$studies/fig3.yaml" --scale smoke --db all.db --quiet width=16 &&
    "$plateau" figure 3-left all.db --out again --quiet && cmp -s figures/fig3-left.csv again/fig3-left.csv
ok $? "3-left: runs of a narrower model do not mix in"

"$plateau" sweep "$studies/fig1c.yaml" T=64,128 'd=4:1024:*2' --db wide.db --quiet && "$plateau" figure 1c wide.db --out wide --quiet
ok $? "more curves than styles"

cp figures/fig1c.png before.png
(cd figures && rm fig1c.png && gnuplot fig1c.gp 2>/dev/null) && cmp -s before.png figures/fig1c.png; ok $? "gnuplot fig1c.gp draws it again"

# a threshold asked for in between changes no figure
"$plateau" sweep "$studies/fig1c.yaml" threshold=0.05 --db all.db --quiet && "$plateau" figure 1c all.db --out again --quiet &&
    cmp -s figures/fig1c.gp again/fig1c.gp && paste -d, figures/fig1c.csv again/fig1c.csv |
    awk -F, '$1 != $11 || ($7 - $17) ^ 2 > 1e-10 * $7 ^ 2 { bad = 1 } END { exit bad || NR < 100 }'
ok $? "1c: the same at 0.2 after a sweep at another threshold"

"$plateau" sweep "$studies/fig2-right.yaml" metric=paper --db all.db --quiet && "$plateau" figure 2-right all.db --out again --quiet &&
    grep -q "^law_exact_r2 = '0.9992'" again/fig2-right.gp && [[ $(grep -c '^exact,' again/fig2-right.csv) == 36 ]]
ok $? "2-right: runs of another metric do not mix in"

# the user's own points
printf 'T,d,B,p,seed,plateau,status,steps\n256,32,1,0,1,1900,emerged,9000\n256,32,1,0,2,1700,emerged,9000\n512,32,1,0,1,,censored,3000\n' >"it's mine_.csv"
"$plateau" figure 1c repetition 2-right errors all.db --out own --data "it's mine_.csv" --quiet
ok $? "own points over four figures, whatever the file is called"
grep -q '^data,256,32,1,0,,1800,1700,1900,0$' own/fig1c.csv && grep -q '^data,512,32,1,0,,3000,3000,3000,1$' own/fig1c.csv
ok $? "seeds give a mean and a range, a censored run a lower bound"
fails 2 'no line belongs in this figure, which shows the study.s T' figure 2-left all.db --out own --data "it's mine_.csv"
fails 2 'takes no --data' figure 6 all.db --out own --data "it's mine_.csv"
printf 'TT,plateau\n3,4\n' >bad.csv
fails 2 'bad.csv:1: TT: no such column' figure 1c all.db --out own --data bad.csv

fails 2 '1d: no such figure; did you mean 1[abc]' figure 1d all.db
fails 2 'fig1d: no such figure; did you mean 1[abc]' figure fig1d all.db
"$plateau" figure fig9 all.db --out deep/er --quiet && [[ -s deep/er/fig9.pdf ]]
ok $? "a name as of its files, into a folder whose parent is missing"
fails 2 'needs names' figure 1c
fails 2 'no-such.db' figure 1c no-such.db
echo x >file
fails 3 'file.*(folder|File exists|Not a directory)' figure 1c all.db --out file

# missing runs and curves
"$plateau" sweep "$studies/fig1b.yaml" --db one.db --quiet
fails 2 'figure 1c: one.db has no run of the study fig1c.*plateau sweep .*--db one.db' figure 1c one.db --out one
[[ ! -e one ]]; ok $? "and no folder is made"
"$plateau" export one.db --out texts --quiet
fails 2 'figure 1c: texts has no run of the study fig1c; make them with .plateau merge NEW.db texts && plateau sweep .*--db NEW.db' figure 1c texts --out one
"$plateau" figure all one.db --out one 2>err && [[ -s one/fig1b.pdf && $(ls one/*.pdf | wc -l) == 1 &&
    $(grep -c '^not drawn: figure [^ ]*: ' err) == $(($(wc -w <<<"$figures") - 1)) ]]
ok $? "all: draws what is there, says what is missing"
printf 'study: fig3\nruns:\n  - {model: transformer, T: 8, d: 4, B: 2, layers: 1, heads: 1, width: 8, head_dim: 4, batch: 4, eval_size: 8, steps: 4}\n' >twice.yaml
"$plateau" sweep twice.yaml --db twice.db --quiet
fails 2 'figure 3-left: none of the runs of its study belongs in this figure; sweep the study as shipped' figure 3-left twice.db --out one
printf 'study: fig1a\nruns:\n  - {T: 64, d: 16}\n' >plain.yaml
"$plateau" sweep plain.yaml --db plain.db --quiet
fails 2 'no curve was stored' figure 1a plain.db --out one
fails 2 'not every figure' figure all plain.db --out one

# what is drawn is not drawn again, unless its table, script or a picture is not the same
mkdir bin empty
redrawn() { # condition's name: fig1b.png, of which only a byte was left, is a picture again
    "$plateau" figure 1b one.db --out one --quiet && head -c 4 one/fig1b.png | grep -q PNG; ok $? "drawn again: $1"
}
PATH=$work/empty "$plateau" figure 1b one.db --out one --quiet; ok $? "the same tables and scripts: gnuplot is not even looked for"
echo flow,1,1,1 >>one/fig1b.csv; echo >one/fig1b.png; redrawn "another table"
! grep -q '^flow,1,1,1$' one/fig1b.csv; ok $? "and the table is the right one again"
echo '# mine' >>one/common.gp; echo >one/fig1b.png; redrawn "another script"
edit 's/common.gp: ./common.gp: x/' one/fig1b.gp; echo >one/fig1b.png; redrawn "the shared script was another one when it was drawn"
: >one/fig1b.png; redrawn "an empty picture"
rm one/fig1b.png; redrawn "no picture"
echo 'set grid' >>one/fig1b.gp; "$plateau" figure 1b one.db --out one --quiet 2>err &&
    grep -q 'one/fig1b.gp was edited: it is now fig1b.gp.edited' err && grep -q 'set grid' one/fig1b.gp.edited &&
    ! grep -q 'set grid' one/fig1b.gp
ok $? "an edited script is kept under another name, and that is said"
echo 'set grid' >>one/fig1b.gp; "$plateau" figure 1b one.db --out one --quiet 2>/dev/null && [[ -s one/fig1b.gp.edited-2 ]]
ok $? "and the next one under yet another"
head -c -20 one/fig1b.png >cut.png && cp cut.png one/fig1b.png; redrawn "a picture without its end"
tail -c 8 one/fig1b.png | grep -aq IEND; ok $? "which it has now"

# nothing outside the folder is touched, and nothing in it that this process did not make
echo mine >victim; mkdir outside
for name in fig1b.png fig1b.csv fig1b.gp common.gp fig1b.pdf fig1b.svg; do ln -sf "$PWD/victim" "one/$name"; done
mkdir one/.figure-999999 && echo x >one/.figure-999999/fig1b.csv; ln -s "$PWD/victim" one/.figure-999998; ln -s "$PWD/outside" one/.figure-999997; echo y >outside/fig1b.csv
"$plateau" figure 1b one.db --out one --quiet && [[ $(cat victim) == mine && ! -L one/fig1b.png && ! -L one/fig1b.gp &&
    -s one/.figure-999999/fig1b.csv && -s outside/fig1b.csv && -L one/.figure-999998 ]]
ok $? "links are replaced, not followed; the scratch of others is left"
rm -r one/.figure-99999[789]

# gnuplot absent, failing, killed, lying: an error, and what was there stays
cp one/fig1b.png before.png
echo >>one/fig1b.gp # so that it must be drawn again
failing() { # what the gnuplot of the test does, pattern
    printf '#!/bin/sh\n%s\n' "$1" >bin/gnuplot
    chmod +x bin/gnuplot
    PATH=$work/bin:$PATH "$plateau" figure 1b one.db --out one >out 2>err; local rc=$?
    [[ $rc == 3 ]] && grep -qE "^plateau: figure 1b: gnuplot .*$2" err && cmp -s before.png one/fig1b.png &&
        [[ -z $(find one -name '.figure*') ]]
    ok $? "gnuplot: $2"
}
PATH=$work/empty "$plateau" figure 1b one.db --out one >out 2>err
[[ $? == 3 ]] && grep -q 'gnuplot: not found; install it' err && cmp -s before.png one/fig1b.png; ok $? "gnuplot: not found"
failing 'echo half >fig1b.png; echo "terminal unknown" >&2; exit 1' 'failed on fig1b.gp .*terminal unknown'
failing 'kill -9 $$' 'killed by signal 9'
failing 'exit 0' 'wrote no fig1b.pdf'
failing 'for f in pdf svg png; do head -c 3000 "'"$work"'/one/fig1b.$f" >fig1b.$f; done' 'wrote fig1b.pdf without its end'

gone() { [[ ! -e /proc/$1 || $(ps -o stat= "$1") == Z* ]]; }
# gnuplot that hangs ends with the first signal, and one that leaves a child is not waited for
printf '#!/bin/sh\nsleep 300 & echo $! >"%s/left"; wait\n' "$work" >bin/gnuplot
PATH=$work/bin:$PATH "$plateau" figure 1b one.db --out one 2>err & pid=$!
for ((i = 0; i < 200; i++)); do [[ -s left ]] && break; sleep 0.05; done
kill -TERM $pid; wait $pid; [[ $? == 130 ]] && grep -q 'while gnuplot was drawing' err && cmp -s before.png one/fig1b.png
ok $? "gnuplot hangs: one SIGTERM ends it"
sleep 0.2; gone "$(cat left)"; ok $? "and what it started"
printf '#!/bin/sh\nsleep 300 & echo $! >"%s/left"; exec %s "$@"\n' "$work" "$(command -v gnuplot)" >bin/gnuplot
PATH=$work/bin:$PATH timeout 60 "$plateau" figure 1b one.db --out one --quiet
ok $? "gnuplot leaves a child with its pipe: the figure is drawn"
sleep 0.2; gone "$(cat left)"; ok $? "and the child is ended"

# figures of any runs: the map of the flow, from nothing
"$plateau" figure phase x=T:16:4096:120 y=d:4:512:110 check=300 --out map >said 2>/dev/null; ok $? "phase: the map of the flow"
awk '/random/ { n++; if (!($(NF - 1) < 0.1)) bad = 1 } END { exit bad || n != 2 }' said
ok $? "300 random pixels of two kinds are within 0.1 % of the integrated flow"
[[ $(wc -c <map/figphase.npy) == $((128 + 120 * 110 * 9)) ]] && head -c 128 map/figphase.npy | grep -aq "'shape': (110, 120)" &&
    [[ $(wc -c <map/figphase.svg) -lt 400000 ]] && tail -c 20 map/figphase.svg | grep -q '</svg>'
    ok $? "its array has 9 bytes a pixel, its SVG one picture"
f4() { tail -c "+$((129 + 9 * $1))" map/figphase.npy | od -An -tf4 -N4 --endian=little; } # plateau of a pixel
flow_at() { "$plateau" flow "$@" --json | sed 's/.*"plateau": \([0-9.]*\).*/\1/'; }
near "$(f4 0)" "$(flow_at T=16 d=4)" 1e-5 && near "$(f4 13199)" "$(flow_at T=4096 d=512)" 1e-3 &&
    near "$(f4 119)" "$(flow_at T=4096 d=4)" 1e-3
ok $? "three of its corners are those of plateau flow"
awk -F, 'NR > 1 { n += $2; if (!($3 < 1e-3)) bad = 1 } END { exit bad || n != 13200 }' map/figphase.csv; ok $? "each pixel is accounted for"
"$plateau" figure phase x=B:1:16:30 y=T:2:32:30 p=.1 --out map --quiet && grep -q '^empty,[1-9]' map/figphase.csv
ok $? "B > T - 1: left empty"
by_hand() { (cd "${1%/*}" && gnuplot "${1##*/}" 2>&1 | grep -v iconv); } # of the locale C
fails 2 'no pixel of this map is a problem: B must be smaller' figure phase x=B:10:20 y=T:2:8
printf 'study: p\nruns:\n  - {model: flow, T: [16, 32], p: [0, 0.3, 0.9], d: 8}\n' >p.yaml
"$plateau" sweep p.yaml --quiet && "$plateau" figure phase x=p y=T p.db --out map --quiet &&
    grep -q '^x_from = 0$' map/figphase.gp && grep -q '^x_to = 1$' map/figphase.gp && [[ -z $(by_hand map/figphase.gp) ]]
ok $? "phase: the axis of p ends at 0 and 1, and drawn by hand it says nothing"
printf 'study: v\nruns:\n  - {model: toy, T: 16, d: 4, lr: [1, 8, 24, 32], steps: 3000, seed: "1:8:+1"}\n' >v.yaml
"$plateau" sweep v.yaml --quiet && "$plateau" figure survival v.db --out alive --quiet && [[ -z $(by_hand alive/figsurvival.gp) ]]
ok $? "survival: drawn by hand it says nothing"
for entry in 'lr=1 (8)' 'lr=8 (8)' 'lr=24 (8)' 'lr=32 (8)' '12 diverged'; do grep -qF "<title>$entry</title>" alive/figsurvival.svg || echo "# $entry"; done >missing; [[ ! -s missing ]]; ok $? "survival: every entry of the key"
[[ $(grep -o 'translate([0-9.]*,[0-9.-]*)' alive/figsurvival.svg | awk -F'[(,)]' '$3 < 0 { n++ } END { print n + 0 }') == 0 ]]
ok $? "survival: none of it above the page"
awk -F, '$1 == "lr=32" && !$8 { last = $2 } NR > 1 && $2 > most { most = $2 } END { exit !(last == most) }' alive/figsurvival.csv
ok $? "survival: runs that diverged never emerge, to the end of the axis"
fails 2 'diverged' figure survival v.db lr=32 seed=2,3
fails 2 'needs y=KEY' figure phase x=T
fails 2 'x=T:2: an axis is KEY' figure phase x=T:2 y=d
fails 2 'rises from its first' figure phase x=T:8:4 y=d
fails 2 'x and y are both T' figure phase x=T y=T
fails 2 'T: it is an axis' figure phase x=T y=d T=4
fails 2 'B: a map has one value' figure phase x=T y=d B=1,2
fails 2 'mapped over T, d, B, p or threshold' figure phase x=T y=rtol:1e-9:1e-8
fails 2 'check=0' figure phase x=T y=d check=0
fails 2 'states its errors' figure phase x=T y=d rtol=1e-4
fails 2 'needs names' figure survival
fails 2 'takes no key=value' figure 1c T=64 all.db
fails 2 'shows the runs of any database' reproduce survival
# .. and of a database: the median of three seeds; of three that were cut off, or diverged; and none
printf 'T,d,seed,plateau,status,steps\n' >cells.csv
printf '%s\n' 8,4,1,10,emerged,99 8,4,2,30,emerged,99 8,4,3,20,emerged,99 16,4,1,,censored,99 16,4,2,,censored,80 16,4,3,50,emerged,99 \
    8,8,1,40,emerged,99 8,8,2,,censored,99 16,8,1,,diverged,99 16,8,2,,diverged,99 >>cells.csv
"$plateau" import cells.csv --db cells.db model=toy lr=1 --quiet && "$plateau" figure phase x=T y=d --db cells.db --out cells --quiet
ok $? "phase: the cells of a database"
cut -d, -f1-4,9- cells/figphase.csv | tail -n +2 | sort | tr '\n' ' ' |
    grep -qx 'censored,16,4,99,3,1,2,0 censored,8,8,69.5,2,1,1,0 diverged,16,8,,2,0,0,2 emerged,8,4,20,3,3,0,0 '
ok $? "a cell is the median of its seeds, a lower bound, or diverged"
# cells reach half way beyond the smallest and largest values, theory only as far as there are problems
printf 'study: edges\nruns:\n  - {T: [3, 64], d: [1, 4], B: [1, 2], p: [0, 0.9]}\n' >edges.yaml
"$plateau" sweep edges.yaml --db edges.db --quiet
"$plateau" figure phase x=B y=p T=64 d=4 edges.db --out edges --quiet && grep -q '^theory,1,0,[0-9]' edges/figphase-theory.csv
ok $? "theory from B = 1 and p = 0 on"
"$plateau" figure phase x=T y=d B=1 p=0 edges.db --out edges --quiet && grep -q '^theory,2,1,' edges/figphase-theory.csv
ok $? "and from T = 2 and d = 1"
fails 2 'a range is for the flow' figure phase x=T:8:16 y=d cells.db
fails 2 'd: these runs have only 4' figure phase x=T y=d cells.db d=4
fails 2 'the axes .* are numbers' figure phase x=T y=seed cells.db
fails 2 'no run to show' figure phase x=T y=d cells.db d=5
fails 2 'the runs of a cell differ in metric' figure phase x=T y=d all.db model=flow p=0 B=1
"$plateau" figure survival cells.db T=8 --out cells --quiet; ok $? "survival: a curve for each setting"
awk -F, '/^d=4,/ { s = s " " $2 ":" sprintf("%.4g", $3) } END { exit s != " 8:1 10:1 10:0.6667 20:0.6667 20:0.3333 30:0.3333 30:0" }' cells/figsurvival.csv
ok $? "which steps down by a third"
grep -q '^d=8,99,0.5,,,1,0,1$' cells/figsurvival.csv; ok $? "and marks a run that was cut off"
"$plateau" sweep "$studies/fig2-left.yaml" --scale smoke --db laws.db --quiet
"$plateau" figure exponents laws.db --out laws --quiet; ok $? "exponents"
exponent() { "$plateau" fit laws.db metric=paper --at "$1" --json | sed 's/.*"T": {"value": \([0-9.]*\).*/\1/'; }
at() { awk -F, -v s="$1" -v t="$2" '$1 == s && $2 == t { print $6 }' laws/figexponents.csv; }
near "$(at metric=paper 0.5)" "$(exponent 0.5)" 1e-4 && near "$(at metric=paper 0.1)" "$(exponent 0.1)" 1e-4
ok $? "at 0.5 and 0.1 they are those of plateau fit"
near "$(at 'metric=paper: quadrature' 0.2)" "$(at metric=paper 0.2)" 0.002; ok $? "the quadrature has the flow's"
fails 2 'x, y and check are for the figure phase' figure exponents laws.db x=T
fails 2 'of more than 4 kinds' figure exponents all.db model=toy,flow
fails 2 'task=regression or task=recall' figure exponents all.db model=transformer
printf 'study: c\ncurves: yes\nruns:\n  - {T: [256, 4096], d: [16, 64]}\n' >c.yaml
"$plateau" sweep c.yaml --db c.db --quiet && "$plateau" figure collapse c.db --out c --quiet; ok $? "collapse"
# half way, where erf^-1(1/2)^2 = 0.22747, attention is 1.2554 times that of the start
awk -F, '$1 == "master" && $2 > 0.499 && $2 < 0.51 { n++; if (($4 / 1.2554 - 1) ^ 2 > 4e-4) bad = 1 } END { exit bad || !n }' c/figcollapse.csv
ok $? "the master curve half way"
awk -F, '$1 == "run" && $5 > 40000 && $2 > 0.49 && $2 < 0.51 { n++; if (($4 / 1.2554 - 1) ^ 2 > 9e-4) bad = 1 } END { exit bad || !n }' c/figcollapse.csv
ok $? "and the longest plateau is within 3 % of it there"
fails 2 'none of these .* has a curve' figure collapse laws.db
finish
