#!/usr/bin/env bash
# A study as an MPI job: the rows that one process makes, for any number of ranks; signals and kills lose nothing. And SIGUSR1 without MPI.
# PLATEAU_TEST_FULL=1: twenty kills.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
chmod 755 "$work"
# For a test: as root, with more ranks than cores, where a container lets no process read another's memory.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 \
    OMPI_MCA_btl_vader_single_copy_mechanism=none PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe # the last for Open MPI 5
unset OMPI_COMM_WORLD_SIZE PMI_SIZE PMIX_RANK SLURM_STEP_NUM_TASKS
tiny='layers: 1, heads: 2, width: 16, head_dim: 8, mlp: 2, batch: 8, eval_every: 10, eval_size: 32, lr: 3e-3, backend: reference'
cat >mix.yaml <<Y
study: mix
curves: yes
runs:
  - {model: flow, T: [64, 128, 256], d: [8, 16]}
  - {model: toy, T: [32, 64, 96], d: 8, B: [1, 2], seed: [1, 2], batch: 8}
  - {model: transformer, T: [4, 6], d: 2, $tiny, steps: 600, seed: [1, 2]}
Y
# Signals and kills must find these at work, on a fast machine too; a build with sanitizers is ten times as slow.
long=30000 slow=30000 kills=4 sanitized=no
if grep -q __asan_init "$plateau"; then long=3000 slow=2000 sanitized=yes; fi
cat >long.yaml <<Y
study: long
curves: yes
runs:
  - {model: transformer, T: 4, d: 2, $tiny, until: cap, steps: $long, seed: "1:4:+1"}
Y
cat >slow.yaml <<Y
study: slow
curves: yes
runs:
  - {model: toy, T: 64, d: 16, lr: 0.01, steps: $slow, schedule: p=0@1, p: 0.3, seed: [1, 2]}
Y
cat >toys.yaml <<'Y'
study: toys
curves: yes
runs:
  - {model: toy, T: [64, 96], d: [16, 24], B: [1, 2], seed: "1:40:+1"}
Y
stored() { "$plateau" export "$1" 2>/dev/null | tail -n +2 | wc -l; }
wait_for() { # seconds at most, condition...
    local tenths=$(($1 * 10)); shift
    while ((tenths-- > 0)); do "$@" && return; sleep 0.1; done
    return 1
}
job() { # ranks, arguments of sweep..: in the background; $job is mpirun
    local ranks=$1; shift
    mpirun -np "$ranks" "$plateau" sweep "$@" --quiet 2>err & job=$!
}
family() { # pid: all that descends from it, one a line
    local line pid ppid rest; local -A parent=()
    for line in /proc/[0-9]*/stat; do
        { read -r line <"$line"; } 2>/dev/null || continue
        pid=${line%% *} rest=${line##*) } ppid=${rest#* }; parent[$pid]=${ppid%% *}
    done
    for pid in "${!parent[@]}"; do
        for ((ppid = pid; ppid > 1; ppid = ${parent[$ppid]:-0})); do
            ((${parent[$ppid]:-0} != $1)) || { echo "$pid"; break; }
        done
    done
}
ranks_of() { # pid of mpirun: its ranks, the first one first
    local pid
    for pid in $(family "$1" | sort -n); do [[ $(cat "/proc/$pid/stat" 2>/dev/null) == "$pid (plateau) "[A-Z]" $1 "* ]] && echo "$pid"; done
}
all_train() { # does each of the two ranks of $job have a worker?
    local rank n=0
    for rank in $(ranks_of $job); do [[ -z $(family "$rank") ]] || n=$((n + 1)); done
    ((n == 2))
}
all_gone() { # pids..: ended, or zombies that nobody has collected
    local pid
    for pid in "$@"; do [[ ! -e /proc/$pid/stat || $(cat "/proc/$pid/stat" 2>/dev/null) =~ ^[^\)]*\)\ Z || ! -e /proc/$pid/stat ]] || return 1; done
}

# ---- without a launcher: one process, and no MPI in it
"$plateau" sweep mix.yaml --quiet --jobs 1 --db serial.db
rows serial.db --curves >serial
[[ $(wc -l <serial) == 22 ]]; ok $? "a sweep without MPI"
SLURM_NTASKS=4 SLURM_PROCID=0 OMPI_COMM_WORLD_SIZE=1 "$plateau" sweep mix.yaml --quiet --db plain.db; rows plain.db --curves | cmp -s - serial
ok $? "a batch script that starts it without srun is no launcher"
export SLURM_STEP_NUM_TASKS=2
fails 2 'srun started 2 tasks .*--mpi=pmix' sweep mix.yaml --db none.db
fails 2 'reproduce: a launcher started several processes.*without mpirun or srun' reproduce --scale smoke --out none
[[ ! -e none && ! -e none.db ]]; ok $? "and nothing is made"
"$plateau" sweep mix.yaml --shard 1/2 --quiet; ok $? "but each may have its shard"
unset SLURM_STEP_NUM_TASKS

# ---- SIGUSR1: 75, and the same command goes on
mkdir once.db.checkpoints && : >once.db.checkpoints/0123456789abcdef0123456789abcdef.safetensors.tmp.4999999 # of a process that was killed while it wrote
"$plateau" sweep long.yaml --db once.db --quiet --jobs 1; rows once.db --curves >once
[[ ! -e once.db.checkpoints ]]; ok $? "no checkpoint is left of runs that finished, nor a part of one"
for jobs in 1 2; do
    "$plateau" sweep long.yaml --db usr$jobs.db --jobs $jobs --quiet 2>err & pid=$!
    wait_for 30 test -s usr$jobs.db; sleep 0.5
    [[ $jobs == 2 ]] || ! grep -q mca_ /proc/$pid/maps; ok $? "--jobs $jobs: MPI is not initialised"
    kill -USR1 $pid; wait $pid; rc=$?; left=$(ls usr$jobs.db.checkpoints | wc -l)
    [[ $rc == 75 && $left == "$jobs" ]] && grep -q 'on request (SIGUSR1): [0-3] of 4 runs are finished$' err
    ok $? "SIGUSR1 ends a sweep with --jobs $jobs: exit $rc, $left checkpoints"
    "$plateau" sweep long.yaml --db usr$jobs.db --jobs $jobs --quiet && rows usr$jobs.db --curves | cmp -s - once &&
        [[ ! -e usr$jobs.db.checkpoints ]]
    ok $? "and the next start goes on, to the same rows"
done
"$plateau" sweep slow.yaml --db slow-once.db --quiet --jobs 2; rows slow-once.db --curves >slow-once
[[ ! -e slow-once.db.checkpoints ]]; ok $? "no checkpoint is left of toys that finished"
for jobs in 1 2; do
    "$plateau" sweep slow.yaml --db slow$jobs.db --jobs $jobs --quiet 2>err & pid=$!
    wait_for 30 test -s slow$jobs.db; sleep 0.3
    kill -USR1 $pid; wait $pid; rc=$?; left=$(ls slow$jobs.db.checkpoints | wc -l)
    [[ $rc == 75 && $left == "$jobs" ]]; ok $? "SIGUSR1 to toys with --jobs $jobs: exit $rc, $left checkpoints"
done
saved=$(ls slow1.db.checkpoints/*); cp "$saved" saved; echo nonsense >"$saved"
"$plateau" sweep slow.yaml --db slow1.db --jobs 1 --quiet 2>err; [[ $? == 0 && $(stored slow1.db) == 2 &&
    $(cat "$saved.damaged") == nonsense ]] &&
    grep -q "^plateau: $saved: not a safetensors file.*; the checkpoint is now $saved.damaged, and its run begins anew$" err
ok $? "a damaged checkpoint is set aside, and its run begins anew"
rows slow1.db --curves | cmp -s - slow-once; ok $? "to the same rows"
rm -r slow1.db*; mkdir slow1.db.checkpoints; cp saved "$saved"
for jobs in 1 2; do
    "$plateau" sweep slow.yaml --db slow$jobs.db --jobs $jobs --quiet && rows slow$jobs.db --curves |
        cmp -s - slow-once && [[ ! -e slow$jobs.db.checkpoints ]]
    ok $? "and the next start goes on, to the same rows"
done
training=(model=transformer T=4 d=2 layers=1 heads=2 width=16 head_dim=8 mlp=2 batch=8 eval_every=10 eval_size=32 lr=3e-3 backend=reference until=cap steps=$long)
"$plateau" train "${training[@]}" --trace whole.csv >out
"$plateau" train "${training[@]}" --checkpoint c.st --resume c.st --quiet >out 2>err & pid=$!
sleep 0.5; kill -USR1 $pid; wait $pid; [[ $? == 75 && -s c.st ]] && grep -q SIGUSR1 err; ok $? "SIGUSR1 ends train with 75"
"$plateau" train "${training[@]}" --checkpoint c.st --resume c.st --trace parts.csv >out; cmp -s whole.csv parts.csv
ok $? "and the same command goes on"

# ---- MPI
if ! command -v mpirun >/dev/null; then
    skip "MPI jobs" "mpirun is not there (Debian: openmpi-bin)"; finish; exit
elif OMPI_COMM_WORLD_SIZE=2 "$plateau" sweep mix.yaml --db none.db 2>&1 | grep -q 'built without MPI'; then
    ok 0 "a build without MPI says so under mpirun"; skip "MPI jobs" "this build has no MPI"; finish; exit
fi
for ranks in 1 2 4; do
    mpirun -np $ranks "$plateau" sweep mix.yaml --db mpi$ranks.db --quiet 2>err && rows mpi$ranks.db --curves | cmp -s - serial
    ok $? "$ranks ranks: the same rows and curves $(head -c 200 err)"
done
mpirun -np 2 "$plateau" sweep mix.yaml --db mpi1.db 2>err; grep -q '22 already there, 0 made' err &&
    [[ $(grep -c 'already there' err) == 1 ]]
ok $? "only the first rank speaks; nothing is made twice"
"$plateau" sweep mix.yaml --quiet --jobs 2 --db jobs.db; rows jobs.db --curves | cmp -s - serial; ok $? "--jobs 2: the same"
for i in 1 2 3; do "$plateau" sweep mix.yaml --shard $i/3 --quiet; done
"$plateau" merge merged.db mix-?of3.db --quiet && rows merged.db --curves | cmp -s - serial; ok $? "three shards merged: the same"
mpirun -np 2 "$plateau" sweep mix.yaml --shard 2/3 --db shard.db --jobs 2 --quiet && [[ $(rows shard.db) == "$(rows mix-2of3.db)" ]]
ok $? "a shard, by two ranks with two workers each"

# ---- errors: said once, and the job ends with their exit code
mpirun -np 2 "$plateau" sweep nothing.yaml --db none.db 2>err; [[ $? == 2 && $(grep -c 'plateau: .*nothing.yaml' err) == 1 ]]
ok $? "a study that is not there: exit 2, said once"
mpirun -np 2 "$plateau" sweep mix.yaml --db no/such/folder.db 2>err; [[ $? == 3 && $(grep -c 'plateau: .*no/such' err) == 1 ]]
ok $? "a database that cannot be made: exit 3"
each() { # the study of rank 0, of rank 1 (not with mpirun's `:`, at which Debian 13's Open MPI 5.0.7 crashes: open-mpi/ompi#13303)
    mpirun -np 2 bash -c 'exec "$0" sweep "${@:OMPI_COMM_WORLD_RANK+1:1}" --db two.db --quiet' "$plateau" "$@"
}
each long.yaml mix.yaml 2>err; [[ $? == 2 ]] && grep -q 'rank 1 has another study' err; ok $? "ranks with two studies: exit 2"
each mix.yaml none.yaml 2>err; [[ $? == 2 ]] && grep -q 'plateau: rank 1: none.yaml' err
ok $? "a rank that cannot read its study: exit 2, and which"

# ---- a worker dies, a signal comes to mpirun, to one rank, to one worker
job 2 long.yaml --db worker.db
wait_for 60 all_train; sleep 0.3
mapfile -t ranks < <(ranks_of $job)
kill -9 $(family "${ranks[1]}"); wait $job; rc=$?
[[ $rc == 3 && $(grep -c 'the worker process died' err) == 1 && $(stored worker.db) == 3 ]] && grep -q '1 of 4 runs failed' err
ok $? "a killed worker of rank 1 costs its own run only (exit $rc)"
two=(long.yaml seed=1,2 steps=$((3 * long))) # runs that do not end before the signal
"$plateau" sweep "${two[@]}" --db two-once.db --jobs 2 --quiet
for to in mpirun "rank 1" "a worker of rank 1"; do
    rm -rf usr.db*; job 2 "${two[@]}" --db usr.db
    wait_for 60 all_train; sleep 0.3
    mapfile -t ranks < <(ranks_of $job)
    case $to in mpirun) pid=$job ;; "rank 1") pid=${ranks[1]} ;; *) pid=$(family "${ranks[1]}") ;; esac
    kill -USR1 $pid; wait $job; rc=$?
    [[ $rc == 75 && $(ls usr.db.checkpoints | wc -l) == 2 ]]; ok $? "SIGUSR1 to $to: exit $rc, both trainings are saved"
done
mpirun -np 2 "$plateau" sweep "${two[@]}" --db usr.db --quiet && [[ $(rows usr.db --curves) == "$(rows two-once.db --curves)" ]]
ok $? "and the next start goes on, to the same rows"
rm -rf usr.db*; job 2 "${two[@]}" --db usr.db; wait_for 60 all_train; sleep 0.3
mapfile -t ranks < <(ranks_of $job); kill -TERM "${ranks[1]}"; wait $job; rc=$?
[[ $rc == 130 && $(ls usr.db.checkpoints | wc -l) == 2 ]]; ok $? "SIGTERM to one rank: exit $rc, and half a second was enough to save"
job 2 slow.yaml --db slow-mpi.db; wait_for 60 all_train; sleep 0.2
mapfile -t ranks < <(ranks_of $job); kill -USR1 "${ranks[1]}"; wait $job; rc=$?
[[ $rc == 75 && $(ls slow-mpi.db.checkpoints | wc -l) == 2 ]] &&
    mpirun -np 2 "$plateau" sweep slow.yaml --db slow-mpi.db --quiet && rows slow-mpi.db --curves | cmp -s - slow-once
ok $? "toys too are saved (exit $rc) and go on, to the same rows"

# What follows are scripts around what was tested so far, and chance; it takes long.
if [[ $sanitized == yes ]]; then finish; exit; fi

# ---- the batch scripts, with stand-ins for Slurm's programs
mkdir bin batch
printf '#!/bin/bash\nmpi=()\nwhile [[ $1 == --* ]]; do [[ $1 != --mpi=pmix ]] || mpi=(mpirun -np 2); shift; done\nexec "${mpi[@]}" "$@"\n' >bin/srun
printf '#!/bin/bash\necho "$@" >>requeued\n' >bin/scontrol
chmod 755 bin/*
batch() { (cd batch && PATH=$work/bin:$PATH PLATEAU=$plateau exec bash "$source/examples/slurm-$1.sbatch" "${@:2}"); }
export SLURM_JOB_ID=7 SLURM_ARRAY_JOB_ID=8 SLURM_ARRAY_TASK_COUNT=3
batch mpi ../long.yaml --quiet 2>err & pid=$!
wait_for 30 test -s batch/long.db; sleep 1
for child in $(family $pid); do [[ $(cat "/proc/$child/stat" 2>/dev/null) != *"("@(mpirun|prterun)")"* ]] || kill -USR1 "$child"; done
wait $pid; rc=$?; [[ $rc == 75 && $(cat batch/requeued) == "requeue 7" ]]
ok $? "slurm-mpi.sbatch: SIGUSR1 puts the job back into the queue (exit $rc)"
batch mpi ../long.yaml --quiet 2>err && [[ $(wc -l <batch/requeued) == 1 ]] && rows batch/long.db --curves | cmp -s - once
ok $? "and it goes on, to the same rows"
for i in 1 2 3; do SLURM_ARRAY_TASK_ID=$i batch array ../mix.yaml --quiet 2>err || echo "# part $i: exit $?"; done
batch merge mix 2>err && rows batch/mix.db --curves | cmp -s - serial; ok $? "slurm-array.sbatch, slurm-merge.sbatch: the same rows"
unset SLURM_JOB_ID SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_COUNT

# ---- a rank, the whole job, the disk, at random: nothing finished is lost, nothing made twice
[[ -z ${PLATEAU_TEST_FULL:-} ]] || kills=20
"$plateau" sweep toys.yaml "seed=1:$((5 * kills)):+1" --db undisturbed.db --quiet
mkdir small; mounted=no
trap 'umount small 2>/dev/null; rm -rf "$work"' EXIT
[[ $(id -u) == 0 ]] && mount -t tmpfs -o size=$((4 + kills))m tmpfs small 2>/dev/null && mounted=yes
RANDOM=$kills kept=0 changed=0 said=
for ((i = 0; i < kills; i++)); do
    job 2 toys.yaml "seed=1:$((5 * kills)):+1" --db small/killed.db
    more=$((kept + RANDOM % 4)); until (($(stored small/killed.db) > more)) ||
        ! kill -0 $job 2>/dev/null; do sleep "0.0$((RANDOM % 5))"; done
    mapfile -t ranks < <(ranks_of $job); everyone=$(family $job)
    what=$((i < 3 ? i : RANDOM % 3)); [[ $what != 2 || $mounted == yes ]] || what=1
    case $what in
    0) kill -9 "${ranks[RANDOM % 2]}"; said+=r ;;
    1) kill -9 $job $everyone; said+=j ;;
    2) cat /dev/zero >small/ballast 2>/dev/null; said+=d ;;
    esac 2>/dev/null
    wait $job 2>/dev/null; rc=$?
    wait_for 20 all_gone $everyone || { changed=$((changed + 1)); echo "# processes are left"; }
    rm -f small/ballast
    [[ $what != 2 || $rc == 3 ]] || { changed=$((changed + 1)); echo "# a full disk: exit $rc, $(head -c 300 err)"; }
    "$plateau" export small/killed.db >now.csv || { changed=$((changed + 1)); continue; }
    [[ ! -f before.csv || -z $(comm -23 <(sort before.csv) <(sort now.csv)) ]] || changed=$((changed + 1))
    mv now.csv before.csv; kept=$(stored small/killed.db)
done 2>/dev/null
all=$((40 * kills))
((kept >= kills && kept < all)); ok $? "$kills kills ($said: rank, job, disk) fell amid the work: they left $kept of $all runs"
mpirun -np 2 "$plateau" sweep toys.yaml "seed=1:$((5 * kills)):+1" --db small/killed.db 2>err
grep -q "$all runs, $kept already there, $((all - kept)) made, 0 failed" err; ok $? "the next start makes the rest: $(tail -n 1 err)"
[[ $changed == 0 && -z $(comm -23 <(sort before.csv) <("$plateau" export small/killed.db | sort)) ]]; ok $? "no run was lost or made twice"
[[ $(rows small/killed.db --curves) == "$(rows undisturbed.db --curves)" ]]; ok $? "the same rows and curves in the end"
[[ $mounted == no ]] || umount small
finish
