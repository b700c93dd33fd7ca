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
refused '--map run=Name: .* give the curves with --curves-from' wandb.csv model=toy --map run=Name
printf 'T,d,plateau,a.b,a/b\n64,16,36,1,1\n' >like.csv
refused 'like.csv:1: --map seed=a.b.value: fits two columns, a.b and a/b: leave one out' like.csv model=toy --map seed=a.b.value
take "the very name is taken before one that is like it" '64 1;' like.db T,seed like.csv model=toy --map seed=a.b
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
json '{"T": 64, "T": 65, "plateau": 3}' 'bad.json:1: not JSON: duplicate object key'
json '{"T": 64, "a.b": 65, "a": {"b": 1}, "plateau": 3}' 'bad.json:1: a.b: is there twice'
json '{"T": [64], "plateau": 3}' 'bad.json:1: T=\[64.0\]: T must be a whole number'
json '[{"T": 64, "plateau": 3}, {"T": 64, "plateau": 4}]' 'bad.json: record 2: the same keys as record 1'
json '{"T": 64, "x": 3}' 'bad.json: no outcome'
json '{"T": 64, "plateau": "\xff"}' 'bad.json:1: not JSON'
printf 'T\0,plateau\n' >bad.csv; refused 'bad.csv: not a text file; save it as CSV in UTF-8' bad.csv model=toy
printf 'T;d;plateau\n64;16\n' >bad.csv; refused 'bad.csv:2: 2 fields, but the header names 3 columns' bad.csv model=toy
finish
