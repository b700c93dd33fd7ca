#!/usr/bin/env bash
# MPI on two ranks against two processes that know nothing of each other, 40 short runs:
#     tests/bench/mpi.sh [PAIRS]      PAIRS (3) rounds; only the figures of an idle machine mean anything
# Efficiency: the time of two serial processes, each with half of the runs (--shard), over that of mpirun -np 2, both with all that it takes to
# start and to save. Shown is the median of the rounds, with the least and the greatest. Exits with 1 if it is below 0.9.
set -euo pipefail
cd "$(dirname "$0")/../.."
plateau=$PWD/build/plateau pairs=${1:-3}
[[ $pairs =~ ^[1-9][0-9]*$ ]] || { echo "mpi.sh: $pairs: the number of rounds" >&2; exit 2; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OPENBLAS_NUM_THREADS=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
cat >short.yaml <<'Y'
study: short
runs:
  - {model: toy, T: 128, d: 32, sampler: tokens, lr: 0.5, seed: "1:40:+1"}
Y
seconds() { local begin=$EPOCHREALTIME; "$@"; awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'; }
serial() {
    "$plateau" sweep short.yaml --shard 1/2 --jobs 1 --quiet & local other=$!
    "$plateau" sweep short.yaml --shard 2/2 --jobs 1 --quiet && wait $other
}
mpi() { mpirun -np 2 "$plateau" sweep short.yaml --quiet; }
for ((i = 0; i < pairs; i++)); do
    rm -f ./*.db; echo "$(seconds serial) $(seconds mpi)" >>times
done
sort -g <(awk '{ print $1 / $2 }' times) | awk '{ r[NR] = $1 } END {
    m = NR % 2 ? r[(NR + 1) / 2] : (r[NR / 2] + r[NR / 2 + 1]) / 2
    printf "MPI on two ranks / two processes: %.3f (%.3f .. %.3f), at least 0.9: %s\n", m, r[1], r[NR], (m >= 0.9 ? "met" : "MISSED"); exit m < 0.9 }'
