#!/usr/bin/env bash
# How fast plateau is beside what one would use without it, on this machine:
#   tests/bench/run.sh [PAIRS]      PAIRS (5) rounds of about 25 s; only the figures of an idle machine mean anything
#
#   ours (build/plateau bench)                theirs (this folder)                                         bar
#   flow_json: ten crossings, predictions,    bare_cvode.c: the smallest CVODE loop, one crossing          at most 1.5 x its time
#     JSON; 10,000 flows, rtol 1e-8           flow_lsoda.py: SciPy's solve_ivp(LSODA), one crossing        at least 7 x as fast
#   toy_tokens, toy_statistics: a step at     toy_torch.py: the same step in PyTorch, tokens drawn anew    at least 4 x, 8 x
#     T = d = 256, batch 32
#
# In every round ours and theirs run one after the other; shown are the medians over the rounds of both times and of their ratio,
# with the least and the greatest ratio. One thread each. Nothing is installed: SciPy and PyTorch are Debian's python3-scipy and
# python3-torch, and what is missing is left out. PYTHON names another interpreter. Exits with 1 if a bar is missed.
set -euo pipefail
cd "$(dirname "$0")/../.."
pairs=${1:-5} python=${PYTHON:-/usr/bin/python3} missed=0
[[ $pairs =~ ^[1-9][0-9]*$ ]] || { echo "run.sh: $pairs: the number of rounds" >&2; exit 2; }
[[ -x build/plateau ]] || { echo "run.sh: build/plateau is not there: run ./bootstrap" >&2; exit 2; }
make -s -C build plateau bare_cvode >&2

# Everyone at their best: one thread, and BLAS kernels for this processor (some set these to a slow but safe one).
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

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

scipy=no torch=no
have scipy python3-scipy && scipy=yes
have torch python3-torch && torch=yes
read -r load _ </proc/loadavg 2>/dev/null || load=0
awk -v load="$load" 'BEGIN { exit !(load > 0.3) }' && echo "note: load average $load: this machine is not idle, do not trust the figures"
for ((i = 1; i <= pairs; i++)); do
    round cvode flow_json build/bare_cvode
    if [[ $scipy == yes ]]; then round scipy flow_json "$python" tests/bench/flow_lsoda.py; fi
    if [[ $torch == yes ]]; then
        round tokens toy_tokens "$python" tests/bench/toy_torch.py
        round statistics toy_statistics "$python" tests/bench/toy_torch.py
    fi
done
printf '%-44s %9s %9s %7s  %6s\n' "" ours theirs "" ratio
row cvode "flow, all of it / bare CVODE, one crossing" us/flow "<=" 1.5
row scipy "SciPy LSODA, one crossing / flow, all of it" us/flow ">=" 7
row tokens "PyTorch / toy, tokens" ms/step ">=" 4
row statistics "PyTorch / toy, statistics" ms/step ">=" 8
exit $missed
