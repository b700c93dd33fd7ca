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
