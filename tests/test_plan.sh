#!/usr/bin/env bash
# plateau plan from outside: what it prints is what the sweep then does; --budget.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
sum() { grep '"study": "mix"' "$1" | grep -oE "\"$2\": [0-9.e+-]+" | cut -d' ' -f2; }

cat >mix.yaml <<'Y'
study: mix
runs:
  - {model: flow, T: [64, 128], d: 8}
  - {model: toy, T: [32, 64, 128], d: [4, 8, 16], seed: [1, 2]}
Y
prints '^mix: 20 runs, 0 there, 20 to make$' plan mix.yaml
[[ ! -e mix.db ]]; ok $? "a plan makes no database"
"$plateau" plan mix.yaml --json >plan.json 2>err && "${PLATEAU%/*}/json_lines" <plan.json 2>/dev/null; ok $? "--json: an object a line"
[[ $(wc -l <plan.json) == 21 && $(sum plan.json runs) == 20 && $(grep -c '"expected_from": "flow"' plan.json) == 20 ]]
ok $? "one for each run, and the sums"

printf 'study: one\nruns:\n  - {model: transformer, layers: [1, 2], heads: 1, T: 32, d: 8, until: threshold}\n' >one.yaml
"$plateau" plan one.yaml --json >one.json 2>err && [[ $(grep -c '"expected_from": "reduced"' one.json) == 1 && $(grep -c '"expected_from": "published"' one.json) == 1 ]] &&
    steps=$(grep '"expected_from": "reduced"' one.json | sed 's/.*"expected_plateau": \([0-9.]*\).*/\1/') && flow=$("$plateau" flow model=reduced T=32 d=8 --json | sed 's/.*"plateau": \([0-9.]*\).*/\1/') &&
    awk -v a="$steps" -v b="$flow" 'BEGIN { exit !(b > 0 && (a / b - 1) ^ 2 < 1e-6) }'
ok $? "a Transformer with one layer is expected to follow its reduced flow, one with two as published"
"$plateau" plan one.yaml layers=1 2>err | grep -q '^ *[0-9]*: of the reduced flow; 0 runs alike are there$'; ok $? "which the plan says"

# ---- the sweep does what was planned
"$plateau" sweep mix.yaml --jobs 2 2>err; [[ $? == 0 ]] && grep -q '^mix: 20 runs, 0 there, 20 to make' err &&
    grep -qE 'time .* with 2 jobs' err
ok $? "the head of a sweep is its plan"
"$plateau" sweep mix.yaml --quiet 2>err; [[ ! -s err ]]; ok $? "--quiet: no head"
"$plateau" plan mix.yaml --json >after.json
[[ $(sum after.json there) == 20 && $(sum after.json work_s) == 0 && $(sum after.json compared) == 18 &&
    $(sum after.json within_1.5) == 18 ]]
ok $? "all are there, in the steps that the flow let expect"
steps() { grep -o "\"$2\": [0-9.]*" "$1" | awk '{n += $2} END {printf "%.0f", n}'; }
expected=$(steps plan.json expected_steps) took=$(steps after.json steps_done)
((expected * 100 > took * 95 && expected * 100 < took * 105)); ok $? "$expected steps expected, $took made"
"$plateau" plan mix.yaml seed=1:3:+1 --db mix.db | grep -q '^mix: 33 runs, 20 there, 13 to make'; ok $? "what is there is not planned again"
"$plateau" plan mix.yaml --shard 1/3 | grep -qE '^mix: (6|7) runs, 0 there'; ok $? "a shard's plan"

# ---- a budget
cat >budget.yaml <<'Y'
study: budget
runs:
  - {model: transformer, layers: 1, heads: 1, width: 32, head_dim: 16, batch: 8, eval_size: 64, lr: 1e-2, T: [8, 16, 32, 64], d: [2, 4, 8, 16], seed: "1:4:+1", until: threshold, steps: 20000}
Y
"$plateau" plan budget.yaml --json >whole.json; whole=$(grep -o '"wall_s": [0-9.e+-]*' whole.json | tail -1 | cut -d' ' -f2)
third=$(awk -v s="$whole" 'BEGIN {printf "%.4fs", s / 3}')
"$plateau" plan budget.yaml --budget "$third" >out 2>err; [[ $? == 0 ]] && grep -q 'left out:' out &&
    grep -q 'standard errors of the exponents' out && grep -q 'assumed: seeds scatter by' out
ok $? "--budget $third: $(head -1 out)"
"$plateau" sweep budget.yaml --budget "$third" --db part.db 2>err; rc=$?
made=$(tail -n +2 <("$plateau" export part.db) | wc -l)
[[ $rc == 0 ]] && grep -qE "^budget: 64 runs, 0 there, $made to make, $((64 - made)) left out$" err && ((made >= 4 && made < 64))
ok $? "a sweep on a budget makes what was chosen ($made of 64)"
"$plateau" fit part.db >out 2>err && grep -qE '^ +T ' out && grep -qE '^ +d ' out; ok $? "and that is enough for a fit"
fails 2 'too few: the fit of its laws takes [0-9]+ more runs' plan budget.yaml --budget 0.001s
fails 2 'a number and a unit, s, min, h or d' plan budget.yaml --budget 2
fails 2 'without --shard' plan budget.yaml --budget 2h --shard 1/2
fails 2 'without --shard' sweep budget.yaml --budget 2h --shard 1/2
fails 2 'needs one study file' plan
fails 2 'no such file|No such file' plan absent.yaml
fails 2 'absent.db: No such file' plan budget.yaml --db absent.db
finish
