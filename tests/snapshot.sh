#!/usr/bin/env bash
# Did a change of the code change what the program does? The outside of a build, written down as text, and compared with another's:
#   tests/snapshot.sh record FOLDER [BUILD]     all of it into FOLDER, which must not exist, by BUILD/plateau (build); about five minutes
#   tests/snapshot.sh compare BEFORE AFTER      what differs, as `diff -r` shows it; exit 1 if anything does
#
# Recorded are every command at smoke scale and the theory at its own (quick): runs, curves, fits, verdicts, data and SVG of every figure, reports,
# help, messages of errors with their exit codes. What differs between two recordings of one build (times, rates, names of machines) is replaced by
# a dash: `steady` below lists it. Run record twice on one build and compare: nothing may differ.
set -Euo pipefail
export LC_ALL=C TZ=UTC OPENBLAS_NUM_THREADS=1 COLUMNS=80

# What differs from one making to the next, as the program writes it, and why
steady() {
    sed -E -e 's/"([a-z_]*_s|tokens_per_s|ms|share|value|seconds|wall seconds)": (null|"?[-+0-9.e]+"?)/"\1": -/g' `# times` \
        -e 's/"rate_from": "[a-z]*"/"rate_from": "-"/' `# which settings a plan had the time to measure` \
        -e 's/^(\| [a-z0-9-]+ \| [0-9]+ \| [0-9]+ \|) [0-9.]+ \|/\1 - |/' -e 's/^(\| wall seconds \|) [0-9.]+/\1 -/' `# of a report's studies` \
        -e 's#(<td data-head="seconds of work">)[0-9.]+#\1-#' -e 's#(<td[^>]*>wall seconds</td><td[^>]*>)[0-9.]+#\1-#' \
        -e 's/"(host|started|finished|created|build|version|library|commit)": "[^"]*"/"\1": "-"/g' \
        -e 's/^(\| commit \|) .*/\1 - |/' -e 's#(<td[^>]*>commit</td><td[^>]*>)[^<]*#\1-#' \
        -e 's/\b[0-9.]+(e[-+][0-9]+)? (s|ms|min|h|days|tokens\/s|operations a second|GFLOP\/s)\b/- \2/g' \
        -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:]{5,8}Z?)?/DATE/g' \
        -e 's/plateau [0-9]+\.[0-9]+\.[0-9]+/plateau VERSION/g' \
        -e 's/([,|{>" ])[0-9]+\.[0-9]+\.[0-9]+([,|}<" ])/\1VERSION\2/g' \
        -e "s#$here#HERE#g"
}

# The columns of a table that are times become empty
timeless() {
    awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "wall_s" || $i == "tokens_per_s") gone[i] } { for (i in gone) if (NR > 1) $i = "-"; print }'
}

say() { printf '%s\n' "$*" >&2; }

# name, arguments..: standard output, standard error and exit code into out/name.*
take() {
    local name=$1 rc=0
    shift
    "$program" "$@" >"raw/$name.out" 2>"raw/$name.err" || rc=$?
    steady <"raw/$name.out" >"out/$name.out"
    # A sweep's progress depends on which worker ends first
    steady <"raw/$name.err" | grep -vE '^ *(time|memory|[0-9]+ of [0-9]+|[0-9]+ %)' | sort >"out/$name.err"
    printf '%s\nexit %d\n' "plateau $*" "$rc" | steady >"out/$name.what"
}

# database, name: its rows and curves in an order of their own
rows() {
    "$program" export "$1" --format jsonl | steady | sort >"out/$2.rows"
    "$program" export "$1" --curves 2>/dev/null | cut -d, -f2- | sort | cksum >"out/$2.curves"
}

# folder of a report, name: its pages, and the figures' data and pictures
pages() {
    mkdir -p "out/$2"
    for page in "$1"/*.md "$1"/*.html "$1"/*.json "$1"/*.csv; do
        [[ ! -f $page ]] || steady <"$page" | sed -E 's/data:[a-z/+-]*;base64,[A-Za-z0-9+/=]*/PICTURE/g' >"out/$2/${page##*/}"
    done
    figures "$1/figures" "$2"
}
figures() {
    mkdir -p "out/$2"
    for file in "$1"/*.csv "$1"/*.gp "$1"/*.dat; do [[ ! -f $file ]] || steady <"$file" >"out/$2/${file##*/}"; done
    for file in "$1"/*.svg; do # but for this one, in which gnuplot writes the same lines in one path or in several
        [[ ! -f $file || $file == */figcollapse.svg ]] || steady <"$file" | cksum >"out/$2/${file##*/}.sum"
    done
}

words() { # what the program says of itself
    local command
    take help help
    for command in $("$program" help | sed -nE 's/^  plateau ([a-z]+) .*/\1/p'); do take "help-$command" help "$command"; done
    take keys keys
    for command in $("$program" keys | sed -nE 's/^([A-Za-z_0-9]+) .*/\1/p'); do take "keys-$command" keys "$command"; done
    take man man
    take completion-bash completion bash
    take completion-zsh completion zsh
    take cite cite
}

theory() { # flow, schedules, the toy
    take flow-grid flow T=8,64,512 d=4,64 B=1,2 p=0,0.2 --json
    take flow-init flow T=64 d=8 init=gaussian seed=1:4:+1 threshold=0.05,0.5,0.95 --json
    take flow-schedule flow T=256 d=64 p=0.3 schedule=p=0@attention=0.5 --json --trace flow.csv
    take flow-text flow T=512 d=64
    take schedule schedule T=64 d=16,256 --json
    take schedule-text schedule T=256 d=16
    take toy-gd train T=32 d=8 optimizer=gd --json --trace gd.csv
    take toy-sgd train T=32 d=8 seed=1,2 batch=16 p=0,0.2 --json
    take toy-adam train T=32 d=8 optimizer=adam lr=0.01 --json --trace adam.csv
    take toy-momentum train T=32 d=8 momentum=0.9 --json
    take toy-checkpoint train T=32 d=8 steps=200 --json --checkpoint toy.safetensors
    take toy-resume train T=32 d=8 steps=400 --json --resume toy.safetensors
}

transformers() { # one of each kind, and what reads their samples
    local small=(model=transformer layers=2 heads=2 width=16 head_dim=8 batch=8 eval_size=32 steps=60 eval_every=20)
    take transformer-regression train "${small[@]}" T=8 d=4 --json --trace regression.csv --checkpoint regression.safetensors
    take transformer-resume train "${small[@]}" T=8 d=4 until=cap --json --resume regression.safetensors
    take transformer-sgd train "${small[@]}" T=8 d=4 optimizer=sgd momentum=0.5 lr=0.05 norm=pre mask=causal --json
    take transformer-bf16 train "${small[@]}" T=8 d=4 precision=bf16 backend=reference --json
    take transformer-repeated train "${small[@]}" T=8 d=4 p=0.3 schedule=p=0@30 B=2 --json
    take recall train "${small[@]}" task=recall pairs=4 vocab=64 --json --trace recall.csv
    take batch batch model=transformer T=8 d=4 batch=4 --step 3 --out batch.safetensors
    take batch-test batch model=transformer task=recall pairs=4 eval_size=8 --test --out test.safetensors
    take gradient gradient "${small[@]}" T=8 d=4 --checkpoint regression.safetensors --batch batch.safetensors --out gradient.safetensors
    for file in *.csv *.safetensors; do cksum <"$file" >"out/$file.sum"; done
}

own() { # a study of one's own, with all that is done to a database
    cat >mix.yaml <<'Y'
study: mix
runs:
  - {model: flow, T: [64, 128, 256], d: [8, 16], B: [1, 2]}
  - {model: toy, T: [32, 64, 128], d: [4, 8, 16], seed: [1, 2]}
Y
    sed 's/^study: mix/&\ncurves: yes/' mix.yaml >curves.yaml
    printf 'T,d,B,seed,steps,plateau,status,lr\n64,16,1,1,40000,900,emerged,0.1\n128,16,1,1,40000,1700,emerged,0.1\n256,16,1,1,30000,,censored,0.1\n' >own.csv
    "$program" plan mix.yaml --json | steady | sed -E 's/"(first|expected)_s": [^,}]*/"\1_s": -/g' >out/plan.out
    take sweep sweep mix.yaml --quiet --jobs 1 # rows are numbered in the order in which runs end
    take sweep-shard sweep mix.yaml --quiet --jobs 1 --shard 1/3
    take sweep-again sweep mix.yaml threshold=0.5 --quiet --jobs 1 --db half.db
    take sweep-curves sweep curves.yaml --quiet --jobs 1 --db curves.db
    take merge merge all.db mix.db mix-1of3.db --quiet
    take import import own.csv --db own.db model=toy
    for db in mix half curves all own; do rows $db.db $db; done
    "$program" export mix.db model=toy T=64 | timeless | steady >out/export.out
    "$program" export own.db | timeless | steady >out/export-own.out
    take forget-dry forget mix.db model=toy T=32 --dry-run
    take fit-flow fit mix.db model=flow --json
    take fit-toy fit mix.db model=toy --json --residuals residuals.csv
    take fit-text fit mix.db model=toy --on d,T/B
    take fit-at fit mix.db model=toy --at 0.5 --json
    take fit-response fit mix.db model=flow --response closed --json
    take fit-own fit own.db --on T --json
    cksum <residuals.csv >out/residuals.csv.sum
    take compare-two compare mix.db half.db --json
    take compare-two-text compare mix.db half.db
    take figure-map figure phase x=T:16:256:20 y=d:4:64:20 --out own
    take figure-phase figure phase mix.db x=T y=d model=toy --out own-runs
    take figure-survival figure survival mix.db model=toy T=64 --out own
    take figure-exponents figure exponents mix.db model=flow --out own
    take figure-collapse figure collapse curves.db --out own
    figures own-runs own-runs-figures
    figures own own-figures
    take forget forget all.db model=toy T=32
    rows all.db left
}

paper() { # the paper's studies: all at smoke scale, the theory at its own
    take reproduce-smoke reproduce --scale smoke --out smoke --quiet --jobs 1
    take reproduce-theory reproduce theory --out theory --quiet --jobs 1
    for scale in smoke theory; do
        rows $scale/plateau.db $scale
        take "compare-$scale" compare $scale/plateau.db --json
        take "compare-$scale-text" compare $scale/plateau.db
        take "report-$scale" report $scale/plateau.db --out report-$scale --quiet
        pages $scale $scale
        pages report-$scale report-$scale
    done
    take figure-1c figure 1c smoke/plateau.db --out one --data own.csv
    figures one figure-1c
    local study
    for study in "$source"/validation/studies/*.yaml; do
        study=${study##*/}
        "$program" plan "${study%.yaml}" --json --db smoke/plateau.db | steady | sed -E 's/"[a-z_]*_s": [^,}]*/"s": -/g' >"out/plan-${study%.yaml}.out"
    done
}

errors() { # a line each: arguments that are refused
    local n=0 line
    while read -r line; do
        n=$((n + 1))
        # shellcheck disable=SC2086 # words
        take "error-$n" $line
    done <<'E'
flow T=3 B=4
flow T=64 T=128
flow T=x
flow t=64
flow T=64 d=0
flow T=64 p=1.5
flow lr=nan
flow layers=2
flow T=1:2:+0
train optimizer=sdg
train model=transformer optimizer=gd
train model=transformer T=100000
train optimizer=adam beta1=2
train momentum=0.9 optimizer=adam
train task=recall
train model=transformer task=recall pairs=0
train model=transformer task=recall d=4
train model=transformer width=15 heads=2
train threshold=2
train T=8 d=2 p_until=100
flow T=8 d=2 schedule=p=0
flow T=8 d=2 p=0.5 schedule=p=0@attention=2
train --resume absent.safetensors
train --checkpoint own.csv
flow T=8,16 --trace two.csv
schedule p=0.5
gradient
batch model=toy
sweep
sweep absent.yaml
sweep fig99
sweep fig1c --scale large
sweep fig1c --shard 4/3
sweep fig1c --jobs 0
plan fig1c --budget 2
merge
merge out.db absent.db
import absent.csv --db new.db
import own.csv --db new.db model=flow
forget
export own.csv
export absent.db
export mix.db color=red
fit mix.db --on q
fit mix.db --at 2
fit mix.db --response eq7
fit mix.db T=1
compare mix.db --claims own.csv
figure 99
figure
figure 1c absent.db
report absent.db
reproduce 3-lift
reproduce T=64
bench nothing
keys nothing
help nothing
completion fish
nothing
flow --jsn
flow --trace
E
}

record() {
    [[ ! -e $1 ]] || { say "snapshot.sh: $1: it exists: name a folder that does not"; exit 2; }
    source=$(cd "$(dirname "$0")/.." && pwd)
    program=$(cd "${2:-$source/build}" && pwd)/plateau
    [[ -x $program ]] || { say "snapshot.sh: $program is not there: run ./bootstrap"; exit 2; }
    mkdir -p "$1/out" "$1/raw"
    cd "$1" || exit 2
    here=$PWD
    for part in words theory transformers own paper errors; do
        say "$part"
        $part
    done
    rm -rf smoke theory report-* one own own-runs raw -- *.db
}

case ${1:-} in
    record) [[ $# == 2 || $# == 3 ]] && record "${@:2}" ;;
    compare) [[ $# == 3 ]] && diff -r "$2/out" "$3/out" ;;
    *) sed -n '2,4s/^# \?//p' "$0" >&2; exit 2 ;;
esac
