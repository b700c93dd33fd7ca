#!/usr/bin/env bash
# plateau record from outside: rows on standard input become a run with the plateau length of the program's own rule, however they end.
# Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
member() { grep -oE "\"$1\": (\"[^\"]*\"|null|[-+0-9.e]+)" | head -1 | cut -d' ' -f2- | tr -d '"'; } # of the first that has it
of() { "$plateau" export "$1" --format jsonl | tail -n 1 | member "$2"; } # what the last run of a database says
runs() { "$plateau" export "$1" --format jsonl 2>/dev/null | wc -l; }
record() { "$plateau" record "$@" 2>err; }

# ---- the curve of a run made here, fed in, is that run
small=(model=transformer T=8 d=3 layers=1 heads=2 width=16 head_dim=8 mlp=1 batch=16 eval_size=512 lr=3e-3 steps=1500)
"$plateau" train "${small[@]}" eval_every=10 --trace run.csv --json >made.json 2>/dev/null
record a.db "${small[@]}" --json <run.csv >heard.json
ok $? "the trace of a run, recorded"
made=$(member plateau <made.json)
[[ $made && $made != null && $(tail -n 1 heard.json | member plateau) == "$made" && $(of a.db plateau) == "$made" ]]
ok $? "has its plateau length to the last digit: $made"
[[ $(head -n 1 heard.json) == '{"recording": true, "null_loss": '*'"step"'*'"attention_l1h2"'* && $(head -n 1 heard.json | member by_default) == 'B=1 p=0 optimizer=adam seed=1' &&
    $(head -n 1 heard.json) == *'"short": {"loss": "loss_test", "accuracy": "accuracy_test", "attention": "attention_l1h1"}'* ]]
ok $? "the first line says what it assumes: $(head -n 1 heard.json | member by_default)"
"$plateau" export a.db --curves | cut -d, -f2- >curve.csv; [[ $(wc -l <curve.csv) == "$(wc -l <run.csv)" ]]
ok $? "its curve is in the database"
record a.db "${small[@]}" study=x <run.csv; [[ $? == 2 ]]; ok $? "study is no key"
record a.db "${small[@]}" <run.csv; [[ $? == 2 && $(runs a.db) == 1 ]] && grep -q 'a finished run with these keys is there already (recorded on' err
ok $? "a finished run is not replaced"
[[ -s a.db.unsaved && $(runs a.db.unsaved) == 1 ]]; ok $? "but the new one is not lost either"
record a.db "${small[@]}" seed=2 --study mine <run.csv >/dev/null && [[ $("$plateau" export a.db --study mine --format jsonl | wc -l) == 1 ]]
ok $? "another seed, in a study of its own"
"$plateau" compare a.db >/dev/null 2>&1; [[ $? -le 1 ]]; ok $? "claims are judged on it"

# ---- rows
loss() { printf 'step,loss\n0,.5\n'; awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) print 10 * i "," .5 * exp(-i / 10) }'; }
loss 40 | record b.db model=transformer T=16 d=4 --null-loss .5 --json >out
ok $? "two columns"
awk -v t="$(of b.db plateau)" 'BEGIN { exit !((t - 100 * log(5)) ^ 2 < 1) }'; ok $? "the loss is at a fifth of .5 after $(of b.db plateau) steps"
[[ $(of b.db eval_every) == 10 && $(of b.db steps) == 400 ]]; ok $? "eval_every and steps are those of the rows"
printf 'step,loss\n0,1\n10,.9\nstep,attention,loss\n20,.4,.1\n30,.5,.1\n' | record b.db model=transformer T=16 d=4 seed=2 --null-loss 1 >/dev/null &&
    [[ $(of b.db status) == emerged ]] && "$plateau" export b.db --curves seed=2 | grep -q '0\.4'
ok $? "a second header, and a null loss"
printf 'step,loss\n0,1\n10,NaN\n' | record b.db model=transformer T=16 d=4 seed=3 --null-loss 1 >/dev/null && [[ $(of b.db status) == diverged ]]
ok $? "a loss that is not a number: diverged"
printf 'step,loss\n0,1\n10,.9\n' | record b.db model=transformer T=16 d=4 seed=4 --end-mark --null-loss 1 >/dev/null && [[ $(of b.db status) == interrupted ]]
ok $? "without its end mark it was interrupted"
printf 'step,loss\n0,1\n10,.9\n20,.8\nend\n' | record b.db model=transformer T=16 d=4 seed=4 --end-mark --null-loss 1 >/dev/null &&
    [[ $(of b.db status) == censored && $(runs b.db) == 4 ]]
ok $? "begun anew it takes the place of what was interrupted"
record a.db "${small[@]}" seed=3 <run.csv >/dev/null; ! grep -q 'null-loss' err; ok $? "nothing is said of a loss in our unit"
printf 'step,loss\n0,1\n10,.9\n' | record b.db model=transformer T=16 d=4 seed=6 >/dev/null; grep -q 'on the plateau the loss is 2.*give --null-loss' err
ok $? "one that is twice the null loss is warned of"

refused() { # pattern, input
    printf "$2" | record c.db model=transformer T=16 d=4 "${@:3}" >out; local rc=$?
    [[ $rc == 2 && $(tail -n 1 err) == plateau:\ * ]] && grep -qE "$1" err
    ok $? "refused: $1"
}
refused 'no rows: nothing is recorded' ''
refused 'line 1: the first line must name the columns' '0,1\n'
refused 'line 1: no column step' 'loss\n1\n'
refused 'line 1: los: no such column; did you mean' 'step,los\n'
refused 'line 1: loss and loss_test are one column' 'step,loss,loss_test\n'
refused 'line 3: x: not a number' 'step,loss\n0,1\n10,x\n'
refused 'line 3: step 0 does not come after 0; the 1 rows before are kept as an interrupted run' 'step,loss\n0,1\n0,1\n' seed=2
refused 'line 2: 3 fields, but the header names 2 columns' 'step,loss\n0,1,2\n'
refused 'standard input: not a text' 'step,loss\n0,\0001\n'
refused 'null-loss x: must be a number above 0' '' --null-loss x
fails 2 'no model: give model=transformer or model=toy' record c.db T=8
fails 2 'model=flow: is not trained' record c.db model=flow T=8 d=2
fails 2 'needs a single value for each key' record c.db model=toy T=8,16 d=2
fails 2 'needs one database' record model=toy
fails 2 'study: the name must be' record c.db model=toy T=8 d=2 --study a/b

# ---- while it goes on, and when it is cut off
mkfifo pipe
"$plateau" record d.db model=transformer T=16 d=4 --quiet --json <pipe >/dev/null 2>err & reader=$!
exec 7>pipe
printf 'step,loss\n0,.5\n10,.4\n' >&7
for ((i = 0; i < 100; i++)); do [[ $(of d.db status 2>/dev/null) == interrupted ]] && break; sleep .1; done
[[ $(of d.db status) == interrupted && $(of d.db final_loss) == 0.4 ]]; ok $? "a run in progress is in the database, as interrupted"
printf '20,.3\n' >&7; sleep .2
kill -TERM $reader; wait $reader; [[ $? == 130 && $(of d.db final_loss) == 0.3 ]]; ok $? "stopped by a signal it keeps what it was told"
exec 7>&-
"$plateau" record d.db model=transformer T=16 d=4 seed=2 --quiet --json <pipe >/dev/null 2>err & reader=$!
exec 7>pipe
printf 'step,loss\n0,.5\n' >&7
for ((i = 0; i < 100; i++)); do [[ $(of d.db steps 2>/dev/null) == 1 ]] && break; sleep .1; done
kill -STOP $reader; printf '10,.4\n20,.35\n' >&7; kill -TERM $reader; kill -CONT $reader; wait $reader
[[ $? == 130 && $(of d.db final_loss) == 0.35 && $(of d.db status) == interrupted ]]; ok $? "and what was on its way"
exec 7>&-
for i in 1 2 3 4 5 6 7 8; do loss 40 | "$plateau" record e.db model=transformer T=16 d=4 seed=$i --quiet --json >/dev/null 2>>err8 & done; wait
[[ $(runs e.db) == 8 && $("$plateau" export e.db --format jsonl | grep -c '"emerged"') == 8 ]]; ok $? "eight at once on one file"
if [[ -w /dev/full ]]; then
    loss 3 | "$plateau" record f.db model=transformer T=16 d=4 --json >/dev/full 2>err; [[ $? == 3 ]]; ok $? "a full standard output: exit 3"
fi
finish
