#!/usr/bin/env bash
# plateau predict and plateau forecast from outside: what is expected of a run before it is made, and of one in progress. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
value() { grep -oE "\"$1\": (null|[-+0-9.e]+)" "$2" | head -1 | cut -d' ' -f2; } # of the first member of that name in a file
near() { # relative tolerance, two numbers
    awk -v tolerance="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(a != "" && b > 0 && (a - b) ^ 2 <= (tolerance * b) ^ 2) }'
}
same() { # two files, names: members with the same numbers
    local name
    for name in "${@:3}"; do [[ $(value "$name" "$1") && $(value "$name" "$1") == "$(value "$name" "$2")" ]] || return 1; done
}
lines() { "${PLATEAU%/*}/json_lines" "$@" 2>/dev/null; }

# ---- what is known without a run: the same numbers as beside the run itself
"$plateau" flow T=64 d=16 --json >flow.json && "$plateau" predict model=flow T=64 d=16 --json >said.json && lines predicted seed <said.json
ok $? "predict: an object a line"
same said.json flow.json eq6 asinh closed quadrature && [[ ! $(value plateau said.json) ]]
ok $? "of a flow: its predictions, but not the flow"
"$plateau" train T=64 d=16 optimizer=gd steps=0 --json >train.json && "$plateau" predict model=toy T=64 d=16 optimizer=gd steps=0 --json >said.json &&
    same said.json train.json closed quadrature flow &&
    [[ $(value flow said.json) == "$(value plateau flow.json)" && $(value forecast_words said.json) == null ]]
ok $? "of a toy: the flow, too, and no word of a run that is not made"
"$plateau" flow model=reduced T=32 d=8 --json >flow.json && "$plateau" predict model=reduced T=32 d=8 --json >said.json &&
    same said.json flow.json reduced_s50 reduced_closed
ok $? "of a reduced flow: half of the attention, and its closed form"
small=(T=16 d=6 layers=1 heads=1 width=64 head_dim=16 lr=3e-4)
"$plateau" predict "${small[@]}" --json >said.json && "$plateau" train model=transformer "${small[@]}" steps=0 --json >train.json &&
    same said.json train.json reduced reduced_error reduced_s50 reduced_closed reduced_closed_error
ok $? "of a Transformer: what stands beside the run"
"$plateau" flow model=reduced T=16 d=6 width=64 head_dim=16 lr=3e-4 --json >flow.json && near 1e-3 "$(value reduced said.json)" "$(value plateau flow.json)"
ok $? "which is its reduced flow"
prints '^  published +756.' predict T=64 d=16
prints '^  .the paper.s law of Fig. 3 left, middle' predict T=64 d=16
prints '^  quadrature +356.8' predict model=flow T=64 d=16
prints '^  flow +357.466' predict model=toy T=64 d=16
prints '^  reduced_s50 ' predict model=reduced T=32 d=8
prints '^  \(the reduced flow of this Transformer; runs scatter about it by a factor of 1.15\)' predict "${small[@]}"
prints '^  \(the reduced flow of one layer with one head, an upper bound; ' predict T=32 d=8
prints '^  \(p > 0: the closed form with a factor for p alone; no flow is known\)' predict T=32 d=8 layers=1 p=0.5
prints '^  reduced +-$' predict T=32 d=8 layers=3
"$plateau" predict task=recall pairs=4 vocab=32 --json >said.json && ! grep -q predicted said.json && near 0.01 "$(value published said.json)" 192
ok $? "of recall the published law alone"
"$plateau" predict model=toy,flow T=64,128 d=16 --json >grid.json && [[ $(wc -l <grid.json) == 4 ]] && lines <grid.json &&
    [[ $(grep -oE '"T": [0-9]+|"model": "[a-z]+"' grid.json | tr -d '\n') == '"T": 64"model": "toy""T": 128"model": "toy""T": 64"model": "flow""T": 128"model": "flow"' ]]
ok $? "a grid, in its order"
fails 2 'runs: expected key=value' predict runs
fails 2 'did you mean T|no such key' predict TT=4
fails 2 'T=3 B=4: B must be smaller than T' predict model=toy T=3 B=4

# ---- measured on the first steps
fails 2 'measured are Transformers that learn task=regression with readout=last' predict task=recall --measure
fails 2 'measured are Transformers that learn' predict model=toy --measure
fails 2 'measured are Transformers that learn' predict readout=mean --measure
fails 3 'the first steps diverge: a smaller lr may not' predict "${small[@]/#lr=*/lr=1000}" optimizer=sgd --measure
slow=(T=16 d=8 layers=1 heads=1 width=64 head_dim=32 mlp=1)
for seed in 1 2 3; do
    "$plateau" predict "${slow[@]}" seed=$seed --measure --json | sed 's/.*"measured"/"measured"/' >measured.json
    "$plateau" train model=transformer "${slow[@]}" seed=$seed eval_every=20 eval_size=64 threshold=0.7 until=threshold --json >train.json 2>/dev/null
    awk -v said="$(value emergence measured.json)" -v came="$(value emergence train.json)" 'BEGIN { exit !(came > 300 && said < 1.5 * came && came < 1.5 * said) }'
    ok $? "seed $seed: measured at $(value emergence measured.json), emerged at $(value emergence train.json)"
done
[[ $(value steps measured.json) == 140 ]]; ok $? "from 140 steps"
"$plateau" predict "${slow[@]}" threads=1 --measure --json >one.json
"$plateau" predict "${slow[@]}" threads=2 --measure --json >two.json
lines measured <two.json && [[ $(cat one.json) == "$(sed 's/"threads": 2/"threads": 1/' two.json)" ]]; ok $? "measured with 1 and 2 threads: the same numbers"
prints '^  measured +[0-9.]+ +\(half of the attention; from 140 training steps and three gradients\)$' predict "${slow[@]}" --measure
! grep -q 'too soon' out; ok $? "of a long plateau, that is all"
prints 'it emerges too soon for the 140 steps that this takes: train it' predict "${small[@]}" --measure

# ---- plateau forecast: what a run's own last row says
tiny=(T=16 d=4 layers=1 heads=2 width=32 head_dim=16)
run=(model=transformer "${tiny[@]}" mlp=1 lr=3e-4 batch=16 eval_every=20 eval_size=64 backend=reference steps=600 until=cap threshold=0.01)
cell() { awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } END { print $at }' "$1"; } # of the last row
said_as_row() { # trace, keys..: the forecast is that of the last row
    "$plateau" forecast "$1" "${@:2}" --json >said.json && lines file now word forecast low high assumed <said.json && grep -q '"word": "says"' said.json &&
        [[ $(value now said.json) == "$(cell "$1" step)" && $(value forecast said.json) == "$(cell "$1" forecast)" &&
            $(value low said.json) == "$(cell "$1" forecast_low)" && $(value high said.json) == "$(cell "$1" forecast_high)" ]]
}
"$plateau" train "${run[@]}" --trace whole.csv >out
for rows in 12 20 25; do # of which the header is one
    head -$rows whole.csv >part.csv; said_as_row part.csv "${tiny[@]}"; ok $? "after $((rows - 1)) rows it says what the last one says"
done
cut -d, -f1,7 part.csv >single.csv; "$plateau" forecast single.csv "${tiny[@]}" --json >single.json && [[ $(value forecast single.json) == "$(value forecast said.json)" ]]
ok $? "of two heads the one that comes first"
awk -F, -v OFS=, 'NR > 1 { x = $6; $6 = $7; $7 = x } 1' part.csv >swapped.csv; "$plateau" forecast swapped.csv "${tiny[@]}" --json >swapped.json && [[ $(value forecast swapped.json) == "$(value forecast said.json)" ]]
ok $? "whichever it is"
cut -d, -f1,6 part.csv >other.csv; "$plateau" forecast other.csv "${tiny[@]}" >out && ! grep -q "$(printf '%.4g' "$(value forecast said.json)")" out
ok $? "the other one says something else"
"$plateau" forecast part.csv single.csv "${tiny[@]}" >out && [[ $(wc -l <out) == 2 ]] &&
    grep -q '^part.csv: at 460: attention arrives at about 4[67][0-9.]* (460 .. 5[0-9.]*), for B=1 d=4 head_dim=16 optimizer=adam$' out && grep -q '^single.csv: at 460: attention arrives' out
ok $? "several files"
"$plateau" forecast whole.csv "${tiny[@]}" | grep -q '^whole.csv: at 600: attention has arrived$'; ok $? "attention has arrived"
head -6 whole.csv >early.csv; "$plateau" forecast early.csv "${tiny[@]}" | grep -q '^early.csv: at 80: cannot tell yet when attention arrives$'
ok $? "too early to tell"
"$plateau" forecast early.csv "${tiny[@]}" --json | grep -q '^{"file": "early.csv", "now": 80, "word": "cannot tell", "forecast": null, "low": null, "high": null, "assumed": "B=1 d=4 head_dim=16 optimizer=adam"}$'
ok $? "which JSON says, too"
"$plateau" train "${run[@]}" B=2 --trace copies.csv >out; head -12 copies.csv >part.csv; said_as_row part.csv "${tiny[@]}" B=2; ok $? "two copies: attention to both"
"$plateau" forecast part.csv "${tiny[@]}" --json >out; [[ $(value forecast out) != "$(value forecast said.json)" ]]; ok $? "which one copy is not"
sed 's/^step/time/' single.csv >time.csv; "$plateau" forecast time.csv "${tiny[@]}" --json >said.json && [[ $(value forecast single.json) == "$(value forecast said.json)" ]]
ok $? "a column time in place of step"
"$plateau" train T=64 d=16 optimizer=gd eval_every=5 steps=200 --trace toy.csv >out && "$plateau" forecast toy.csv model=toy T=64 d=16 --json >said.json &&
    grep -q '"word": "says"' said.json && near 0.1 "$(value forecast said.json)" 357.5
ok $? "of a toy by its attention alone: within 10 % of its plateau"

# ---- files that are none, and keys
bad() { # message, text of the file
    printf "$2" >bad.csv; fails 2 "$1" forecast bad.csv "${tiny[@]}"
}
bad 'bad.csv:1: no column step \(or time\): when each row was taken' 'steps,attention\n1,0.1\n'
bad 'bad.csv:1: no column attention \(or attention_l1h1, ..\): the attention of the last position' 'step,loss\n1,0.1\n'
bad 'bad.csv:1: no column attention' 'step,attentions\n1,0.1\n'
bad 'bad.csv:3: much: not a number' 'step,attention\n1,0.1\n2,much\n'
bad 'bad.csv:2: nan: not a number' 'step,attention\n1,nan\n'
bad 'bad.csv:3: : not a number' 'step,attention\n1,0.1\n2,\n'
bad 'bad.csv:3: a cell that is missing: not a number' 'step,attention\n1,0.1\n2\n'
bad 'bad.csv:4: step 1 does not come after 2' 'step,attention\n1,0.1\n2,0.1\n1,0.1\n'
bad 'bad.csv:3: step 1 does not come after 1' 'step,attention\n1,0.1\n1,0.1\n'
bad 'attention to all 1 copies at step 2 is 0: it must be between 0 and 1' 'step,attention\n1,0.1\n2,0\n'
printf 'step,attention\n1,1\n2,1\n3,1\n' >ones.csv; prints 'attention has arrived' forecast ones.csv "${tiny[@]}"
bad 'bad.csv:2: no rows' 'step,attention\n'
bad 'bad.csv:1: the file is empty' ''
bad 'bad.csv:2: a quote is opened and never closed' 'step,attention\n1,"0.1\n'
printf 'step,attention\n1,0.6\n' >bad.csv; fails 2 'attention to all 2 copies at step 1 is 1.2: it must be' forecast bad.csv "${tiny[@]}" B=2
fails 2 'none.csv: No such file' forecast none.csv; [[ $(grep -o none.csv err | wc -l) == 1 ]]; ok $? "which is named once"
fails 2 'needs TRACE.csv, with columns step and attention' forecast
fails 2 'needs a single value for each key, and the grid has 2 runs' forecast early.csv T=16,32
fails 2 'is for model=transformer task=regression, and model=toy' forecast early.csv task=recall
fails 2 'is for model=transformer task=regression, and model=toy' forecast early.csv model=flow
fails 2 'keep its rows from the last switch on' forecast early.csv "${tiny[@]}" p=0.5 schedule=p=0@100
finish
