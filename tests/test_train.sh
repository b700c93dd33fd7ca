#!/usr/bin/env bash
# Transformers from outside: train, batch, gradient, checkpoints that survive kill -9, sweeps. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
tiny=(model=transformer T=4 d=2 layers=1 heads=2 width=16 head_dim=8 mlp=2 batch=8 eval_every=10 eval_size=32 lr=3e-3 backend=reference)
recall=(model=transformer task=recall pairs=2 vocab=6 layers=2 heads=1 width=16 head_dim=8 mlp=1 batch=4 eval_every=10 eval_size=16 backend=reference)

prints '"status": "emerged", .*"backend": "reference", "library": "[^"]*", "precision": "f32"' train "${tiny[@]}" --json
prints '"unit": "steps"' train "${tiny[@]}" --json
prints '"crossings": \{"0.05": .*"midpoint": .*"0.5": .*"0.9": [^,]*\}' train "${recall[@]}" steps=20 --json
prints 'published' train "${tiny[@]}" steps=20
# one evaluation below the threshold is no crossing: what is known is shorter than what was run, and the loss is that of the last
prints 'censored +.longer than 80 steps; loss 0.0[0-9]+ at step 90, the first' train "${tiny[@]}" steps=95 threshold=0.05
"$plateau" train "${tiny[@]}" seed=1,2,3 --json --jobs 2 | sed -E 's/"(wall_s|tokens_per_s)": [^,]*,//g' >two.json
"$plateau" train "${tiny[@]}" seed=1,2,3 --json --jobs 1 | sed -E 's/"(wall_s|tokens_per_s)": [^,]*,//g' >one.json
[[ $(wc -l <one.json) == 3 ]] && cmp -s one.json two.json; ok $? "a grid of runs does not depend on --jobs"
"$plateau" train "${recall[@]}" steps=30 until=cap --trace recall.csv >out &&
    [[ $(head -1 recall.csv) == step,loss_train,loss_test,accuracy_train,accuracy_test,copy_l1h1,copy_l2h1,select_l1h1,select_l2h1,contrast_l1h1,contrast_l2h1 && $(wc -l <recall.csv) == 5 ]]
ok $? "the trace of recall has its columns"

# never stopped, against killed at any moment and gone on with
long=("${tiny[@]}" steps=12000 until=cap checkpoint_every=300)
"$plateau" train "${long[@]}" --checkpoint whole.st --trace whole.csv >out
"$plateau" train "${long[@]/#steps=*/steps=0}" --checkpoint killed.st >out
killed=0
for i in 1 2 3 4 5 6; do
    "$plateau" train "${long[@]}" --checkpoint killed.st --resume killed.st >out & pid=$!
    sleep "0.$((i * 3 % 4 + 1))"; kill -9 $pid 2>/dev/null && killed=$((killed + 1)); wait $pid 2>/dev/null
done
"$plateau" train "${long[@]}" --checkpoint killed.st --resume killed.st --trace killed.csv >out
[[ $killed -gt 0 ]] && cmp -s whole.st killed.st && cmp -s whole.csv killed.csv
ok $? "kill -9 during training ($killed times), resume: the same trace and weights"
"$plateau" train "${long[@]}" --checkpoint stopped.st >out 2>err & pid=$!
sleep 0.3; kill -INT $pid; wait $pid; rc=$?
"$plateau" train "${long[@]}" --checkpoint stopped.st --resume stopped.st --trace stopped.csv >out
[[ $rc == 130 ]] && cmp -s whole.csv stopped.csv; ok $? "an interrupted run saves, exits with 130 and goes on"

# the toy: the start, kill -9 at any moment, a Transformer's file
toy=(T=64 d=16 lr=0.1 checkpoint_every=50)
"$plateau" train "${toy[@]}" --checkpoint toy.st --trace toy.csv >out
"$plateau" train "${toy[@]}" steps=0 --checkpoint toy-killed.st >out
cp toy-killed.st start.st; killed=0
for i in 1 2 3; do
    "$plateau" train "${toy[@]}" --checkpoint toy-killed.st --resume toy-killed.st --quiet >out & pid=$!
    sleep 0.1; kill -9 $pid 2>/dev/null && killed=$((killed + 1)); wait $pid 2>/dev/null
done
"$plateau" train "${toy[@]}" --checkpoint toy-killed.st --resume toy-killed.st --trace toy-killed.csv >out
[[ $killed -gt 0 ]] && cmp -s toy.st toy-killed.st && cmp -s toy.csv toy-killed.csv
ok $? "kill -9 of the toy ($killed times), resume: the same trace and weights"
fails 2 'whole.st: the checkpoint is of a run with model=transformer, not toy' train T=4 d=2 --resume whole.st
fails 2 'toy.st: the checkpoint is of a run with model=toy, not transformer' train "${tiny[@]}" --resume toy.st
cp toy.st cut.st; truncate -s -8 cut.st; cp cut.st cut-before.st
fails 2 'cut.st: .*; the file is damaged: train without --resume' train "${toy[@]}" --resume cut.st --checkpoint cut.st
cmp -s cut.st cut-before.st; ok $? "and left as it was"

"$plateau" batch "${tiny[@]}" --out batch.st && "$plateau" gradient "${tiny[@]}" --checkpoint whole.st --batch batch.st --out gradient.st
ok $? "batch and gradient"
"$plateau" batch "${recall[@]}" --out recall.st && "$plateau" train "${recall[@]}" steps=0 --checkpoint r.st >out &&
    "$plateau" gradient "${recall[@]}" --checkpoint r.st --batch recall.st --out r.gradient.st
ok $? "batch and gradient of recall"
if command -v python3 >/dev/null; then
    python3 - <<'P'
import array, json, struct
def read(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    return {k: (v["shape"], array.array({"F32": "f", "I32": "i", "F64": "d"}[v["dtype"]], raw[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]]))
            for k, v in json.loads(raw[8:8 + n]).items() if k != "__metadata__"}
b, w, g, r = read("batch.st"), read("whole.st"), read("gradient.st"), read("recall.st")
a, z = read("toy.st"), read("start.st")
assert a["toy.weight"][0] == a["task.target"][0] == [16, 16] and a["toy.scores"][0] == [64] and a["toy.weight"][1].typecode == "d"
assert not any(z["toy.weight"][1]) and not any(z["toy.scores"][1]) and z["task.target"] == a["task.target"]
assert all(abs(sum(z["task.target"][1][16 * i + k] ** 2 for i in range(16)) - 1) < 1e-12 for k in range(16))  # columns of norm 1
assert sum((x - y) ** 2 for x, y in zip(a["toy.weight"][1], a["task.target"][1])) < 0.3 * 16  # learned
assert b["inputs"][0] == [8, 4, 3] and b["targets"][0] == [8, 2] and b["relevant"][0] == [8, 1]
assert r["inputs"][0] == [4, 5] and r["targets"][0] == [4] and max(r["inputs"][1]) < 6
W, (x, y) = w["task.target"][1], (b["inputs"][1], b["targets"][1])
for i, t in enumerate(b["relevant"][1]):  # y = W* x at the marked position
    row = x[(4 * i + t) * 3:(4 * i + t) * 3 + 3]
    assert row[2] == 1 and all(abs(y[2 * i + k] - W[2 * k] * row[0] - W[2 * k + 1] * row[1]) < 1e-6 for k in (0, 1))
loss = sum(0.5 * (o - t) ** 2 for o, t in zip(g["outputs"][1], y)) / 8
assert g["loss"][0] == [] and abs(loss / g["loss"][1][0] - 1) < 1e-6
assert all(w[k][0] == g[k][0] for k in g if k not in ("loss", "outputs")) and g["layer.1.attn.qkv.weight"][0] == [48, 16]
P
    ok $? "Python reads the files: shapes, W*, targets, loss"
else
    ok 0 "Python reads the files # SKIP no python3"
fi

fails 2 'needs --out' batch "${tiny[@]}"
fails 2 'only a Transformer has batches' batch model=toy --out x.st
fails 2 'needs a single run' batch "${tiny[@]}" seed=1,2 --out x.st
fails 2 'needs --checkpoint FILE, --batch FILE and --out' gradient "${tiny[@]}" --batch batch.st
"$plateau" batch "${tiny[@]/#d=2/d=3}" --out b3.st
fails 2 'whole.st: embed.weight is F32 \[16, 3\], needed is F32 \[16, 4\]' gradient "${tiny[@]/#d=2/d=3}" --checkpoint whole.st --batch b3.st --out x.st
fails 2 'inputs is F32 \[8, 4, 3\], needed is F32 \[8, 5, 3\]' gradient "${tiny[@]/#T=4/T=5}" --checkpoint whole.st --batch batch.st --out x.st
fails 2 'whole.st: no inputs' gradient "${tiny[@]}" --checkpoint whole.st --batch whole.st --out x.st
fails 2 'batch.st: embed.weight is missing' gradient "${tiny[@]}" --checkpoint batch.st --batch batch.st --out x.st
fails 2 'not a checkpoint of .plateau train.' train "${tiny[@]}" --resume batch.st
fails 2 'not a safetensors file' train "${tiny[@]}" --resume one.json
fails 2 'No such file' train "${tiny[@]}" --resume none.st
fails 2 'run with seed=1, not 2' train "${tiny[@]}" seed=2 --resume whole.st
fails 2 '--checkpoint, --resume: need a single run, and the grid has 2' train "${tiny[@]}" seed=1,2 --checkpoint x.st
fails 3 'cannot write' train "${tiny[@]}" steps=10 --checkpoint no/such/folder.st
fails 2 'width must be even' train "${tiny[@]/#width=16/width=17}"
fails 2 'T=100000: a Transformer holds T x T attention scores' train "${tiny[@]/#T=4/T=4,100000}"
printf 'study: long\nruns:\n  - {model: transformer, T: [4, 100000]}\n' >long.yaml
fails 2 'T=100000: a Transformer holds T x T' plan long.yaml
fails 2 'T=100000: a Transformer holds T x T' sweep long.yaml; [[ ! -e long.db ]]; ok $? "what cannot run is refused before anything runs"
fails 2 'pairs must be smaller than vocab' train model=transformer task=recall pairs=8 vocab=8 placement=bernoulli

# ---- clamps
fails 2 'clamp=sel@1: sel: a clamp is none, or copy@LAYER, select@LAYER, relevant@LAYER, uniform@LAYER' train "${recall[@]}" clamp=sel@1
fails 2 'clamp=copy: copy: a clamp is none' train "${recall[@]}" clamp=copy
fails 2 'clamp=copy@1/: an empty clamp: a clamp is none' train "${recall[@]}" clamp=copy@1/
fails 2 'clamp=copy@3: copy@3: layers=2' train "${recall[@]}" clamp=copy@3
fails 2 'clamp=uniform@1/select@2.h2: .h2: heads=1' train "${recall[@]}" clamp=uniform@1/select@2.h2
fails 2 'clamp=copy@1: copy does not apply to the regression Transformer; .plateau keys clamp. lists what does' train "${tiny[@]}" clamp=copy@1
fails 2 'clamp=select@1: select does not apply to the regression Transformer' train "${tiny[@]}" clamp=select@1
fails 2 'clamp=relevant@1: relevant does not apply to the recall Transformer' train "${recall[@]}" clamp=relevant@1
fails 2 'clamp=hop@1: hop does not apply to the recall Transformer' train "${recall[@]}" clamp=hop@1
fails 2 'clamp=hop@1: hop does not apply to the regression Transformer' train "${tiny[@]}" clamp=hop@1
fails 2 'clamp=copy@1..0: ..0: a step must be a whole number in \[1,1000000000\]' train "${recall[@]}" clamp=copy@1..0
fails 2 'clamp=copy@1..1.5: ..1.5: a step must be' train "${recall[@]}" clamp=copy@1..1.5
many=$(printf 'copy@1/%.0s' {1..16})
fails 2 'more than 16 clamps: leave some out' train "${recall[@]}" "clamp=${many}copy@1"
"$plateau" train "${recall[@]}" steps=1 "clamp=${many%/}" >out; ok $? "sixteen clamps are not too many"
prints 'copy\|select\|relevant\|uniform@LAYER' keys clamp

# until a step: the same updates up to it; the evaluation behind them is the first without the clamp, and then all differs
held=("${recall[@]}" steps=100 until=cap)
"$plateau" train "${held[@]}" clamp=copy@1 --trace held.csv >out && "$plateau" train "${held[@]}" clamp=copy@1..50 --trace until.csv --checkpoint until.st >out &&
    [[ $(wc -l <held.csv) == 12 && $(head -6 held.csv) == "$(head -6 until.csv)" ]] && sed -n 6p held.csv | grep -q ^40,
ok $? "copy@1..50 is copy@1 up to the evaluation at 40"
row() { sed -n 7p "$1.csv" | cut -d, -f"$2"; }
[[ $(row held 1,2,4) == 50,* && $(row held 1,2,4) == "$(row until 1,2,4)" && $(row held 3,5-) != "$(row until 3,5-)" ]]
ok $? "and the same 50 updates, behind which it is released"
awk -F, 'FNR == 1 { file++; next } FNR > 7 { if (file == 1) loss[$1] = $2; else if (loss[$1] == $2) same++; else other++ }
    END { exit !(other == 5 && same == 0) }' held.csv until.csv
ok $? "the updates from there on are others"
awk -F, 'NR > 1 && $6 != 1 { exit 1 }' held.csv && awk -F, 'NR > 1 && ($6 == 1) != ($1 < 50) { exit 1 }' until.csv
ok $? "copy_l1h1 is 1 as long as it is held"
for stop in 45 50 55; do # before the step, at it, behind it
    "$plateau" train "${held[@]/#steps=100/steps=$stop}" clamp=copy@1..50 --checkpoint part.st >out &&
        "$plateau" train "${held[@]}" clamp=copy@1..50 --resume part.st --checkpoint part.st --trace part.csv >out &&
        cmp -s until.csv part.csv && cmp -s until.st part.st
    ok $? "stopped at $stop and resumed across the step: the same trace and weights"
done
fails 2 'run with clamp=copy@1\.\.50, not copy@1' train "${held[@]}" clamp=copy@1 --resume until.st
fails 2 'run with clamp=copy@1\.\.50, not none' train "${held[@]}" --resume until.st
"$plateau" train "${held[@]}" clamp=select@2/uniform@1 threads=1 --trace one.csv >out && "$plateau" train "${held[@]}" clamp=select@2/uniform@1 threads=3 --trace three.csv >out &&
    cmp -s one.csv three.csv
ok $? "clamps and threads: the same trace"

# what is held is shared by the copies of the relevant token; heads that are free are as they would be at the start
constant() { # file, column, value: in every row
    awk -F, -v column="$2" -v want="$3" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) at = i; next } $at != want { exit 1 } END { exit !(at && NR > 5) }' "$1"
}
"$plateau" train "${tiny[@]}" steps=100 until=cap B=2 clamp=relevant@1.h2 --trace shared.csv >out && constant shared.csv attention_l1h2 0.5 &&
    ! constant shared.csv attention_l1h1 0.5 && "$plateau" train "${tiny[@]}" steps=0 B=2 --trace free.csv >out &&
    [[ $(sed -n 2p shared.csv | cut -d, -f6) == "$(sed -n 2p free.csv | cut -d, -f6)" ]]
ok $? "relevant@1.h2: half of the attention to each of two copies, in that head alone"
"$plateau" train "${held[@]}" B=2 clamp=select@2 --trace shared.csv >out && constant shared.csv select_l2h1 1 && ! constant shared.csv copy_l2h1 1
ok $? "select@2: all of the attention, for the test set of recall has one copy"
"$plateau" train "${tiny[@]}" steps=100 until=cap clamp=uniform@1.h1 --trace shared.csv >out && constant shared.csv attention_l1h1 0.25 &&
    ! constant shared.csv attention_l1h2 0.25
ok $? "uniform@1.h1: a quarter of the attention to each of four positions"
"$plateau" train "${held[@]}" clamp=uniform@2 mask=causal --trace shared.csv >out && constant shared.csv copy_l2h1 0.375 && ! constant shared.csv copy_l1h1 0.375
ok $? "uniform@2, causal: the first value attends to its key with 1/2, the second with 1/4"

# gradient with clamps reads which positions are relevant
word() { # a whole number as I32
    printf "$(printf '\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}
relevant() { # FILE, numbers: in place of the last ones, which are those of `relevant`
    local file=$1 size; shift
    size=$(wc -c <"$file")
    for number; do word "$number"; done | dd of="$file" bs=1 seek=$((size - 4 * $#)) conv=notrunc 2>err
}
single=("${tiny[@]/#batch=8/batch=1}")
gradient() { "$plateau" gradient "${single[@]}" B=2 clamp=relevant@1.h2 --checkpoint whole.st --batch "$1.st" --out "$1.gradient.st"; }
"$plateau" batch "${single[@]}" B=2 --out two.st
for name in twice single other none; do cp two.st $name.st; done
relevant two.st 1 3; relevant twice.st 3 3; relevant single.st 3 -1; relevant other.st 1 -1; relevant none.st -1 -1
for name in two twice single other none; do gradient $name || break; done && cmp -s twice.gradient.st single.gradient.st &&
    for name in two other none; do ! cmp -s single.gradient.st $name.gradient.st || break; done
ok $? "gradient holds attention where the file says, a position that is named twice like any other"
"$plateau" gradient "${single[@]}" B=2 --checkpoint whole.st --batch none.st --out free.gradient.st && cmp -s free.gradient.st none.gradient.st
ok $? "without a relevant position nothing is held"
held=("${single[@]}" clamp=relevant@1 --checkpoint whole.st --out x.st)
"$plateau" batch "${single[@]}" --out position.st
relevant position.st 4
fails 2 'position.st: relevant: 4 is no position of a sequence of 4 \(-1: none\)' gradient "${held[@]}" --batch position.st
relevant position.st -2
fails 2 'position.st: relevant: -2 is no position' gradient "${held[@]}" --batch position.st
"$plateau" gradient "${single[@]}" --checkpoint whole.st --batch position.st --out x.st; ok $? "which does not matter without a clamp"
sed 's/"relevant"/"relevanT"/' position.st >without.st
fails 2 'without.st: relevant is missing' gradient "${held[@]}" --batch without.st
"$plateau" gradient "${single[@]}" --checkpoint whole.st --batch without.st --out x.st; ok $? "and need not be there without a clamp"

cat >tiny.yaml <<'Y'
study: tiny
curves: yes
runs:
  - {model: transformer, T: [4, 6], d: 2, layers: 1, heads: 2, width: 16, head_dim: 8, mlp: 2, batch: 8, eval_every: 10, eval_size: 32, lr: 3e-3, seed: [1, 2], backend: reference}
  - {model: flow, T: 64, d: 16}
Y
"$plateau" sweep tiny.yaml --db tiny.db --quiet && "$plateau" sweep tiny.yaml --db tiny.db 2>&1 | grep -q '5 runs, 5 already there, 0 made'
ok $? "a sweep of Transformers resumes"
sed -e 's/T: \[4/until: cap, steps: 300, T: [4/' -e '/flow/d' tiny.yaml >longer.yaml
"$plateau" sweep longer.yaml --db tiny.db 2>&1 | grep -q '4 runs, 0 already there, 4 made'; ok $? "until=cap asks for longer runs"
"$plateau" sweep tiny.yaml --db tiny.db 2>&1 | grep -q '5 already there'; ok $? "which answer the shorter ones too"
"$plateau" export tiny.db --curves >curves.csv; head -1 curves.csv |
    grep -q ',attention,accuracy_train,accuracy_test,attention_l1h1,attention_l1h2,forecast,forecast_low,forecast_high$'
ok $? "export: columns of both kinds of run"
"$plateau" fit tiny.db model=transformer --on T | grep -q '4 runs'; ok $? "fit of Transformers"

# clamps in a database are read back by another process
cat >held.yaml <<'Y'
study: held
runs:
  - {model: transformer, T: 4, d: 2, layers: 1, heads: 2, width: 16, head_dim: 8, mlp: 2, batch: 8, steps: 5, eval_every: 5, eval_size: 4, backend: reference, clamp: [none, relevant@1.h2, relevant@1..3/uniform@1.h1]}
  - {model: toy, T: 16, d: 4, hops: 2, clamp: [hop@1, hop@2], steps: 5}
Y
"$plateau" sweep held.yaml --db held.db --quiet && "$plateau" sweep held.yaml --db held.db 2>&1 | grep -q '5 runs, 5 already there, 0 made' &&
    [[ $("$plateau" export held.db --format jsonl | grep -o '"clamp": "[^"]*"' | sort | tr -d '\n') == '"clamp": "hop@1""clamp": "hop@2""clamp": "none""clamp": "relevant@1..3/uniform@1.h1""clamp": "relevant@1.h2"' ]] &&
    [[ $("$plateau" export held.db clamp=relevant@1.h2 --format jsonl | wc -l) == 1 ]]
ok $? "a sweep over clamps resumes, and export has them"

# A killed sweep goes on from its checkpoints, and so does a larger cap; the runs are those that never stopped.
cat >long.yaml <<'Y'
study: long
curves: yes
runs:
  - {model: transformer, T: 4, d: 2, layers: 1, heads: 2, width: 16, head_dim: 8, mlp: 2, batch: 8, eval_every: 10, eval_size: 32, lr: 3e-3, seed: [1, 2], backend: reference, until: cap, steps: 6000, checkpoint_every: 100}
  - {model: toy, T: 32, d: 8, batch: 8, eval_every: 10, lr: 0.005, steps: 6000, checkpoint_every: 100}
Y
curves() { "$plateau" export "$1" --curves; }
"$plateau" sweep long.yaml --db once.db --quiet
"$plateau" sweep long.yaml --db again.db steps=500 --quiet
"$plateau" sweep long.yaml --db again.db --quiet & pid=$!
sleep 0.3; kill -9 $pid; wait $pid 2>/dev/null
ls again.db.checkpoints/*.safetensors >/dev/null && "$plateau" sweep long.yaml --db again.db --quiet &&
    [[ $(curves once.db | wc -l) == 1804 && $(curves once.db | cut -d, -f2- | sort) == "$(curves again.db | cut -d, -f2- | sort)" ]]
ok $? "a killed sweep goes on from its checkpoints, with a larger cap too"
# ---- coarse evaluation: what is known is the bracket; fits of the same runs agree within their intervals, or are refused
"$plateau" train T=8 d=2 lr=0.5 eval_every=1000 >out && grep -q '^  plateau  *<= 500 ' out &&
    grep -q 'somewhere from 0 to 500' out && ! grep -q '%' out
ok $? "an upper bound is not called a length"
"$plateau" train T=8 d=2 lr=0.5 eval_every=20 --json >out 2>err && grep -q '"bracket": \[10, 20\]' out &&
    grep -q '1 of 1 runs were evaluated too seldom' err
ok $? "a bracket in JSON, and a word on stderr"
"$plateau" train model=transformer task=recall pairs=4 vocab=16 layers=1 heads=1 width=16 head_dim=8 batch=4 steps=5 eval_every=1 >out
grep -q 'guessing one of the tokens gives an accuracy of 1/vocab = 0.0625' out; ok $? "a threshold below chance is told"
for every in 1 10 100 1000; do
    printf 'study: every%d\nruns:\n  - {model: toy, T: "8:128:*2", d: "2:16:*2", lr: 0.5, eval_every: %d, seed: [1, 2]}\n' $every $every >every.yaml
    "$plateau" sweep every.yaml --db every$every.db --quiet &&
        "$plateau" fit every$every.db --on d,T --json >every$every.json 2>every$every.err
done
exponent() { sed "s/.*\"$1\": {\"value\": \([0-9.]*\), \"se\": [^,]*, \"low\": \([0-9.]*\), \"high\": \([0-9.]*\).*/\1 \2 \3/" "every$2.json"; }
agree() { # regressor, two of them: each estimate in the other's interval
    awk 'NF != 6 || !($1 >= $5 && $1 <= $6 || $4 >= $2 && $4 <= $3) { exit 1 }' <<<"$(exponent "$1" "$2") $(exponent "$1" "$3")"
}
for k in d T constant; do
    agree $k 1 10 && agree $k 1 100 && agree $k 10 100; ok $? "$k: evaluated every 1, 10 and 100 steps it is the same"
done
grep -q 'evaluate more often' every1000.err; ok $? "every 1000 steps tell nothing of these, which is said"
grep -q '"coarse": 40' every100.json && "$plateau" fit every100.db --on d,T | grep -q 'note: 40 runs were evaluated too seldom'
ok $? "coarse runs are counted"
finish
