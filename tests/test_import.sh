#!/usr/bin/env bash
# plateau import from outside: what Weights & Biases, Optuna, Hydra, pandas and spreadsheets export comes in as it is meant, or is refused with one
# clear error; and then nothing is there. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
runs() { "$plateau" export "$1" --format jsonl 2>/dev/null | wc -l; }
of() { # database, column..: of all runs, `a b;a b;` in the order of the file
    local db=$1 columns; shift
    columns=$("$plateau" export "$db" | head -n 1 | tr , '\n' | grep -nxF -f <(printf '%s\n' "$@") | cut -d: -f1 | paste -sd,)
    "$plateau" export "$db" | tail -n +2 | cut -d, -f"$columns" | tr ',\n' ' ;'
}
take() { # name, what `of` must say, database, columns (comma-separated), arguments..: a file that is imported
    local name=$1 want=$2 db=$3 columns=$4; shift 4
    "$plateau" import "$@" --db "$db" >out 2>err; local rc=$?
    [[ $rc == 0 && $(of "$db" ${columns//,/ }) == "$want" ]]
    ok $? "$name${rc#0}: $(of "$db" ${columns//,/ })"
}
refused() { # pattern, arguments..: exit 2, and no database
    fails 2 "$1" import "${@:2}" --db none.db
    [[ ! -e none.db ]]; ok $? "and makes no database"
}
dry() { # pattern of standard output, arguments..: what an import would do
    "$plateau" import "${@:2}" --dry-run >out 2>err && grep -qE -e "$1" out
    ok $? "dry: $1"
}
three='64 16 36;128 16 72;256 16 144;'

# ---- Weights & Biases: the table of runs as CSV, and api.runs as JSON lines
cat >wandb.csv <<'C'
"Name","State","Notes","User","Tags","Created","Runtime","Sweep","config.seq_len","config.dim","config.optim.lr","config.seed","summary.t_emerge","summary._step"
"brisk-sea-1","finished","-","me","","2025-05-01T10:00:00.000Z","812","","64","16","0.1","1","36","2000"
"calm-sun-2","crashed","-","me","","2025-05-01T10:00:00.000Z","812","","128","16","0.1","1","72","2000"
"calm-sun-3","killed","-","me","","2025-05-01T10:00:00.000Z","812","","256","16","0.1","1","144","2000"
C
map=T=config.seq_len,d=config/dim,lr=config.optim.lr,seed=config.seed,plateau=summary.t_emerge,steps=summary._step
take "W&B, CSV" "$three" wandb.db T,d,plateau wandb.csv model=toy --map $map
grep -qx 'plateau: wandb.csv: columns left out: Name, State, Notes, User, Tags, Created, Runtime, Sweep' err; ok $? "columns that are left out are named once"
cat >wandb.jsonl <<'J'
{"name": "brisk-sea-1", "state": "finished", "config": {"seq_len": {"value": 64, "desc": null}, "dim": {"value": 16}, "optim": {"value": {"lr": 0.1}}, "seed": {"value": 1}, "layers": {"value": [1, 2]}}, "summary": {"t_emerge": 36, "_step": 2000, "loss": NaN, "_wandb": {"runtime": 812}}}

{"name": "calm-sun-2", "state": "crashed", "config": {"seq_len": {"value": 128}, "dim": {"value": 16}, "optim": {"value": {"lr": 0.1}}, "seed": {"value": 1}}, "summary": {"t_emerge": 72, "_step": 2000}}
{"name": "calm-sun-3", "state": "killed", "config": {"seq_len": {"value": 256}, "dim": {"value": 16}, "optim": {"value": {"lr": 0.1}}, "seed": {"value": 1}}, "summary": {"t_emerge": 144.0, "_step": 2000, "loss": -Infinity}}
J
take "W&B, JSON lines" "$three" wandb.l.db T,d,plateau wandb.jsonl model=toy --map $map
take "where settings are found as config.X.value, too" "$three" wandb.l2.db T,d,plateau wandb.jsonl model=toy --map "${map/config.seq_len/config.seq_len.value}"
sed 's/config.seq_len/config.seq_len.value/; s/config.dim/config.dim.value/' wandb.csv >wandb.v.csv
take "and in a flat table of such names" "$three" wandb.v.db T,d,plateau wandb.v.csv model=toy --map $map
printf '{"T": 64, "d": 16, "plateau": NaN, "steps": 900}\n{"T": 128, "d": 16, "plateau": null, "steps": 900}\n{"T": 256, "d": 16, "plateau": 7.5e1}\n' >null.jsonl
take "null and NaN are empty" 'censored 64 ;censored 128 ;emerged 256 75;' null.db T,status,plateau null.jsonl model=toy
refused 'wandb.csv:2: status=finished: status is one of emerged, censored, diverged' wandb.csv model=toy --map $map,status=State

# ---- Optuna's trials_dataframe, Hydra's results, pandas
cat >optuna.csv <<'C'
,number,value,datetime_start,datetime_complete,duration,params_lr,user_attrs_T,user_attrs_d,user_attrs_plateau,state
0,0,0.0123,2025-05-01 10:00:00.123456,2025-05-01 10:10:00.123456,0 days 00:10:00,0.1,64,16,36.0,COMPLETE
1,1,,2025-05-01 10:00:00.123456,,,0.1,128,16,72.0,PRUNED
2,2,,2025-05-01 10:00:00.123456,,,0.1,256,16,144.0,FAIL
C
map=T=user_attrs_T,d=user_attrs_d,lr=params_lr,plateau=user_attrs_plateau
take "Optuna" "$three" optuna.db T,d,plateau optuna.csv model=toy --map $map
grep -qx 'plateau: optuna.csv: columns left out: one without a name, number, value, datetime_start, datetime_complete, duration, state' err; ok $? "its state and index are left out"
refused 'optuna.csv:2: status=COMPLETE: status is one of' optuna.csv model=toy --map $map,status=state
refused 'optuna.csv:1: no outcome: .*user_attrs_plateau \(plateau\? then say so with --map\)' optuna.csv model=toy
cat >hydra.csv <<'C'
job_num,override_dirname,model.seq_len,model.dim,optim/lr,seed,plateau
0,"model.seq_len=64,seed=1",64,16,0.1,1,36
1,"model.seq_len=128,seed=1",128,16,0.1,1,72
2,"model.seq_len=256,seed=1",256,16,0.1,1,144
C
take "Hydra, multirun" "$three" hydra.db T,d,plateau hydra.csv model=toy --map T=model.seq_len,d=model.dim,lr=optim.lr
printf 'T,d,lr,plateau,feature\n64,16,0.1,36,True\n128,16,0.1,72,True\n256,16,0.1,144,\n' | cut -d, -f1-4 >plain.csv
printf ',T,d,lr,plateau\n0,64,16,0.1,36\n1,128,16,0.1,72\n2,256,16,0.1,144\n' >index.csv
printf 'Unnamed: 0,T,d,lr,plateau\n0,64,16,0.1,36.0\n1,128,16,0.1,72.0\n2,256,16,0.1,144.0\n' >again.csv
take "pandas, index=False" "$three" plain.db T,d,plateau plain.csv model=toy
[[ $(wc -l <err) == 1 ]]; ok $? "nothing is left out, and nothing said of it"
take "pandas, with the index" "$three" index.db T,d,plateau index.csv model=toy
grep -q 'left out: one without a name$' err; ok $? "the index is named"
take "pandas, read and written again" "$three" again.db T,d,plateau again.csv model=toy
printf '[{"T":64,"d":16,"lr":0.1,"plateau":36.0},{"T":128,"d":16,"lr":0.1,"plateau":72.0},{"T":256,"d":16,"lr":0.1,"plateau":144.0}]' >records.json
take "pandas, orient=records" "$three" records.db T,d,plateau records.json model=toy
printf ' [\n  {"T": 64, "d": 16, "lr": 0.1,\n   "plateau": 36}\n ,\n  {"T": 128, "d": 16, "lr": 0.1, "plateau": 72},{"T": 256, "d": 16, "lr": 0.1, "plateau": 144}\n]\n' >pretty.json
take "with line ends anywhere" "$three" pretty.db T,d,plateau pretty.json model=toy

# ---- separators, byte order mark, CRLF, decimal commas
tr , '\t' <index.csv >tab.tsv
take "tabs, with an empty name first" "$three" tab.db T,d,plateau tab.tsv model=toy
tr , ';' <plain.csv | sed 's/0\.1/0,1/; s/36/36,0/' >semicolon.csv
take "semicolons and decimal commas" "$three" semicolon.db T,d,plateau semicolon.csv model=toy --decimal comma
refused 'semicolon.csv:2: lr: 0,1: looks like a number with a decimal comma: give --decimal comma' semicolon.csv model=toy
tr , ';' <plain.csv >point.csv
take "semicolons and points" "$three" point.db T,d,plateau point.csv model=toy
refused 'point.csv:2: lr: 0.1: has a point, but --decimal comma says' point.csv model=toy --decimal comma
refused '--decimal dot: comma or point' point.csv model=toy --decimal dot
printf '\xef\xbb\xbf' >excel.csv; sed 's/$/\r/' semicolon.csv >>excel.csv
take "a byte order mark and CRLF" "$three" excel.db T,d,plateau excel.csv model=toy --decimal comma
(printf '\xef\xbb\xbf'; cat wandb.jsonl) >mark.jsonl
take "a byte order mark before JSON" "$three" mark.db T,d,plateau mark.jsonl model=toy --map T=config.seq_len,d=config.dim,lr=config.optim.lr,seed=config.seed,plateau=summary.t_emerge,steps=summary._step
printf '"T;x";d;plateau\n64;16;36\n' >quoted.csv
take "a separator in a quoted name" '64 36;' quoted.db T,plateau quoted.csv model=toy --map 'T=T;x'

# ---- the map
refused '--map TT=a: TT is neither a key .* nor plateau, status, wall_s; did you mean T\?' plain.csv model=toy --map TT=a
refused 'plain.csv:1: --map T=seq: the file has no column seq' plain.csv model=toy --map T=seq
refused 'wandb.csv:1: --map T=cfg.seq_len: the file has no column cfg.seq_len; did you mean config.seq_len\?' wandb.csv model=toy --map T=cfg.seq_len
refused '--map: T is mapped twice, to a and b: leave one out' plain.csv model=toy --map T=a,T=b
refused '--map T: expected KEY=COLUMN' plain.csv model=toy --map T
refused '--map T=: expected KEY=COLUMN' plain.csv model=toy --map d=d,T=
refused '--map run=Name: is about curves: give them with --curves-from' wandb.csv model=toy --map run=Name
refused '--map attention=a: is about curves' wandb.csv model=toy --map attention=a
printf 'T,d,plateau,a.b,a/b\n64,16,36,1,1\n' >like.csv
refused 'like.csv:1: --map seed=a.b.value: fits two columns, a.b and a/b: leave one out' like.csv model=toy --map seed=a.b.value
take "the very name is taken before one that is like it" '64 1;' like.db T,seed like.csv model=toy --map seed=a.b
printf 'model,T,plateau\ngpt-2,16,36\n' >gpt.csv
refused 'gpt.csv:2: model=gpt-2' gpt.csv
refused 'gpt.csv:1: model: the file has this column: .*--map model=-' gpt.csv model=toy
take "a column of a key's name that is not the key" '16 toy;' gpt.db model,T gpt.csv model=toy --map model=-
grep -q 'left out: model$' err; ok $? "it is left out, and named"
printf 'T,plateau,d\n16,36,64\n' >swap.csv
take "columns may change their names" '64 16;' swap.db T,d swap.csv model=toy --map T=d,d=T
printf 'T,T,plateau\n16,36,64\n' >twice.csv
refused 'twice.csv:1: two columns are named T; leave one out' twice.csv model=toy
refused 'twice.csv:1: --map d=T: fits two columns' twice.csv model=toy --map d=T
refused 'plain.csv:1: T: the file has this column: leave out T=' plain.csv model=toy T=8
refused 'hydra.csv:1: d: the file has this column' hydra.csv model=toy d=8 --map d=model.dim

# ---- columns that nearly are right
printf 'T,d,plateau,seeds,Lr,accuracy,loss\n64,16,36,1,0.1,0.9,0.25\n' >slips.csv
take "slips are imported over" '64 16 36;' slips.db T,d,plateau slips.csv model=toy
grep -qx 'plateau: slips.csv: columns left out: seeds (did you mean seed?), Lr (did you mean lr?), loss (of numbers: not the key loss), accuracy' err
ok $? "but said: $(head -n 1 err)"
"$plateau" import slips.csv --db slips.db model=toy --quiet 2>err; grep -qx 'plateau: slips.csv: columns left out: seeds .*the key loss)' err; ok $? "even if nothing else is"
loss() { printf "T,d,plateau,seed,loss\n64,16,36,1,$1\n64,16,36,2,$2\n" >loss.csv; }
loss '' 0.25; take "a loss that a crashed run lacks" '64 36;64 36;' loss.db T,plateau loss.csv model=toy
loss test TEST; take "the key loss" 'test;test;' loss.key.db loss loss.csv model=toy
loss '' train; refused 'loss.csv:3: loss: the cell of line 2 is empty: fill it in' loss.csv model=toy
loss train ''; refused 'loss.csv:3: loss: the cell is empty' loss.csv model=toy
loss '' ''; refused 'loss.csv:2: loss: the column is empty: fill it in, or leave it out' loss.csv model=toy
loss train 0.5; refused 'loss.csv:3: loss=0.5' loss.csv model=toy
awk 'BEGIN { printf "T,d,plateau"; for (i = 1; i < 300; i++) printf ",config.other_%d", i; printf "\n64,16,36"; for (i = 1; i < 300; i++) printf ",%d", i; print "" }' >wide.csv
take "hundreds of columns" '64 36;' wide.db T,plateau wide.csv model=toy
grep -q 'config.other_20 and 279 more$' err; ok $? "twenty are named, the others counted"
printf 'T,d,plateau,\e[2Jx\n64,16,36,1\n' >escape.csv; "$plateau" import escape.csv --db escape.db model=toy 2>err; ! grep -q $'\e' err && grep -q '?\[2Jx' err
ok $? "a name cannot clear the screen"

# ---- files that are neither
json() { printf "$1" >bad.json; refused "$2" bad.json model=toy; }
json '{"T": 64, "plateau": 3}\n{"T": 64, "plateau"\n' 'bad.json:2: not JSON: '
json '{"T": 64, "plateau": 3}\n5\n' 'bad.json:2: not an object'
json '[{"T": 64, "plateau": 3}\n' 'bad.json: record 2: a comma or \] is missing'
json '[{"T": 64, "plateau": 3},' 'bad.json: record 2: the array is not closed'
json '[{"T": 64, "plateau": 3}] x' 'bad.json: record 2: text after the end'
json '[]' 'bad.json.*no object has a value'
json '{"T": {"0": 64, "1": 64}, "plateau": {"0": 3, "1": 4}}' 'bad.json: one object holds the whole table: .*orient="records"'
json '{"0": {"T": 64, "plateau": 3}, "1": {"T": 64, "plateau": 4}}' 'bad.json: one object holds the whole table'
json '{"columns": ["T", "plateau"], "index": [0], "data": [[64, 3]]}' 'bad.json: one object holds the whole table'
json '{"schema": {"fields": [], "pandas_version": "1.4.0"}, "data": [{"T": 64, "plateau": 3}]}' 'bad.json: one object holds the whole table'
json '{"T": 64, "T": 65, "plateau": 3}' 'bad.json:1: not JSON: duplicate object key'
json '{"T": 64, "a.b": 65, "a": {"b": 1}, "plateau": 3}' 'bad.json:1: a.b: is there twice'
json '{"T": [64], "plateau": 3}' 'bad.json:1: T=\[64.0\]: T must be a whole number'
json '[{"T": 64, "plateau": 3}, {"T": 64, "plateau": 4}]' 'bad.json: record 2: the same keys as record 1'
json '{"T": 64, "x": 3}' 'bad.json: no outcome'
json '{"T": 64, "plateau": "\xff"}' 'bad.json:1: not JSON'
printf 'T\0,plateau\n' >bad.csv; refused 'bad.csv: not a text file; save it as CSV in UTF-8' bad.csv model=toy
printf 'sep=|\nT|d|plateau\n64|16|36\n' >bad.csv; refused 'bad.csv:1: no outcome: .*The line has one name only: .*with , ; or a tab' bad.csv model=toy
printf 'T;d;plateau\n64;16\n' >bad.csv; refused 'bad.csv:2: 2 fields, but the header names 3 columns' bad.csv model=toy

# ---- a dry import
dry '^  config.seq_len  ->  key T  =  64$' wandb.csv model=toy --map T=config.seq_len,plateau=summary.t_emerge --db dry.db
dry '^  summary.t_emerge  ->  plateau  =  36$' wandb.csv model=toy --map T=config.seq_len,plateau=summary.t_emerge
dry '^  State  ->  left out  =  finished$' wandb.csv model=toy --map T=config.seq_len,plateau=summary.t_emerge
dry '^3 runs would be added, 0 replaced, 0 refused$' wandb.csv model=toy --map T=config.seq_len,plateau=summary.t_emerge --db dry.db
[[ ! -e dry.db ]]; ok $? "it makes no database"
dry '^  lr  ->  key lr  =  0.1$' semicolon.csv model=toy --decimal comma
"$plateau" import plain.csv --db dry.db model=toy --quiet; cp dry.db before.db
sed 's/^128/512/' plain.csv >x && mv x plain.csv
dry '^1 runs would be added, 2 replaced, 0 refused; 1 that the file no longer has would go$' plain.csv model=toy --db dry.db
cmp -s dry.db before.db; ok $? "and changes none"
printf 'T,d,plateau\n64,16,36\n1,16,36\n8,16,x\n64,16,37\n' >bad.csv
"$plateau" import bad.csv --dry-run model=toy >out 2>err; [[ $? == 2 ]] && grep -qx '1 runs would be added, 0 replaced, 3 refused' out &&
    grep -q '^bad.csv:3: T=1: T must be in' out && grep -q '^bad.csv:4: plateau=x: must be' out && grep -q '^bad.csv:5: the same keys as line 2' out &&
    grep -q '^plateau: bad.csv: 3 runs would be refused, and with them all' err
ok $? "it says all that would be refused, and ends with 2"
printf 'T,d,plateau\n64,16,36\n64,16,36\n' >bad.csv; "$plateau" import bad.csv --db twice.db model=toy --quiet 2>err
sed -n 1,2p bad.csv >one.csv; "$plateau" import one.csv --db twice.db model=toy --quiet; "$plateau" import bad.csv --db twice.db --dry-run model=toy >out 2>err
grep -qx '0 runs would be added, 1 replaced, 1 refused' out; ok $? "of two lines for one run one is refused"
printf 'T,d,plateau\n' >empty.csv; dry '^  T  ->  key T$' empty.csv model=toy; dry '^0 runs would be added' empty.csv model=toy
fails 2 'needs a file of runs and --db FILE' import plain.csv model=toy

# ---- curves
toy=(model=toy lr=0.1 optimizer=sgd)
for seed in 1 2 3; do "$plateau" train T=16 d=4 "${toy[@]}" seed=$seed eval_every=20 steps=900 --trace t$seed.csv --json --quiet; done >made.json 2>/dev/null
made=$(sed -E 's/.*"plateau": ([0-9.]*),.*/\1/' made.json | paste -sd' ')
long() { # names of the columns of run, step, loss, attention and one more
    echo "$1,more"; for seed in 1 2 3; do tail -n +2 t$seed.csv | awk -F, -v seed=$seed '{ print "r" seed "," $1 "," $4 "," $8 ",1" }'; done
}
long run,step,loss,attention >curves.csv
printf 'run,T,d,seed\nr1,16,4,1\nr2,16,4,2\nr3,16,4,3\n' >runs.csv
"$plateau" import runs.csv "${toy[@]}" --curves-from curves.csv --db curves.db 2>err; [[ $(of curves.db plateau | tr -d '\n') == "${made// /;};" ]]
ok $? "the plateau lengths are those of the curves, to the last digit: $made"
[[ $(of curves.db eval_every status) == 'emerged 20;emerged 20;emerged 20;' ]]; ok $? "eval_every is the distance of their rows"
grep -qx 'plateau: curves.csv: columns left out: more' err; ok $? "a column that is no curve's is left out"
"$plateau" export curves.db --curves >out; [[ $(grep -c '^3,' out) == $(($(wc -l <t3.csv) - 1)) ]]; ok $? "the curves are there"
same() { # name, arguments..: the same runs with their curves
    "$plateau" import "${@:2}" --db same.db 2>err; ok $? "$1$(grep '^plateau: .*=' err)"
    [[ $(rows same.db) == "$(rows curves.db)" ]] && cmp -s <("$plateau" export same.db --curves) <("$plateau" export curves.db --curves)
    ok $? "the same runs"; rm -f same.db
}
long _runid,_step,val/loss,attn >other.csv; sed 's/^run/Name/' runs.csv >name.csv
same "other names in both files" name.csv "${toy[@]}" --curves-from other.csv --map step=_step,loss_test=val.loss,attention=attn
same "loss is the curve's" name.csv "${toy[@]}" --curves-from other.csv --map step=_step,loss=val/loss,attention=attn
sed 's/^run/my_run/' runs.csv >my.csv; same "run=, in one of the files" my.csv "${toy[@]}" --curves-from curves.csv --map run=my_run
(head -n 1 curves.csv; tail -n +2 curves.csv | sort -s -t, -n -k2,2) >mixed.csv; same "rows of runs that alternate" runs.csv "${toy[@]}" --curves-from mixed.csv
awk -F, 'NR > 1 { printf "{\"run\": \"%s\", \"step\": %s, \"loss\": %s, \"attention\": %s}\n", $1, $2, $3, $4 }' curves.csv >curves.jsonl
same "curves as JSON lines" runs.csv "${toy[@]}" --curves-from curves.jsonl
tr , ';' <curves.csv | tr . , >comma.csv; same "with decimal commas" runs.csv "${toy[@]}" --curves-from comma.csv --decimal comma
sed 's/^r//' runs.csv | sed '1s/.*/id,T,d,seed/' >number.csv; sed 's/^r\([0-9]\)/\1.0/' curves.csv >number_curves.csv
same "numbers of runs that pandas wrote as 1.0" number.csv "${toy[@]}" --curves-from number_curves.csv
dry '^  loss  ->  loss  =  0.49999999999999994$' runs.csv "${toy[@]}" --curves-from curves.csv
dry '^3 runs would be added, 0 replaced, 0 refused; 3 with a curve$' runs.csv "${toy[@]}" --curves-from curves.csv
take "status that agrees" 'emerged;emerged;emerged;' agree.db status <(sed 's/$/,emerged/; 1s/emerged/status/' runs.csv) "${toy[@]}" --curves-from curves.csv
sed 's/$/,censored/; 1s/censored/status/' runs.csv >status.csv
refused 'status.csv:2: status=censored: by its curve run r1 is emerged' status.csv "${toy[@]}" --curves-from curves.csv

printf 'run,T,d,seed,plateau\nr1,16,4,1,53\nr2,16,4,2,60\nr3,16,4,3,52\n' >given.csv
take "given plateaus stand" '53;60;52;' given.db plateau given.csv "${toy[@]}" --curves-from curves.csv
grep -qx 'plateau: 1 of the given plateau lengths differ from those of their curves by more than the distance between evaluations (line 3 has 60, its curve 51.4094); those given stand' err
ok $? "one that is off is said"
[[ $("$plateau" export given.db --curves | wc -l) == "$("$plateau" export curves.db --curves | wc -l)" ]]; ok $? "with their curves"
sed 's/,60$/,/' given.csv >hole.csv; take "an empty one is that of its curve" "53;52;$(cut -d' ' -f2 <<<"$made");" hole.db plateau hole.csv "${toy[@]}" --curves-from curves.csv
sed 's/$/,/; 1s/,$/,status/; s/,60,$/,,censored/' given.csv >censored.csv
take "censored is given, too" 'emerged 53;censored ;emerged 52;' censored.db status,plateau censored.csv "${toy[@]}" --curves-from curves.csv
grep -q '(line 3 has none, its curve 51.4094)' err; ok $? "and held against the curve"
grep -v '^r2' curves.csv >two.csv; take "a run without a curve has its plateau" '53;60;52;' two.db plateau given.csv "${toy[@]}" --curves-from two.csv
refused 'runs.csv:3: run r2: there is neither a curve nor a plateau: two.csv has no row of it' runs.csv "${toy[@]}" --curves-from two.csv
awk -F, -v OFS=, -v CONVFMT=%.17g 'NR > 1 { $3 *= 2 } 1' curves.csv >double.csv
"$plateau" import runs.csv "${toy[@]}" --curves-from double.csv --db double.db 2>err; grep -q 'on the plateau of 3 curves the loss is not about the null loss.*give --null-loss' err
ok $? "a loss in another unit is warned of"
take "and taken with --null-loss" "${made// /;};" unit.db plateau runs.csv "${toy[@]}" --curves-from double.csv --null-loss 1
awk -F, 'NR == 1 || $2 % 180 == 0' curves.csv >rare.csv; "$plateau" import runs.csv "${toy[@]}" --curves-from rare.csv --db rare.db 2>err; grep -q '^plateau: 3 plateau lengths are known to more than a twentieth only' err
ok $? "rows far apart are warned of"
printf 'run,step,loss\na,0,.5\na,10,.5\na,20,nan\n' >nan.csv; printf 'run,T,d\na,16,4\n' >a.csv
take "nan: diverged" 'diverged ;' nan.db status,plateau a.csv model=transformer --curves-from nan.csv

# what this program exports comes in again, with its curves
"$plateau" export curves.db >export.csv; "$plateau" export curves.db --curves >export_curves.csv
"$plateau" import export.csv --curves-from export_curves.csv --db round.db --quiet
[[ $(of round.db plateau status seed) == "$(of curves.db plateau status seed)" && $(of round.db plateau) == "${made// /;};" ]] &&
    cmp -s <("$plateau" export round.db --curves) export_curves.csv
ok $? "an export of this program, with its curves"
for how in import record; do # of a Transformer as of recall, as `plateau record` has it
    printf 'run,step,loss,accuracy\n' >recall.csv; for i in 0 1 2 3 4 5 6; do echo "x,${i}0,$((7 - i)),0.$i"; done >>recall.csv
    printf 'run,pairs,vocab\nx,4,16\n' >x.csv
    if [[ $how == import ]]; then "$plateau" import x.csv model=transformer task=recall --curves-from recall.csv --db import.db --quiet
    else cut -d, -f2- recall.csv | "$plateau" record record.db model=transformer task=recall pairs=4 vocab=16 --quiet >/dev/null; fi
done
[[ $(of import.db plateau eval_every steps) == "$(of record.db plateau eval_every steps)" && $(of import.db plateau) == [0-9]* ]]; ok $? "recall: as recorded: $(of import.db plateau)"
printf 'T,d,layers,heads,seed,plateau\n64,16,1,1,1,500\n64,16,1,1,2,500\n128,16,1,1,1,900\n' >expect.csv
"$plateau" import expect.csv --db expect.db model=transformer --quiet
[[ $(of expect.db reduced) =~ ^([0-9.]+)\;([0-9.]+)\;([0-9.]+)\;$ && ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" && ${BASH_REMATCH[1]} != "${BASH_REMATCH[3]}" &&
    $("$plateau" predict T=64 d=16 layers=1 heads=1 --json) == *"\"reduced\": ${BASH_REMATCH[1]},"* ]]
ok $? "Transformers have the predictions of their keys: $(of expect.db reduced)"

curve() { printf "run,step,loss${3:-}\n$1" >bad.csv; refused "$2" a.csv model=transformer --curves-from bad.csv "${@:4}"; }
curve 'a,0,.5\nb,0,.5\n' 'bad.csv:3: run=b: a.csv has no such run; its first is a'
curve 'a,0,.5\na,0,.5\n' 'bad.csv:3: step 0 does not come after 0'
curve 'a,0,high\n' 'bad.csv:2: loss: high: not a number'
curve 'a,x,.5\n' 'bad.csv:2: step: x: not a number'
curve 'a,,.5\n' 'bad.csv:2: step: the cell has no number'
curve ',0,.5\n' 'bad.csv:2: run: the cell is empty'
curve 'a,0,nan\na,1,.5\n' 'bad.csv:3: the loss is a number again after it was nan in line 2'
curve 'a,0,"0,5"\n' 'bad.csv:2: loss: 0,5: looks like a number with a decimal comma'
curve 'a,0\n' 'bad.csv:2: 2 fields, but the header names 3'
curve 'a,0,.5,.5\n' 'bad.csv:2: loss and loss_test are one column' ,loss_test
curve 'a,0,.5,.5\n' 'bad.csv:1: two columns are named loss' ,loss
curve 'a,0,.5,.5\n' 'bad.csv:2: attention_l9h1: no such column' ,attention_l9h1
curve 'a,0,.5\n' 'bad.csv:1: --map attention=attn: the file has no column attn' '' --map attention=attn
curve 'a,0,\na,10,NA\n' 'a.csv:2: run a: its curve has no loss_test'
printf 'step,loss\n0,.5\n' >bad.csv; refused 'bad.csv:1: no column run' a.csv model=transformer --curves-from bad.csv
printf 'run,_step,loss\na,0,.5\n' >bad.csv; refused 'bad.csv:1: no column step: .* There is _step \(did you mean step\?\)' a.csv model=transformer --curves-from bad.csv
printf 'run,step,x\na,0,.5\n' >bad.csv; refused 'bad.csv:1: no column of a curve' a.csv model=transformer --curves-from bad.csv
printf 'run,step,loss\na,0,.5\n' >bad.csv; refused 'model=flow: is not trained' a.csv model=flow --curves-from bad.csv
printf 'T,d\n16,4\n' >none.csv; refused 'none.csv:1: no column run' none.csv model=transformer --curves-from bad.csv
printf 'run,T,d,seed\na,16,4,1\na,16,4,2\n' >two.csv; refused 'two.csv: lines 2 and 3 are both named a' two.csv model=transformer --curves-from bad.csv
printf '[{"run":"a","T":16,"d":4,"seed":1},{"run":"a","T":16,"d":4,"seed":2}]' >two.json
refused 'two.json: records 1 and 2 are both named a' two.json model=transformer --curves-from bad.csv
refused 'none/such.csv: No such file' a.csv model=transformer --curves-from none/such.csv
refused '--null-loss: is the unit of the losses of curves: give --curves-from' plain.csv model=toy --null-loss 1
refused '--null-loss x: must be a number above 0' a.csv model=toy --curves-from bad.csv --null-loss x
finish
