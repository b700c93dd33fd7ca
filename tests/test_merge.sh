#!/usr/bin/env bash
# A study in shards, on many machines, and its databases merged: the rows that one process makes; nothing lost, nothing by halves.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1

cat >mix.yaml <<'Y'
study: mix
curves: yes
runs:
  - {model: flow, T: [64, 128, 256], d: [8, 16]}
  - {model: toy, T: [32, 64, 96], d: 8, B: [1, 2], seed: [1, 2], batch: 8}
smoke:
  - {model: transformer, T: [4, 6], d: 2, layers: 1, heads: 2, width: 16, head_dim: 8, mlp: 2, batch: 8, eval_every: 10, eval_size: 32, lr: 3e-3, steps: 600, seed: [1, 2], backend: reference}
Y
sweep=(sweep mix.yaml --scale smoke --quiet)
# The table without what differs from one making to the next: the number of a row, wall time, speed, host, times.
table() {
    "$plateau" export "$@" --format csv |
        awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^(id|wall_s|tokens_per_s|host|started|finished)$/) drop[i] }
        { for (i in drop) $i = ""; print }'
}
curves() { "$plateau" export "$1" --format jsonl --curves |
    sed -E 's/"id": [0-9]*, //; s/"(wall_s|tokens_per_s)": [^,]*,//g; s/"(host|started|finished)": "[^"]*",?//g'; }
runs() { "$plateau" export "$1" | tail -n +2 | wc -l; }

# ---- the same study by one process, by two, and in three shards
"$plateau" "${sweep[@]}" --jobs 1 --db serial.db; "$plateau" "${sweep[@]}" --jobs 2 --db jobs.db
for i in 3 1 2; do "$plateau" "${sweep[@]}" --shard $i/3; done # STUDY-iof3.db
"$plateau" merge merged.db mix-?of3.db 2>err; ok $? "three shards are merged"
grep -q '^merged.db: 22 runs read, 22 new, 0 .*, 0 already there, 0 in conflict$' err; ok $? "and counted"
table serial.db >serial; table jobs.db >jobs; table merged.db >merged
[[ $(wc -l <serial) == 23 && $(cut -d, -f1-3 serial | grep -c ',mix$\|,mix,') == 22 ]] && cmp -s serial jobs && cmp -s serial merged
ok $? "serial, --jobs 2, 3 shards merged: the same 22 rows"
curves serial.db >serial; curves jobs.db >jobs; curves merged.db >merged
grep -q '"curve"' serial && cmp -s serial jobs && cmp -s serial merged; ok $? "and curves"
[[ $(table merged.db --study mix) == "$(table serial.db)" ]]; ok $? "and members of the study"
"$plateau" sweep mix.yaml --scale smoke --db merged.db 2>&1 | grep -q '22 already there, 0 made'
ok $? "a sweep finds nothing to do in the merged database"

# ---- shards
few=0
for i in 1 2 3; do share=$(runs mix-${i}of3.db); ((share == 7 || share == 8)) || few=1; done
ok $few "each shard has its third"
long=$(for i in 1 2 3; do "$plateau" export mix-${i}of3.db model=transformer | tail -n +2 | wc -l; done | sort | tr -d '\n')
[[ $long == 112 ]]; ok $? "the longest runs are spread: $long"
cp serial.db full.db; "$plateau" sweep mix.yaml --scale smoke --shard 2/3 --db full.db 2>&1 |
    grep -qE 'mix: [78] runs, [78] already there, 0 made'
ok $? "a shard resumes as a sweep does"
sed 's/study: mix/study: part/' mix.yaml >part.yaml; "$plateau" sweep part.yaml --scale smoke --shard 2/3 --db full.db --quiet
[[ $("$plateau" export full.db --study part | cut -d, -f2 | sort) == "$("$plateau" export mix-2of3.db | cut -d, -f2 | sort)" ]]
ok $? "the choice of a shard does not depend on the database"
"$plateau" sweep mix.yaml --scale smoke --shard 40/40 2>&1 | grep -q 'mix: 0 runs' && [[ $(runs mix-40of40.db) == 0 ]]
ok $? "more shards than runs: an empty database, no error"
"$plateau" merge merged.db mix-40of40.db --quiet; ok $? "which can be merged"
for shard in 0/3 4/3 1/0 1 a/b 1/ /3 1.5/3 -1/3 1/2/3 1/1e9 ' 1/3' nan/nan; do fails 2 "shard .*whole numbers 1 <= i <= n" sweep mix.yaml --shard="$shard"; done
fails 2 'needs i/n' sweep mix.yaml --shard
fails 2 'not an option of merge' merge a.db b.db --shard 1/2

# ---- again, in another order, in steps: the same
"$plateau" merge merged.db mix-?of3.db 2>err; grep -q '0 new, 0 .*, 22 already there, 0 in conflict' err &&
    table merged.db | cmp -s - <(table serial.db)
ok $? "merged again, nothing changes"
for i in 2 3 1; do "$plateau" merge steps.db mix-${i}of3.db --quiet; done
"$plateau" merge steps.db merged.db serial.db --quiet; curves steps.db | cmp -s - serial
ok $? "one after the other, in another order, and all of them once more: the same"
cksum mix-?of3.db >sums; chmod 444 mix-?of3.db; "$plateau" merge readonly.db mix-?of3.db --quiet && cksum mix-?of3.db | cmp -s - sums
ok $? "the sources are read only"
chmod 644 mix-?of3.db; ls ./*-journal 2>/dev/null; [[ $? != 0 ]]; ok $? "no journal is left"

# ---- longer runs, curves, studies
sed -e 's/study: mix/study: other/' -e '/curves/d' -e 's/steps: 600/steps: 900, until: cap/' mix.yaml >other.yaml
"$plateau" sweep other.yaml --scale smoke --quiet --db other.db
"$plateau" merge two.db other.db serial.db 2>err; [[ $("$plateau" export two.db --study mix | wc -l) == 23 &&
    $("$plateau" export two.db --study other | wc -l) == 23 && $(runs two.db) == 22 ]]
ok $? "a run belongs to the studies of both"
[[ $("$plateau" export two.db model=transformer --format jsonl | grep -c '"steps_done": 900') == 4 ]]; ok $? "of two caps the larger"
"$plateau" merge two-reversed.db serial.db other.db --quiet; curves two-reversed.db | cmp -s - <(curves two.db); ok $? "in either order"
[[ $("$plateau" export two.db --format jsonl --curves | grep -c '"curve"') == 22 ]]; ok $? "runs without a curve gained the other's"
"$plateau" export two.db --curves | cut -d, -f2- | sort | cmp -s - <("$plateau" export serial.db --curves | cut -d, -f2- | sort)
ok $? "bit for bit"
sed 's/model: flow,/model: flow, time: 5000, threshold: 0.33,/' mix.yaml >longer.yaml
"$plateau" sweep longer.yaml --quiet --db longer.db; "$plateau" merge longer.db serial.db 2>err; grep -q '0 in conflict' err
ok $? "flows to another time and threshold agree: $(cat err)"

# ---- conflicts
printf 'T,d,seed,plateau,status\n64,16,1,360,emerged\n128,16,1,720,emerged\n256,16,1,1440,emerged\n512,16,1,,censored\n' >a.csv
sed 's/720/721/' a.csv >b.csv
for x in a b; do "$plateau" import $x.csv --db $x.db model=toy steps=2000 --study mine --quiet; done
"$plateau" sweep mix.yaml --quiet --db b.db # and something new
fails 3 'c.db: 1 runs differ .*the first of each is kept, all others are merged' merge c.db a.db b.db
grep -q '^plateau: conflict: .*T=128 d=16.*: a.db and b.db differ: plateau 720, 721; the first is kept$' err
ok $? "a conflict is named: $(head -1 err)"
[[ $(runs c.db) == 26 && $("$plateau" export c.db T=128 --study mine --format jsonl) == *'"plateau": 720,'* ]]
ok $? "the first is kept, all others are merged"
fails 3 'c.db: 1 runs differ' merge c.db b.db; grep -q 'c.db and b.db differ' err
ok $? "a row that was there before is named by the database"
[[ $("$plateau" export b.db T=128 --study mine --format jsonl) == *'"plateau": 721,'* ]]; ok $? "the source keeps its own"

# ---- errors: exit 2, nothing written
head -c 20000 serial.db >cut.db
cp serial.db schema.db; printf '\0\0\0\143' | dd of=schema.db bs=1 seek=60 conv=notrunc status=none # user_version, in SQLite's header
echo 'T,d,plateau' >text.db; mkdir folder.db; : >empty.db; ln -s merged.db link.db
cp merged.db kept.db; cksum merged.db >sum
for bad in 'cut.db: .*(damaged|malformed)' 'schema.db: schema version 99' 'text.db: not a results database' 'folder.db: a folder without results' 'empty.db: the file is empty' 'none.db: No such file'; do
    fails 2 "$bad" merge none-yet.db serial.db "${bad%%:*}"; [[ ! -e none-yet.db ]]; ok $? "and makes no database"
    fails 2 "$bad" merge merged.db other.db "${bad%%:*}"
done
for same in merged.db ./merged.db "$work/merged.db" link.db; do fails 2 'cannot be one of those to read' merge merged.db serial.db "$same"; done
fails 2 'needs the database to write, then those to read' merge
fails 2 'needs the database to write, then those to read' merge merged.db
fails 2 'takes no key=value' merge merged.db serial.db T=3
fails 2 'text.db: not a results database' merge text.db serial.db
fails 2 'schema.db: schema version 99' merge schema.db serial.db
fails 3 'no/such/out.db' merge no/such/out.db serial.db
cksum merged.db | cmp -s - sum; ok $? "after all that the database is as it was"
(ulimit -f 100; "$plateau" merge full-disk.db serial.db) 2>err; [[ $? == 3 && ! -e full-disk.db ]] &&
    grep -q 'full-disk.db: .*run the same command again' err
ok $? "a full disk: an error, and no half of a database: $(cat err)"
(ulimit -f 100; "$plateau" merge other.db serial.db) 2>err; [[ $? == 3 && $(runs other.db) == 22 ]]; ok $? "and an older one is whole"

# ---- kill -9 at any moment: all or nothing
awk 'BEGIN { print "T,d,seed,plateau"; for (i = 1; i <= 4000; i++) printf "64,16,%d,%d\n", i, 300 + i % 50 }' >many.csv
"$plateau" import many.csv --db many.db model=transformer --quiet
cp serial.db killed.db; halves=0 alive=0
for ((i = 0; i < 12; i++)); do
    "$plateau" merge killed.db many.db --quiet & pid=$!
    sleep "0.$(printf %03d $((5 + i * 23)))"; kill -9 $pid 2>/dev/null && alive=$((alive + 1)); wait $pid 2>/dev/null
    now=$(runs killed.db); [[ $now == 22 || $now == 4022 ]] || halves=$((halves + 1))
    [[ $now == 22 ]] || cp serial.db killed.db
done
[[ $halves == 0 ]] && ((alive > 0)); ok $? "killed $alive times: all or nothing"
"$plateau" merge killed.db many.db --quiet && [[ $(runs killed.db) == 4022 && $(table killed.db --study mix) == "$(table serial.db)" ]]
ok $? "and the next merge does it all"
finish
