#!/usr/bin/env bash
# How fast plateau is beside what one would use without it, on this machine:
#   tests/bench/run.sh [PAIRS] [flow|toy|transformer|bf16|jax|many ..]
# PAIRS (5) rounds of the named parts (all: about four minutes a round); only the figures of an idle machine mean anything
#
#   ours (build/plateau bench)                theirs (this folder)                                         bar
#   flow_json: ten crossings, predictions,    bare_cvode.c: the smallest CVODE loop, one crossing          at most 1.5 x its time
#     JSON; 10,000 flows, rtol 1e-8           flow_lsoda.py: SciPy's solve_ivp(LSODA), one crossing        at least 7 x as fast
#   toy_tokens, toy_statistics: a step at     toy_torch.py: the same step in PyTorch, tokens drawn anew    at least 4 x, 8 x
#     T = d = 256, batch 32
#   step_regression, _recall, _small: a       transformer_torch.py: the same step in PyTorch, eager or        at least 5 x (without AVX-512 3.2 x),
#     training step, two threads, f32           compiled, whichever is faster                                    2.8 x, 25 x
#   the same in bf16, where this processor    transformer_torch.py bf16: PyTorch's autocast                    at least 2.8 x, 1.7 x
#     has it (_bf16)
#   step_regression, _small                   transformer_jax.py: the same step in JAX, jit                    at least 3.2 x, 3 x
#   step_regression's 25 GFLOP of products    product_f32: an 8192 x 1024 x 256 product on two threads             at least 75 % of its rate
#   memory of training at T = 512, batch 32                                                                at most 512 MiB
#   100,000 runs with curves (many_runs.c, from report/plateau.db or a smoke reproduction): fit of 95,000          at most 2 s
#     compare and report                                                                                   at most 20 s, 500 MiB
#
# In every round ours and theirs run one after the other; shown are the medians over the rounds of both times and of their ratio,
# with the least and the greatest ratio. One thread each, Transformers two. Nothing is installed: SciPy and PyTorch are Debian's
# python3-scipy and python3-torch, and what is missing is left out; PYTHON names another interpreter, such as one with a newer PyTorch.
# Exits with 1 if a bar is missed.
set -Eeuo pipefail
cd "$(dirname "$0")/../.."
pairs=${1:-5} python=${PYTHON:-/usr/bin/python3} missed=0
parts=" ${*:2} "
[[ $# -gt 1 ]] || parts=' flow toy transformer bf16 jax many '
wanted() { [[ $parts == *" $1 "* ]]; }
[[ $pairs =~ ^[1-9][0-9]*$ ]] || { echo "run.sh: $pairs: the number of rounds" >&2; exit 2; }
[[ -x build/plateau ]] || { echo "run.sh: build/plateau is not there: run ./bootstrap" >&2; exit 2; }
make -s -C build plateau bare_cvode many_runs >&2

# Everyone at their best: BLAS kernels for this processor (some set these to a slow but safe one), and the threads that a row is about.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
threads() { export OPENBLAS_NUM_THREADS=$1 OMP_NUM_THREADS=$1 MKL_NUM_THREADS=$1; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'echo "run.sh: line $LINENO: $BASH_COMMAND: failed, so this ends here" >&2' ERR

have() { # module, package
    "$python" -c "import $1" 2>/dev/null || { echo "left out: $python has no $1 (Debian: apt-get install $2)"; false; }
}
ours() { build/plateau bench "$1" --json | sed -n 's/.*"value": \([0-9.e+-]*\).*/\1/p'; }
theirs() { "$@" | sed -n 's/^{"[um]s": \([0-9.e+-]*\).*/\1/p'; }

round() { # name, item of ours, command of theirs..: appends "ours theirs" to the row of that name
    local a b
    a=$(ours "$2")
    b=$(theirs "${@:3}")
    echo "$a $b" >>"$scratch/$1"
}

# PyTorch's step, eager or compiled: the faster one
faster_torch() {
    { "$python" tests/bench/transformer_torch.py "$@"; "$python" tests/bench/transformer_torch.py "$@" compile 2>/dev/null; } |
        sort -t: -k2 -g | head -n 1
}

# name, theirs' options..: a training step; what this processor cannot do has no row
step() {
    build/plateau bench "$1" >/dev/null 2>&1 && round "$1" "$1" faster_torch "${1%_bf16}" "${@:2}"
}

share() { # precision, step: the product's rate, and what a step's necessary products reach
    local rate ms
    rate=$(ours "product_$1") ms=$(ours "$2")
    [[ -z $ms ]] || awk -v rate="$rate" -v ms="$ms" 'BEGIN { print rate, 25e3 / ms }' >>"$scratch/share_$1"
}

row() { # name, what, unit, sign (<= or >=), bar: <= bounds ours/theirs, >= bounds theirs/ours
    [[ -s $scratch/$1 ]] || return 0
    awk -v what="$2" -v unit="$3" -v sign="$4" -v bar="$5" '
        function median(x, n,    i, j, t) {
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && x[j] < x[j - 1]; j--) { t = x[j]; x[j] = x[j - 1]; x[j - 1] = t }
            return n % 2 ? x[(n + 1) / 2] : (x[n / 2] + x[n / 2 + 1]) / 2
        }
        { a[NR] = $1; b[NR] = $2; r[NR] = sign == "<=" ? $1 / $2 : $2 / $1 }
        END {
            m = median(r, NR); good = sign == "<=" ? m <= bar : m >= bar
            printf "%-44s %9.4g %9.4g %s  %6.2f  (%.2f .. %.2f)  %s %g  %s\n", what, median(a, NR), median(b, NR), unit, m, r[1], r[NR],
                   sign, bar, good ? "met" : "MISSED"
            exit !good
        }' "$scratch/$1" || missed=1
}

scipy=no torch=no jax=no
if wanted flow && have scipy python3-scipy; then scipy=yes; fi
if { wanted toy || wanted transformer || wanted bf16; } && have torch python3-torch; then torch=yes; fi
if wanted jax && have jax "none; PyPI has jax"; then jax=yes; fi
grep -qw avx512bw /proc/cpuinfo && regression=5 || regression=3.2
read -r load _ </proc/loadavg 2>/dev/null || load=0
awk -v load="$load" 'BEGIN { exit !(load > 0.3) }' && echo "note: load average $load: this machine is not idle, do not trust the figures"
for ((i = 1; i <= pairs; i++)); do
    threads 1
    if wanted flow; then round cvode flow_json build/bare_cvode; fi
    if [[ $scipy == yes ]]; then round scipy flow_json "$python" tests/bench/flow_lsoda.py; fi
    if [[ $torch == yes ]] && wanted toy; then
        round tokens toy_tokens "$python" tests/bench/toy_torch.py
        round statistics toy_statistics "$python" tests/bench/toy_torch.py
    fi
    threads 2
    if [[ $torch == yes ]] && wanted transformer; then
        for name in step_regression step_recall step_small; do step $name; done
    fi
    if [[ $torch == yes ]] && wanted bf16; then
        for name in step_regression_bf16 step_recall_bf16; do step $name bf16 || true; done
    fi
    if [[ $jax == yes ]]; then
        for name in step_regression step_small; do round "jax_$name" "$name" "$python" tests/bench/transformer_jax.py "$name"; done
    fi
    if wanted transformer; then share f32 step_regression; fi
done
printf '%-44s %9s %9s %7s  %6s\n' "" ours theirs "" ratio
row cvode "flow, all of it / bare CVODE, one crossing" us/flow "<=" 1.5
row scipy "SciPy LSODA, one crossing / flow, all of it" us/flow ">=" 7
row tokens "PyTorch / toy, tokens" ms/step ">=" 4
row statistics "PyTorch / toy, statistics" ms/step ">=" 8
row step_regression "PyTorch / regression Transformer, f32" ms/step ">=" $regression
row step_recall "PyTorch / recall Transformer, f32" ms/step ">=" 2.8
row step_small "PyTorch / one layer, one head, f32" ms/step ">=" 25
row step_regression_bf16 "PyTorch / regression Transformer, bf16" ms/step ">=" 2.8
row step_recall_bf16 "PyTorch / recall Transformer, bf16" ms/step ">=" 1.7
row jax_step_regression "JAX / regression Transformer, f32" ms/step ">=" 3.2
row jax_step_small "JAX / one layer, one head, f32" ms/step ">=" 3
row share_f32 "products in a step / alone, f32 (alone, step)" GFLOP/s ">=" 0.75
measure() { # command..: seconds and kilobytes at most resident
    "$python" -c 'import resource, subprocess, sys, time
begun = time.monotonic()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}
bound() { # what, value, unit, bar
    awk -v what="$1" -v value="$2" -v unit="$3" -v bar="$4" 'BEGIN { printf "%s: %.2f %s, <= %g  %s\n", what, value, unit, bar, (value > bar ? "MISSED" : "met"); exit (value > bar) }' || missed=1
}
if wanted transformer; then
    read -r _ kilobytes < <(measure build/plateau train model=transformer T=512 d=128 threads=2 steps=2 eval_every=2)
    bound "memory at T = 512, d = 128, batch 32" $((kilobytes / 1024)) MiB 512
fi

wanted many || exit $missed
many=$scratch/many.db base=report/plateau.db
[[ -f $base ]] || { build/plateau reproduce --scale smoke --out "$scratch/smoke" --quiet && base=$scratch/smoke/plateau.db; }
build/many_runs "$base" "$many"
read -r fit_s fit_k < <(measure build/plateau fit "$many" task=regression --on T)
read -r compare_s compare_k < <(measure build/plateau compare "$many")
read -r report_s report_k < <(measure build/plateau report "$many" --out "$scratch/report")
bound "100,000 runs: fit" "$fit_s" s 2
bound "100,000 runs: compare and report" "$(awk -v a="$compare_s" -v b="$report_s" 'BEGIN { print a + b }')" s 20
bound "100,000 runs: memory" "$(printf '%s\n' "$fit_k" "$compare_k" "$report_k" | sort -n | tail -n 1 | awk '{ print $1 / 1024 }')" MiB 500
exit $missed
