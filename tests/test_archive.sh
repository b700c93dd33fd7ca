#!/usr/bin/env bash
# Results as a folder of text: what is written comes back with all its bits, text that was edited is refused, and every command that
# reads a database reads the folder. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
cat >a.yaml <<'Y'
study: a
curves: yes
runs:
  - {model: flow, T: [16, 32, 64], d: 4}
  - {model: toy, T: 16, d: 4, seed: [1, 2], eval_every: 1, lr: 0.02}
  - {model: reduced, T: 16, d: 6, width: 64, head_dim: 16, lr: 3e-4}
  - {model: transformer, T: 8, d: 3, layers: 1, heads: 2, width: 16, head_dim: 8, mlp: 1, steps: 40, eval_every: 10, eval_size: 32, seed: [1, 2]}
  - {model: transformer, task: recall, pairs: 2, vocab: 8, layers: 1, heads: 1, width: 16, head_dim: 8, steps: 20, eval_every: 10, eval_size: 32}
Y
sed 's/^study: a/study: b c/; /model: flow/!{/model: toy/!{/^  -/d}}' a.yaml >b.yaml # shares its runs with a
printf 'T,d,seed,lr,plateau,status,steps\n16,4,7,1,60.5,emerged,100\n16,4,8,1,,diverged,100\n' >own.csv
"$plateau" sweep a.yaml --db a.db --quiet && "$plateau" sweep b.yaml --db a.db --quiet && "$plateau" import own.csv --db a.db model=toy --study own --quiet
ok $? "a database with every kind of run"
"$plateau" export a.db --out results 2>said && grep -q '16 runs of 3 studies' said && [[ -s results/a.csv && -s 'results/b c.csv' && -s results/own.csv && -s results/curves/a.csv && ! -e results/curves/own.csv ]]
ok $? "export --out: $(cat said)"
all() { "$plateau" export "$1" | cut -d, -f2- | sort; }
[[ $(all a.db | wc -l) == 12 && $(all results) == "$(all a.db)" ]]; ok $? "the folder read as a database: every row, every bit"
[[ ! -e :memory: ]]; ok $? "which leaves no file behind"
"$plateau" merge b.db results --quiet && [[ $(all b.db) == "$(all a.db)" ]] && "$plateau" forget b.db --damaged --dry-run 2>&1 | grep -q 'no such run'
ok $? "merge puts them back into a database, none damaged"
"$plateau" export b.db --out again --quiet && diff -r results again; ok $? "which gives the same files again"
"$plateau" sweep a.yaml --db b.db 2>&1 | grep -q '9 already there, 0 made'; ok $? "and a sweep goes on from there"
[[ $("$plateau" export results --study 'b c' --format jsonl | wc -l) == 5 ]]; ok $? "the studies of a run are all there"
lasts() { awk -F, 'NR > 1 { last[$1] = sprintf("%.3g", $5) } END { for (run in last) print last[run] }' "$1" | sort; } # loss_test
most() { cut -d, -f1 "$1" | sort | uniq -c | awk '$1 > n { n = $1 } END { print n }'; }
"$plateau" export results --curves >text.csv && "$plateau" export a.db --curves >db.csv &&
    [[ $(lasts text.csv | wc -l) == 9 && $(lasts text.csv) == "$(lasts db.csv)" && $(most text.csv) -le 101 && $(most db.csv) -gt 101 ]]
ok $? "curves are thinned, their last row stays"
cat >plain.yaml <<'Y'
study: a
runs: [{model: flow, T: 16, d: 4}]
Y
"$plateau" sweep plain.yaml --db plain.db --quiet && cp -r results over && rm over/b*.csv over/curves/b*.csv && "$plateau" export plain.db --out over --quiet && "$plateau" export over --study a --curves >text.csv
[[ $? == 0 && $(wc -l <text.csv) == 1 && ! -e over/curves/a.csv ]]; ok $? "curves of an earlier export of the study are gone"
"$plateau" fit results model=flow --on T --json >f1 && "$plateau" fit a.db model=flow --on T --json >f2 && cmp f1 f2; ok $? "fit of the folder"
"$plateau" plan a.yaml --db results >said && grep -q "^a: 9 runs, 9 there, 0 to make" said; ok $? "plan sees what is there"
"$plateau" report results --out rep --quiet && [[ -s rep/index.html ]]; ok $? "report of the folder"

# ---- a run that several studies have, trained further in one of them
long() { # name of the study, until, steps
    cat >"$1.yaml" <<Y
study: $1
curves: yes
runs:
  - {model: transformer, task: recall, pairs: 2, vocab: 8, layers: 1, heads: 1, width: 16, head_dim: 8, eval_every: 10, eval_size: 32, threshold: 0.02, until: $2, steps: $3}
Y
    "$plateau" sweep "$1.yaml" --db "$1.db" --quiet && "$plateau" export "$1.db" --out "$4" --quiet
}
for order in 'first last' 'last first'; do # files are read in the order of their names: which of them is the longer one must not matter
    read -r short further <<<"$order"
    rm -rf both first.db last.db
    long "$short" threshold 400 both && long "$further" cap 60 both
    [[ $? == 0 && $("$plateau" export both | wc -l) == 2 && $(wc -l <"both/curves/$short.csv") -lt 8 && $("$plateau" export both --curves | wc -l) == 8 ]] &&
        "$plateau" export both --format jsonl | grep -q '"steps_done": 60' && [[ $("$plateau" export both --study "$short" | wc -l) == 2 ]]
    ok $? "the longer one counts, with its curve, in both studies: $short ended at its threshold"
done
cat >claims.yaml <<'Y'
- {id: end, source: here, statement: "accuracy at the end", quantity: final, of: accuracy_test, where: "task=recall", published: 0.5, tolerance: 0.5}
Y
"$plateau" compare last.db --claims claims.yaml >said 2>&1; "$plateau" compare first.db --claims claims.yaml >said2 2>&1
grep -q '1 more runs were ended when they had emerged (until), and are left out' said && grep -q 'reproduced .*; 1 run' <(tr '\n' ' ' <said2)
ok $? "a run that ended at its threshold says nothing of the end"

# ---- what is not taken
printf 'T,d,seed,lr,plateau,status,steps\n16,4,7,1,61.5,emerged,100\n' >other.csv
"$plateau" import other.csv --db other.db model=toy --study z --quiet && rm -rf bad && cp -r results bad && "$plateau" export other.db --out bad --quiet
fails 2 'bad/z.csv:2: another file of this folder has the same run, and they differ: .*plateau 60.5, 61.5' compare bad
edited() { # pattern, name, sed script, file
    rm -rf bad && cp -r results bad && edit "$3" "bad/$4" && "$plateau" export bad >out 2>err
    [[ $? == 2 && ! -s out ]] && grep -qE "^plateau: bad/$1" err
    ok $? "refused: $2"
}
edited 'a.csv:2: the line is not what was written' "an edited number" '2s/,16,/,17,/' a.csv
edited 'a.csv:3: [0-9]+ fields, but the header' "a line that was cut" '3s/,[^,]*$//' a.csv
edited 'a.csv:2: .*no such column; the file is of a later version' "another column" '1s/plateau_low/plateau_lower/' a.csv
edited 'a.csv:2: no checksum' "no checksums" '1s/checksum/sum/' a.csv
edited 'curves/a.csv:2: x: not a number' "a curve with a word" '2s/,[0-9.]*,/,x,/' curves/a.csv
edited 'curves/a.csv:[0-9]+: run 99 is not in' "a curve of no run" '$s/^[0-9]*,/99,/' curves/a.csv
rm -rf bad && cp -r results bad && rm bad/curves/a.csv && mkdir bad/curves/a.csv
fails 2 'bad/curves/a.csv: .*(directory|regular)' export bad
mkdir empty; fails 2 'empty: a folder without results' export empty
fails 2 'a directory|not a regular file' import own.csv --db results model=toy
fails 2 'leave out keys' export a.db --out r2 T=16
finish
