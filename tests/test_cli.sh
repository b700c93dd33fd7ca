#!/usr/bin/env bash
# The program from outside: exit codes, messages, JSON, traces, README commands. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"

fails 2 'T=64:99:\+x: a range is' flow T=64:99:+x
fails 2 'T=3 B=4: B must be smaller than T' flow T=3 B=4
fails 2 'did you mean T|no such key' flow TT=4
fails 2 'treshold: no such key; did you mean threshold' flow treshold=.1
fails 2 'p=1: p must be in \[0,1\)' flow p=1
fails 2 'T=1e99: T must be in' flow T=1e99
fails 2 'T=nan' flow T=nan
fails 2 'T=0x10' flow T=0x10
fails 2 'T=-5' flow T=-5
fails 2 'd=2.5: d must be a whole number' flow d=2.5
fails 2 'T=64,: T|T=: T must' flow T=64,
fails 2 'metric=ful: metric is one of full, paper, tied \(did you mean full' flow metric=ful
"$plateau" flow T=64 d=16 p=0:0.3:+0.1 --json | grep -q '"p": 0.3,'; ok $? "a range has the numbers that one would type"
fails 2 'range is first:last' flow T=1:2
fails 2 'range is first:last' flow 'T=8:4:*2'
fails 2 'does not apply to the flow' flow lr=1
fails 2 'recall needs model=transformer' flow task=recall
fails 2 'expected key=value' flow T
fails 2 'T=64 T=128: T is given twice: leave one out' flow T=64 d=16 T=128
fails 2 'x=T x=d: x is given twice' figure phase x=T x=d
fails 2 '--jobs 2: --jobs was given before' flow --jobs 1 --jobs 2
fails 2 'not an option of flow' flow --jsn
fails 2 'needs N' flow --jobs 0
fails 2 'takes no argument' flow --json=yes
fails 2 'schedule=p=1@5: p=1: p must be in' flow schedule=p=1@5
fails 2 'schedule=x: x: a schedule is none, or switches such as p=0@5000' flow schedule=x
fails 2 'schedule=p=0@5:9: p=0@5:9: a schedule is' flow schedule=p=0@5:9
fails 2 'B=64: B must be smaller than T=64' flow T=64 schedule=B=64@5
fails 2 'B=9: B must not exceed pairs=8' train model=transformer task=recall pairs=8 schedule=B=9@5
fails 2 'loss=train: the training loss jumps at a switch' flow schedule=p=0@5 loss=train
prints 'time; training loss down to 0.2 of the null loss' flow T=64 d=8 p=0.1 loss=train
prints 'with momentum steps x lr is 0.5 of that' train T=16 d=4 momentum=0.5 --quiet
prints '"precision": "f64"' train T=16 d=4 optimizer=gd --json
fails 2 'p: .plateau schedule. finds it' schedule p=.5
fails 2 'searches the flow' schedule model=toy
fails 2 'single run' flow T=64,128 --trace "$work/t.csv"
fails 2 'no such command; did you mean flow' folw
fails 2 'no such key' keys nonsense
fails 2 'the grid has more than' flow 'seed=0:99998:+1' 'T=2:9999:+1'
fails 2 'more than 100000 values' flow 'seed=0:999999:+1'
fails 2 'more than 100000 values: take a larger step' flow 'T=2:4:*1.0000000000000003'
fails 2 'more than 100000 values: take a larger step' flow 'p=0.1:0.2:+1e-30'
fails 2 'd must not exceed 16384' flow d=100000 init=gaussian
fails 3 'threshold=1e-20 seed=1: rounding hides losses below 1e-14 .*larger threshold' flow model=reduced T=64 d=16 threshold=1e-20
fails 3 'threshold=1e-300 seed=1: rounding hides losses below 1e-24 .*larger threshold' flow T=64 threshold=1e-300; [[ $(wc -l <"$work/err") == 1 ]]
ok $? "and CVODE itself prints nothing"
fails 2 'seed must be in' flow seed=9007199254740992
fails 3 'cannot write' flow T=64 d=16 --trace "$work/no/such/folder.csv"

prints '"plateau": 357.466' flow T=64 d=16 --json
prints '^  plateau +0.0080160' flow T=4 d=1 threshold=0.999
prints '^  plateau ' flow T=512 d=64 threshold=0.9999999999
prints '^  plateau ' flow T=4 d=1 init=gaussian threshold=0.9 seed=280
prints '^  flow +-$' train T=64 d=16 threshold=1e-300 steps=5
prints '"predicted": .*"closed": null, "quadrature": 3.326' flow T=1000000000 d=1 B=500000000 --json
prints 'closed and quadrature are given where they are known' flow p=0.9999
prints '"plateau": 360.356' flow T=64 d=16 metric=paper --json
prints '"closed": null' flow T=64 d=16 p=.3 --json
prints '"schedule": "p=0.2@50/B=1@attention=0.5", .*"switched": \[50, [0-9.]+\], .*"closed": null' flow T=64 d=16 p=.8 B=2 schedule=p=.2@50.0/B=1@attention=.50 --json
prints '^  best +0.99  p=0@attention=0.[0-9]+ .* 14.1 x' schedule T=4096 d=256 threshold=.01
prints '"name": "best", "p": 0.99, "schedule": "p=0@attention=[0-9.]+", "time": [0-9.]+, "gain": ' schedule T=64 d=16 --json
[[ $("$plateau" flow T=64 d=16 p=.9 schedule=none,p=0@20,p=0@attention=.2/p=0@40 --json | wc -l) == 3 ]]; ok $? "schedules are a grid axis"
prints '^  closed ' flow T=512 d=64
prints '^{"item": "toy_statistics", "value": [0-9.]+, .*"unit": "ms/step"' bench toy_statistics --json
fails 2 'toy_token: no such item; did you mean toy_tokens' bench toy_token
fails 2 'bench takes no key=value' bench T=64
prints 'threshold' keys
PLATEAU_PROGRESS=0 "$plateau" flow T=64:512:*2 d=16 --jobs 1 >/dev/null 2>"$work/err"
grep -qx 'flow: 2 of 4 runs, about [0-9]* s left' "$work/err"; ok $? "PLATEAU_PROGRESS: lines of progress as often as asked"
prints 'default: 512 \(flow, toy\), 256' keys T
prints 'plateau flow' help
prints '^.TH PLATEAU' man
prints '2505.17863' cite

"$plateau" flow T=64,128 d=16,32 --json --jobs 2 >"$work/two" 2>/dev/null
"$plateau" flow T=64,128 d=16,32 --json --jobs 1 >"$work/one" 2>/dev/null
strip() { sed -E 's/"wall_s": [^,]*,//' "$1"; }
[[ $(wc -l <"$work/two") == 4 && $(strip "$work/one") == "$(strip "$work/two")" ]]
ok $? "a grid of four: the same lines in the same order for 1 and 2 jobs"

"$plateau" flow T=64 d=16 --trace "$work/trace.csv" >/dev/null &&
    [[ $(head -1 "$work/trace.csv") == time,loss_train,loss_test,w,w_repeated,u,delta_a,attention && $(wc -l <"$work/trace.csv") -gt 50 ]]
ok $? "the flow's trace"
"$plateau" train T=32 d=8 optimizer=gd lr=0.05 --json >"$work/gd" && "$plateau" flow T=32 d=8 --json >"$work/fl" &&
    awk -F'"plateau": ' 'FNR==1{split($2,a,","); v[FILENAME]=a[1]} END{for(f in v)x[++i]=v[f]; r=x[1]/x[2]; exit !(r>.999&&r<1.001)}' "$work/gd" "$work/fl"
ok $? "gd with a small lr reproduces metric=full"

# chains of attentions: what they are not for, how they lean, when they never emerge
fails 2 'hops=2 lean=0.1: chains of attentions, .* are known for B=1, p=0 and no schedule' flow hops=2 B=2
fails 2 'hops=2 lean=0.1: chains of attentions' train hops=2 p=0.1
fails 2 'hops=2 lean=0.1: chains of attentions' flow hops=2 schedule=p=0@5
fails 2 'hops=1 lean=0.5: chains of attentions' flow lean=0.5 B=2
fails 2 'hops=3 tilt=0.1: tilt is what two hops differ by' flow hops=3 tilt=0.1
fails 2 'hops=1 tilt=0.1: tilt is what two hops differ by' train tilt=0.1
fails 2 'init_scores=0.1: scores at the start are for B=1, p=0 and no schedule' train init_scores=0.1 B=2
fails 2 'init_scores=0.1: scores at the start' train init_scores=0.1 p=0.2
fails 2 'init_scores: this key does not apply to the flow' flow init_scores=0.1
fails 2 'hops: this key does not apply to the regression Transformer' train model=transformer hops=2
fails 2 'hops=4: hops must be in \[1,3\]' flow hops=4
fails 2 'hops=2 lean=0.1: .plateau schedule. searches the flow of one attention' schedule hops=2
fails 2 'hops=1 lean=0.5: .plateau schedule. searches' schedule lean=0.5
fails 2 'hops=2 lean=0.1: the flow is mapped for one attention' figure phase x=T:8:64 y=d:4:8 hops=2
prints '"hops": 2, "lean": 0.1, "tilt": 0,' flow T=32 d=8 hops=2 --json
prints '"hops": 2, "lean": 0, "tilt": 0.4,' flow T=32 d=8 hops=2 lean=0 tilt=0.4 --json
prints '"hops": 1, "lean": 0, .*"quadrature": [0-9.]+\}' flow T=32 d=8 --json
prints '"eq6": null, .*"chain": [0-9.]+\}' flow T=32 d=8 hops=2 --json
wrong='its scores lean the wrong way at the start: attention never emerges in the flow, see doc/theory.md, separatrix'
for run in 'flow' 'train optimizer=gd steps=200'; do
    prints "$wrong" $run T=16 d=4 hops=2 lean=-0.5
    grep -q '^  plateau +censored' -E "$work/out"; ok $? "which is censored"
    prints '"plateau": null, .*"status": "censored"' $run T=16 d=4 hops=2 lean=-0.5 --json
done
"$plateau" train T=16 d=4 hops=2 lean=-0.5 steps=200 >"$work/out" && grep -q "$wrong" "$work/out"; ok $? "the flow of an SGD run, too"
"$plateau" train T=16 d=4 steps=5 >"$work/out" && ! grep -q 'lean the wrong way' "$work/out"; ok $? "but no other run that was cut off"
prints '"chain": null, "flow": null' train T=16 d=4 hops=2 init_scores=0.3 steps=50 --json
prints '"quadrature": null, "flow": null' train T=16 d=4 init_scores=0.3 steps=50 --json
prints '\(no flow is known of drawn scores: any moves with the right sum may win\)' train T=16 d=4 hops=2 init_scores=0.3 steps=50

# eval_every=auto: about 60 evaluations of the plateau that is expected, a number from there on
every() { "$plateau" "$@" eval_every=auto --json 2>/dev/null | sed -E 's/.*"eval_every": ([^,]*),.*/\1/'; }
[[ $(every train T=512 d=64 lr=0.1 steps=0) == 500 && $(every predict model=toy T=512 d=64 lr=0.1) == 500 && $(every predict model=toy T=512 d=64 lr=0.01) == 5000 &&
    $(every predict model=toy T=512 d=64 lr=0.01 steps=1200) == 5000 ]]
ok $? "of a toy: 51200/60 is 500, 512000/60 is 5000, whatever the cap"
often=$(every predict T=64 d=16) rarely=$(every predict T=64 d=16 eval_size=8192)
[[ $often == "$(every predict T=64 d=16)" && $often == "$(every train model=transformer T=64 d=16 steps=0)" && $often -gt 0 && $rarely -ge $((8 * often)) ]]
ok $? "of a Transformer: the same again ($often), and less often where a test set is larger ($rarely)"
[[ $(every train T=64 d=16 optimizer=gd) == "$(every train T=64 d=16 optimizer=gd)" && $(every train T=64 d=16 optimizer=gd) == 5 ]]; ok $? "and of a toy: 320/60"
fails 2 'eval_every: this key does not apply to the flow; leave it out' flow eval_every=auto
fails 2 'eval_every: this key does not apply to the reduced flow' flow model=reduced eval_every=auto
printf 'T,d,plateau\n16,4,30\n' >"$work/auto.csv"
fails 2 'auto.csv:2: eval_every=auto: is for runs that are made here; give a number' import "$work/auto.csv" --db "$work/auto.db" model=toy eval_every=auto
printf 'T,d,plateau,eval_every\n16,4,30,auto\n' >"$work/auto.csv"
fails 2 'auto.csv:2: eval_every=auto: is for runs' import "$work/auto.csv" --db "$work/auto.db" model=toy

# hops that are held: refusals; gd follows the flow; a chain with a hop held is a chain without it, and the hop's scores stay
fails 2 'clamp=hop@3: hop@3: hops=2' flow hops=2 clamp=hop@3
fails 2 'clamp=hop@2: hop@2: hops=1' train clamp=hop@2
fails 2 'clamp=hop@1 hops=1: at least one hop has to be free' flow clamp=hop@1
fails 2 'clamp=hop@1/hop@2 hops=2: at least one hop has to be free' flow hops=2 clamp=hop@1/hop@2
fails 2 'clamp=hop@2/hop@1/hop@3 hops=3: at least one hop has to be free' train hops=3 clamp=hop@2/hop@1/hop@3
fails 2 'a hop has no heads, and is held to the end' train hops=2 clamp=hop@1..50
fails 2 'clamp=copy@1: copy does not apply to the flow' flow hops=2 clamp=copy@1
fails 2 'clamp=relevant@1: relevant does not apply to the toy' train clamp=relevant@1
fails 2 'clamp=uniform@1: uniform does not apply to the toy' train hops=2 clamp=uniform@1
fails 2 'clamp: this key does not apply to the reduced flow of a Transformer' flow model=reduced clamp=uniform@1
plateau_of() { "$plateau" "$@" --json 2>/dev/null | sed -E 's/.*"plateau": ([0-9.]+),.*/\1/'; }
within() { awk -v tolerance="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(b > 0 && a / b < 1 + tolerance && a / b > 1 - tolerance) }'; }
for chain in 'hops=2 clamp=hop@1' 'hops=2 clamp=hop@2' 'hops=3 clamp=hop@1/hop@3'; do # lean=0.1 where there are hops
    within 0.005 "$(plateau_of train T=32 d=8 optimizer=gd lr=0.05 $chain)" "$(plateau_of flow T=32 d=8 $chain)" &&
        within 1e-9 "$(plateau_of flow T=32 d=8 $chain)" "$(plateau_of flow T=32 d=8 lean=0.1)"
    ok $? "$chain: gd with a small lr is the flow, which is that of a single attention"
done
within 0.005 "$(plateau_of train T=16 d=4 optimizer=gd lr=0.2 hops=3 clamp=hop@2 lean=0.5)" "$(plateau_of flow T=16 d=4 hops=2 lean=0.5)"
ok $? "three hops of which one is held: gd follows the flow of two"
columns() { "$plateau" train T=32 d=8 steps=500 $1 --trace "$work/chain.csv" >/dev/null && cut -d, -f7 "$work/chain.csv" | sort -u | wc -l && cut -d, -f9 "$work/chain.csv" | sort -u | wc -l; }
chain='hops=2 tilt=0.4 init_scores=0.3 seed=3 lr=0.3'
[[ $(columns "$chain clamp=hop@1" | tr '\n' ' ') =~ ^2\ [0-9]{3}\ $ && $(columns "$chain clamp=hop@2" | tr '\n' ' ') =~ ^[0-9]{3}\ 2\ $ ]]
ok $? "the scores of a hop that is held do not move, and the others do"
"$plateau" train T=32 d=8 steps=3 --json | grep -q '"plateau": null.*"status": "censored"'; ok $? "a run that does not emerge is censored"
"$plateau" train T=32 d=8 lr=1000 steps=200 --json | grep -q '"status": "diverged"'; ok $? "divergence is a status"

cd "$work" || exit 1
studies=$source/validation/studies
"$plateau" sweep "$studies/fig2-left.yaml" --quiet && "$plateau" fit fig2-left.db metric=paper --json >fit &&
    grep -qE '"constant": \{"value": 1.512.*"d": \{"value": 0.488.*"T": \{"value": 0.986.*"B": \{"value": -0.992' fit
ok $? "Fig. 2 left: 1.512 T^.987 B^-.993 d^.489 with metric=paper"
"$plateau" fit fig2-left.db metric=full --json | grep -qE '"value": 1.499.*"value": 0.488.*"value": 0.987.*"value": -0.497'
ok $? "1.499 T^.988 B^-.498 d^.489 with metric=full"
"$plateau" sweep "$studies/fig2-left.yaml" 2>&1 | grep -q '124 already there, 0 made'; ok $? "a finished sweep repeats nothing"
fails 2 'only a number can be a factor' fit fig2-left.db --on metric
fails 2 'no run matches' fit fig2-left.db T=77
fails 2 'was not recorded' fit fig2-left.db --at 0.55
fails 2 'no-such.db' fit no-such.db
fails 2 'did you mean T' fit fig2-left.db --on d,TT
fails 2 'give one of them' fit fig2-left.db --at 0.5 --response closed
"$plateau" fit fig2-left.db metric=full B=1 --on 'd^0.5*T' --residuals r.csv |
    grep -q 'c quadrature .* 1.0002 .* 0.0 ' && [[ $(wc -l <r.csv) == 57 ]] &&
    head -1 r.csv | grep -q ',y,fit,residual,censored$'
ok $? "a product as regressor, forms by AICc, residuals"
"$plateau" fit fig2-left.db metric=full B=1 --json --response asinh >fit && grep -qE '"T": \{"value": 1\.1(09|10).*"from": 2048,' fit &&
    grep -qE '"c asinh", "undefined": 0, "parameters": 2, "constant": 1[.0-9]*, [^{]*"delta_aicc": 0,' fit
ok $? "fit --json: exponents of a prediction, forms, local exponents"
fails 2 'needs one study file' sweep
# what is asked for is what is answered: a row holds the threshold of the last sweep, made again (0.95) or read at it (0.5); its host and times stay
printf 'study: s\nruns:\n  - {model: flow, T: "64:512:*2", d: [4, 16]}\n' >s.yaml
asked() { # threshold's words, exponent of T, sweep's words..
    "$plateau" sweep s.yaml "${@:3}" 2>err && "$plateau" fit s.db >fit && grep -q "^plateau = .* T^$2\$" fit &&
        grep -q "^  read at: loss at $1 of the null loss$" fit
    ok $? "a sweep at $1, and the fit is of it"
}
asked 0.2 0.976; asked 0.95 1.05 threshold=0.95; before=$("$plateau" export s.db |
    sed 's/.*Z,//'); asked 0.2 0.976; grep -q '8 already there' err
ok $? "without a run made again"
[[ $("$plateau" export s.db | sed 's/.*Z,//') == "$before" ]]; ok $? "and the rows say when they were made"
asked 0.5 0.986 threshold=0.5; "$plateau" sweep s.yaml T=64 --quiet
fails 2 'a law is of one: give it with --at' fit s.db
"$plateau" fit s.db --at 0.5 --json | grep -q '^{"read_at": "loss at 0.5 of the null loss",'; ok $? "--at reads all at one"
printf 'study: k\nruns:\n  - {model: toy, T: 16, d: 4, threshold: 0.55}\n' >k.yaml
"$plateau" sweep k.yaml --quiet && "$plateau" sweep k.yaml threshold=0.5 2>&1 |
    grep -q '1 of these rows keep the threshold' && "$plateau" sweep k.yaml 2>&1 | grep -q '1 already there, 0 made'
ok $? "a training run is not made again for a threshold that it once answered"
sed 's/study: s/study: t/; s/4, 16\]/4, 16], threshold: 0.95/' s.yaml >t.yaml; "$plateau" sweep t.yaml --db s.db --quiet
"$plateau" sweep s.yaml 2>&1 | grep -q '8 of these rows keep the threshold' && "$plateau" sweep t.yaml --db s.db 2>&1 |
    grep -q '8 already there, 0 made' && "$plateau" sweep s.yaml 2>&1 | grep -q '8 already there, 0 made'
ok $? "two studies that share runs do not make them in turns"

printf 'T,d,seed,plateau,status\n64,16,1,360,emerged\n128,16,1,720,emerged\n256,16,1,1440,emerged\n512,16,1,,censored\n' >mine.csv
fails 2 'no model' import mine.csv --db mine.db
"$plateau" import mine.csv --db mine.db model=toy steps=2000 2>err; "$plateau" fit mine.db |
    grep -q 'tobit on logarithms, 4 runs, 1 of them censored'
ok $? "imported runs are fitted, the censored one too"
grep -q '^4 runs imported into mine.db; plateau lengths in time = steps x lr; by default B=1 p=0$' err
ok $? "an import says the unit, and what is a default"
printf 'T,d,seed,plateau,status\n64,16,1,360,emerged\n128,16,1,720,emerged\n256,16,1,1440,emerged\n1024,16,1,,censored\n' >mine.csv
"$plateau" import mine.csv --db mine.db model=toy steps=2000 2>&1 |
    grep -q '; 1 runs that the file no longer has are gone$' && [[ $("$plateau" export mine.db | wc -l) == 5 ]]
ok $? "a corrected file takes the place of the old one"
fails 2 'mine.csv:1: T: the file has this column: leave out T=' import mine.csv --db mine.db model=toy steps=2000 T=5
"$plateau" import mine.csv --db mine.db model=toy steps=2000 --study again --quiet; [[ $("$plateau" fit mine.db | grep -o '4 runs') ]]
ok $? "a run imported for two studies counts once"

# ---- forget
fails 2 'say which runs' forget mine.db
fails 2 'no such run' forget mine.db T=7
fails 2 'none.db' forget none.db T=64; [[ ! -e none.db ]]; ok $? "and makes no database"
fails 2 'takes no keys' forget mine.db T=64 --damaged
cp mine.db before.db; "$plateau" forget mine.db T=64,128 --dry-run >out 2>err && [[ $(wc -l <out) == 2 ]] &&
    grep -q '^T=64 d=16 .*(emerged; again import)$' out && grep -q '^2 runs would go from mine.db$' err && cmp -s mine.db before.db
ok $? "forget --dry-run lists the runs and leaves the file as it is"
"$plateau" forget mine.db T=64,128 2>err && grep -q '^2 runs are gone from mine.db$' err && [[ $("$plateau" export mine.db | wc -l) == 3 ]]
ok $? "forget removes runs"
"$plateau" forget mine.db --study again --quiet && [[ $("$plateau" export mine.db | wc -l) == 3 &&
    $("$plateau" export mine.db --study again | wc -l) == 1 ]]
ok $? "of a study that shares them only the name goes"
"$plateau" forget mine.db --study import --quiet && [[ $("$plateau" export mine.db | wc -l) == 1 ]]; ok $? "of the last one the runs"
printf 'study: stay\ncurves: yes\nruns:\n- {model: toy, T: 16, d: 4, steps: 20, checkpoint_every: 10, seed: [1, 2]}\n' >stay.yaml; "$plateau" sweep stay.yaml --quiet
[[ $(ls stay.db.checkpoints | wc -l) == 2 ]]; ok $? "two runs with their checkpoints"
"$plateau" forget stay.db seed=2 --quiet && [[ $(ls stay.db.checkpoints | wc -l) == 1 && $("$plateau" export stay.db |
    wc -l) == 2 && $("$plateau" export stay.db --curves | cut -d, -f1 | sort -u | wc -l) == 2 ]]
ok $? "a run goes with its curve and its checkpoint"
"$plateau" sweep stay.yaml 2>&1 | grep -q '1 already there, 1 made'; ok $? "and is made again"

printf 'study: x\nruns:\n  - {T: 3, B: 4}\n' >bad.yaml; fails 2 'B must be smaller than T' sweep bad.yaml; [[ ! -e x.db ]]
ok $? "a bad study makes no database"
printf 'study: x\nruns:\n  - {TT: 3}\n' >bad.yaml; fails 2 'bad.yaml: 3: TT: no such key' sweep bad.yaml
printf 'study: [x\n' >bad.yaml; fails 2 'not YAML' sweep bad.yaml
printf 'runs:\n- {T: "64\\0x"}\n' >bad.yaml; fails 2 'bad.yaml: 2: a key needs a value' sweep bad.yaml
printf 'runs:\n- {T: 64}\n---\nruns:\n- {T: 65}\n' >bad.yaml; fails 2 'bad.yaml: 4: a second document' sweep bad.yaml
slow() { # pattern: bad.yaml is refused with it, at once
    timeout 5 "$plateau" sweep bad.yaml 2>err; [[ $? == 2 ]] && grep -qE "^plateau: bad.yaml: $1" err; ok $? "refused at once: $1"
}
repeat() { head -c "$2" < <(yes -- "$1" | tr -d '\n'); }
{ printf 'study: '; repeat '[' 100000; } >bad.yaml; slow '1: more than 16 lists and mappings'
{ printf 'runs:\n - '; repeat '{a: ' 200000; } >bad.yaml; slow '2: more than 16 lists and mappings'
{ printf 'runs:\n'; repeat '- ' 200000; } >bad.yaml; slow '2: more than 16 lists and mappings'
{ printf 'x:\n'; seq -f '- &a%g x' 60000; } >bad.yaml; slow '102: more than 100 anchors'
{ seq -f '%%TAG !a%g! x' 50000; printf -- '---\nx: y\n'; } >bad.yaml; slow '1: more than 16 lines begin with %'
printf 'runs:\n- T: 64\n  d: 16\n  T: 128\n' >bad.yaml; fails 2 'bad.yaml: 4: T: this key stands in line 2, too' sweep bad.yaml
printf 'runs:\n- {T: 64}\nruns:\n- {T: 65}\n' >bad.yaml; fails 2 'bad.yaml: 3: runs: this key stands in line 1, too' sweep bad.yaml
printf -- '- {id: A, quantity: r2, published: 1, tolerance: 0.1,\n   published: 2}\n' >bad.yaml; fails 2 'bad.yaml: 2: published: this key stands in line 1, too' compare mine.db --claims bad.yaml
printf 'runs: 3\n' >bad.yaml; fails 2 'runs: 1: is a list' sweep bad.yaml
printf 'desk:\n  - {T: 3, B: 4}\n' >bad.yaml; fails 2 'at least one block of runs at this scale' sweep bad.yaml
fails 2 '--scale huge: smoke, quick, desk or paper' sweep bad.yaml --scale huge
printf 'study: scaled\nruns:\n  - {T: 64, d: 16}\nsmoke:\n  - {T: 65, d: 16}\ndesk:\n  - {T: [66, 67, 68], d: 16}\n' >scaled.yaml
for scale in smoke:2 quick:2 desk:4 paper:4; do
    "$plateau" sweep scaled.yaml --db scaled-${scale%:*}.db --scale ${scale%:*} 2>&1 | grep -q "^scaled: ${scale#*:} runs"
    ok $? "scale ${scale%:*}: ${scale#*:} runs"
done
printf 'study: other\ncurves: yes\nruns:\n  - {T: [64, 70], d: 16}\n' >other.yaml
"$plateau" sweep other.yaml --db scaled-quick.db 2>&1 | grep -q '^other: 2 runs, 0 already there, 2 made'
ok $? "a run without the curve that a study wants is made again"
"$plateau" sweep scaled.yaml --db scaled-quick.db 2>&1 | grep -q '2 already there, 0 made' &&
    [[ $("$plateau" export scaled-quick.db --study scaled | wc -l) == 3 &&
        $("$plateau" export scaled-quick.db --study other | wc -l) == 3 && $("$plateau" export scaled-quick.db | wc -l) == 4 ]]
ok $? "a run belongs to every study that wants it"

# ---- reduced flows of Transformers
fails 2 'model=reduced p=0.1 schedule=none: the reduced flow of a Transformer is for p=0 and no schedule' flow model=reduced p=0.1
fails 2 'model=reduced p=0 schedule=p=0@5: the reduced flow' flow model=reduced schedule=p=0@5
fails 2 'optimizer=gd: the exact gradient is known for model=toy only' flow model=reduced optimizer=gd
fails 2 'layers: this key does not apply to the reduced flow of a Transformer' flow model=reduced layers=2
fails 2 'model=reduced beta2=0: Adam.s rates need a beta2 above 0' flow model=reduced beta2=0
fails 2 'model=reduced: .plateau flow. runs that' train model=reduced
fails 2 'width=63: .* so width must be even' flow model=reduced width=63
"$plateau" flow model=reduced T=16 d=4 --trace reduced.csv >out && grep -q '^  plateau +105.68' -E out &&
    [[ $(head -1 reduced.csv) == step,loss_test,w,delta_a,attention,q2,k2,rate_embed,rate_unembed,rate_out,rate_value,rate_mlp,rate_key,rate_query ]]
ok $? "the trace of a reduced flow has its columns"
awk -F, 'NR == 2 { first = $5 } NR > 1 { if ($1 <= before && NR > 2) bad = 1; before = $1; loss = $2; last = $5 } END { exit bad || first != 1 / 16 || !(last > 0.9) || !(loss < 0.1) || NR < 50 }' reduced.csv
ok $? "attention rises from 1/T, and the loss falls"
printf 'study: r\ncurves: yes\nruns:\n  - {model: reduced, T: [16, 32, 64], d: [4, 8]}\n' >r.yaml
"$plateau" sweep r.yaml 2>&1 | grep -q '6 runs, 0 already there, 6 made' && "$plateau" sweep r.yaml 2>&1 | grep -q '6 already there, 0 made'
ok $? "a sweep of reduced flows resumes"
"$plateau" fit r.db --on T,d | grep -q '^  least squares on logarithms, 6 runs;'; ok $? "which is fitted"
"$plateau" export r.db --format jsonl | grep '"T": 16, "d": 4,' | grep -q '"model": "reduced", .*"plateau": 105.68.*"unit": "steps", .*"reduced": null, .*"reduced_s50": 78.2' && "$plateau" export r.db --curves |
    head -1 | grep -q ',q2,k2,rate_embed,rate_unembed,rate_out,rate_value,rate_mlp,rate_key,rate_query$'
ok $? "and exported, with its curve"
if command -v gnuplot >out; then
    "$plateau" figure phase x=T y=d r.db --out reduced --quiet && [[ $(grep -c ^emerged, reduced/figphase.csv) == 6 && -s reduced/figphase.svg ]] &&
        grep -q '^emerged,16,4,105.68' reduced/figphase.csv
    ok $? "figure phase, without lines of a theory that knows nothing of them"
    printf 'study: near\nruns:\n  - {T: [16, 32], d: [4, 8], p: 0.9999}\n' >near.yaml
    "$plateau" sweep near.yaml --quiet && "$plateau" figure phase x=T y=d near.db --out reduced --quiet && [[ $(grep -c ^emerged, reduced/figphase.csv) == 4 ]]
    ok $? "and of flows without a quadrature"
else
    skip "figure phase" "gnuplot is not installed"; skip "figure phase without a quadrature" "gnuplot is not installed"
fi
"$plateau" sweep r.yaml --db short.db steps=10 --quiet && [[ $("$plateau" export short.db --format jsonl | grep -c '"status": "censored"') == 6 ]] &&
    "$plateau" sweep r.yaml --db short.db steps=10 2>&1 | grep -q '6 already there, 0 made'
ok $? "a cap of 10 steps: censored, and not made again"
"$plateau" sweep r.yaml --db short.db steps=1000 2>&1 | grep -q '0 already there, 6 made' && [[ $("$plateau" export short.db --format jsonl | grep -c '"status": "emerged"') == 6 ]]
ok $? "a larger cap makes them again"
"$plateau" sweep r.yaml --db short.db steps=10 2>&1 | grep -q '6 already there, 0 made'; ok $? "which answers the smaller one, too"
# what ends before its cap and never emerges is finished: scores that lean the wrong way, queries that noise has worn down
printf 'study: never\nruns:\n  - {model: toy, optimizer: gd, hops: 2, T: 16, d: 4, lean: -0.5, steps: 100}\n  - {model: flow, hops: 2, T: 16, d: 4, lean: -0.5, time: 50}\n  - {model: reduced, T: 512, d: 128, head_dim: 1, batch: 1, lr: 1e-3}\n' >never.yaml
"$plateau" sweep never.yaml --quiet && "$plateau" sweep never.yaml 2>&1 | grep -q '3 already there, 0 made' && "$plateau" plan never.yaml | grep -q '^never: 3 runs, 3 there, 0 to make$'
ok $? "what never emerges is made once"
prints 'its queries are gone, worn down by noise: attention never emerges' flow model=reduced T=512 d=128 head_dim=1 batch=1 lr=1e-3
"$plateau" flow model=reduced T=16 d=4 steps=10 >out && ! grep -q 'queries are gone' out; ok $? "which is not said of a run that was cut off"

"$plateau" sweep "$studies/fig1c.yaml" --db fig2-left.db --quiet
"$plateau" compare fig2-left.db --claims "$source/validation/claims.yaml" >verdicts
ok $? "compare without --strict exits 0"
for line in 'C5.T +reproduced' 'C5.d +reproduced' 'C5.B +reproduced' 'C5.B.model +deviates' 'known: E8' 'E8.B +reproduced' 'C3.eq6 +deviates' 'E9.quadrature +reproduced'; do
    grep -qE "$line" verdicts; ok $? "verdict: $line"
done
"$plateau" compare fig2-left.db --claims "$source/validation/claims.yaml" --strict >/dev/null
ok $? "a known deviation whose correction holds does not count"
# the same claims on runs with a planted B exponent of -0.8: the verdict must change, and --strict must say so
awk 'BEGIN { print "T,d,B,plateau"; for (T = 256; T <= 2048; T *= 2) for (d = 16; d <= 64; d *= 2) for (B = 1; B <= 8; B *= 2) printf "%d,%d,%d,%.9g\n", T, d, B, 1.51 * T^0.99 * d^0.49 * B^-0.8 * (1 + 0.001 * ((T + d + B) % 3)) }' >planted.csv
"$plateau" import planted.csv --db planted.db model=flow metric=paper --study fig2-left --quiet
printf 'pairs,vocab,plateau,status\n4,32,100,emerged\n8,32,410,emerged\n4,64,202,emerged\n8,64,790,emerged\n' >recall.csv
"$plateau" import recall.csv --db recall.db model=transformer task=recall --quiet && "$plateau" fit recall.db | grep -q '^ *pairs  *2.00'
ok $? "fit of recall: in pairs and vocab"
"$plateau" compare planted.db --claims "$source/validation/claims.yaml" --strict >verdicts 2>err; [[ $? == 1 ]] &&
    grep -qE 'C5.B +deviates' verdicts && grep -qE 'C5.T +reproduced' verdicts && grep -qE 'E8.B +inconclusive' verdicts
ok $? "a planted exponent changes the verdict, and --strict exits with 1"
printf -- '- {id: A, quantity: exponent, of: x, on: d, published: 1, tolerance: .1}\n' >c.yaml; fails 2 'x is not among the regressors' compare planted.db --claims c.yaml
printf -- '- {id: A, quantity: colour, published: 1, tolerance: .1}\n' >c.yaml; fails 2 'c.yaml: 1: A: quantity is one of' compare planted.db --claims c.yaml
printf -- '- {id: A, quantity: r2, on: d, published: 1}\n' >c.yaml; fails 2 'a tolerance that is not negative' compare planted.db --claims c.yaml
fails 2 'no claim is about this study' compare planted.db --claims "$source/validation/claims.yaml" --study nonsense
"$plateau" compare planted.db --claims "$source/validation/claims.yaml" --study fig2-left --json >verdicts &&
    grep -qE '"id": "C5.B", .*"study": "fig2-left", .*"figure": "2-left", .*"verdict": "deviates"' verdicts &&
        ! grep -qv '"study": "fig2-left"' verdicts
ok $? "compare --study --json"
for block in csv yaml; do sed -n '/^```'$block'$/,/^```$/p' "$source/doc/claims.md" | sed '/^```/d' >example.$block; done
"$plateau" import example.csv --db example.db model=toy steps=4000 --study mine --quiet &&
    "$plateau" compare example.db --claims example.yaml >verdicts && grep -q '^5 claims: 4 reproduced, 1 deviate .* 0 inconclusive' verdicts
ok $? "the example of doc/claims.md works"
finish
