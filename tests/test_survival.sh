#!/usr/bin/env bash
# What must not be lost: runs under kill -9, Ctrl-C, a full disk; files that are read-only, damaged or somebody else's.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
chmod 755 "$work"
claims=$source/validation/claims.yaml

# A build with sanitizers is ten times as slow, and gets less to do.
kills=20 seeds=40 together='2 4' slow_steps=1000 sizes='T: [64, 96], d: [16, 24]' # 8 runs a seed: more than that many rounds can make, however slow the polls
if grep -q __asan_init "$plateau"; then kills=3 seeds=10 together=2 slow_steps=300 sizes='T: [32, 48], d: [8, 16]'; fi
cat >toys.yaml <<Y
study: toys
curves: yes
runs:
  - {model: toy, $sizes, B: [1, 2], seed: "1:10:+1"}
Y
stored() { "$plateau" export "$1" 2>/dev/null | tail -n +2 | wc -l; }
wait_for() { # seconds at most, condition...
    local tenths=$(($1 * 10)); shift
    while ((tenths-- > 0)); do "$@" && return; sleep 0.1; done
    return 1
}

# ---- kill -9: twenty times amid the work, each once one or two more runs are saved; whatever a kill left is still the same at the end, and
# nothing is made twice.
runs=$((8 * seeds))
"$plateau" sweep toys.yaml --db quiet.db --quiet
many=(toys.yaml "seed=1:$seeds:+1")
"$plateau" sweep "${many[@]}" --db undisturbed.db --quiet
kept=0 changed=0
for ((i = 0; i < kills; i++)); do
    "$plateau" sweep "${many[@]}" --db killed.db --quiet --jobs 2 & pid=$!
    until (($(stored killed.db) > kept + i % 2)) || ! kill -0 $pid 2>/dev/null; do sleep "0.0$((i % 3))"; done
    kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null
    [[ -s killed.db ]] || continue
    "$plateau" export killed.db >now.csv 2>err || { [[ ! -s before.csv ]] && grep -q 'the file is empty' err &&
        continue; } || changed=$((changed + 1))
    [[ ! -f before.csv || -z $(comm -23 <(sort before.csv) <(sort now.csv)) ]] || changed=$((changed + 1))
    mv now.csv before.csv; kept=$(stored killed.db)
done
"$plateau" sweep "${many[@]}" --db killed.db 2>err
grep -qE "toys: $runs runs, $kept already there, $((runs - kept)) made, 0 failed" err
ok $? "after $kills times kill -9 the next start makes the rest ($((runs - kept)) of $runs)"
((kept >= kills + kills / 2 && kept < runs)); ok $? "the kills fell amid the work: they left $kept runs"
[[ $changed == 0 && -z $(comm -23 <(sort before.csv) <("$plateau" export killed.db | sort)) ]]; ok $? "no run was lost or made twice"
[[ $(rows undisturbed.db | wc -l) == "$runs" && $(rows undisturbed.db) == "$(rows killed.db)" ]]
ok $? "kill -9 during a sweep: the same runs in the end"
[[ $("$plateau" export undisturbed.db --curves | cut -d, -f2- | sort |
    cksum) == "$("$plateau" export killed.db --curves | cut -d, -f2- | sort | cksum)" ]]
ok $? "and the same curves"

# ---- several sweeps of one database at once, one of them killed, amid a reader that holds locks: every run is made once, but those of the
# killed one, and nothing is lost
hold_lock=$(dirname "$plateau")/hold_lock
made() { sed -nE 's/.* already there, ([0-9]+) made.*/\1/p' "$@" | awk '{ n += $1 } END { print n + 0 }'; }
together() { # sweeps, database, yes to kill the first amid its work
    local pids=() i
    for ((i = 0; i < $1; i++)); do "$plateau" sweep toys.yaml --db $2 --jobs 1 2>together$i & pids+=($!); done
    wait_for 20 eval '(($(stored '$2') > 0))'
    [[ $3 == no ]] || { kill -9 ${pids[0]}; wait ${pids[0]} 2>/dev/null; }
    "$hold_lock" $2 2 >/dev/null; sleep 0.1; "$hold_lock" $2 1 >/dev/null
    for ((i = 0; i < $1; i++)); do [[ $3 == yes && $i == 0 ]] || wait ${pids[i]} || return; done
}
for sweeps in $together; do
    together $sweeps together$sweeps.db no; rc=$?
    [[ $rc == 0 && $(made together?) == 80 && $(rows together$sweeps.db) == "$(rows quiet.db)" && ! -e together$sweeps.db.leases ]]
    ok $? "$sweeps sweeps at once make every run once, while a reader holds locks: $(made together?) of 80"
    grep -q "^plateau: together$sweeps.db: another process holds a lock on it: results wait in memory" together?
    ok $? "and say that results wait"
    rm -f together?
    together $sweeps killed$sweeps.db yes; rc=$?
    [[ $rc == 0 && $(rows killed$sweeps.db) == "$(rows quiet.db)" && ! -e killed$sweeps.db.leases ]] && (($(made together?) <= 80))
    ok $? "one of $sweeps killed: the others make its runs, $(made together?) and what it had saved"
    rm -f together?
done
"$hold_lock" undisturbed.db 15 >held & wait_for 5 test -s held
"$plateau" sweep toys.yaml seed=900 --db undisturbed.db 2>err; [[ $? == 0 ]] &&
    grep -q 'undisturbed.db: waits for another process' err && grep -q '8 made' err
ok $? "a lock of 15 s delays the start of a sweep, and no more: $(head -c 300 err)"
wait
cat >slow.yaml <<Y
study: slow
runs:
  - {model: toy, T: 256, d: 64, lr: 0.002, steps: $slow_steps, eval_every: $slow_steps, seed: "1:6:+1"}
Y
"$plateau" sweep slow.yaml seed=1 --db stuck.db --quiet; cp stuck.db over.db; cp stuck.db moved.db; cp stuck.db older.db
"$plateau" sweep slow.yaml --db stuck.db --quiet --jobs 2 2>err & pid=$!
wait_for 60 eval '(($(stored stuck.db) > 1))'; "$hold_lock" stuck.db 100 >/dev/null & holder=$!
wait_for 60 grep -q 'results wait in memory' err; kill $pid; wait $pid; rc=$?; kill $holder; wait $holder 2>/dev/null
[[ $rc == 3 ]] && grep -q 'results are in stuck.db.unsaved; when the file is free, .plateau merge stuck.db stuck.db.unsaved. adds them' err
ok $? "a lock that does not end: a signal puts what is finished into a database of its own"
before=$(stored stuck.db); extra=$(stored stuck.db.unsaved); "$plateau" merge stuck.db stuck.db.unsaved --quiet &&
    ((extra > 0 && $(stored stuck.db) == before + extra))
ok $? "and merge adds it"

# ---- another file at the place of the database while it is in use
"$plateau" sweep slow.yaml --db over.db --quiet --jobs 2 2>err & pid=$!
wait_for 60 eval '(($(stored over.db) > 2))'; cp older.db over.db; wait $pid; rc=$?
[[ $rc == 3 ]] && grep -qE 'over.db: [0-9]+ of the [0-9]+ runs that were saved are no longer there' err
ok $? "a database that is copied over while it is in use: $(head -c 100 err)"
"$plateau" sweep slow.yaml --db over.db --quiet && (($(stored over.db) == 6)); ok $? "the same command makes what is lost"
"$plateau" sweep slow.yaml --db moved.db --quiet --jobs 2 2>err & pid=$!
wait_for 60 eval '(($(stored moved.db) > 2))'; mv older.db moved.db; wait $pid; rc=$?
[[ $rc == 3 ]] && grep -q 'moved.db: .* it was moved, deleted or replaced while it was in use' err
ok $? "one that is replaced: $(head -c 200 err)"

# ---- a worker dies: its run is named, the others are saved
cat >long.yaml <<'Y'
study: long
runs:
  - {model: toy, T: 64, d: 16, seed: "1:4:+1"}
  - {model: toy, T: 256, d: 128, lr: 0.0001, steps: 100000000, seed: [1, 2]}
Y
"$plateau" sweep long.yaml --db worker.db --quiet --jobs 3 2>err & pid=$!
wait_for 20 eval '(($(stored worker.db) == 4))'
if workers=$(cat /proc/$pid/task/$pid/children 2>/dev/null); then
    kill -9 $workers; wait $pid; rc=$?
    [[ $rc == 3 && $(grep -c 'd=128 .*the worker process died of signal 9 (SIGKILL)' err) == 2 ]] &&
        grep -q '2 of 6 runs failed; the others are saved' err && (($(stored worker.db) == 4))
    ok $? "a killed worker costs its own run only"
    "$plateau" train T=256 d=128 lr=0.0001 steps=100000000 seed=1,2 --jobs 2 --quiet >out 2>err & pid=$!
    wait_for 20 eval '(($(wc -w </proc/$pid/task/$pid/children) == 2))'; sleep 0.2; kill -9 $(cat /proc/$pid/task/$pid/children); wait $pid; rc=$?
    [[ $rc == 3 && $(grep -c '^plateau: T=256 .*: run failed: the worker process died of signal 9 (SIGKILL)' err) == 2 ]]
    ok $? "also in a grid of train: each run is named"
else
    kill -INT $pid; wait $pid; skip "a killed worker costs its own run only" "this kernel does not list child processes"
fi

# ---- Ctrl-C and SIGTERM: 130, everything finished is saved, the next start goes on
hears=(env --default-signal=HUP) # also where this test is run under nohup
"${hears[@]}" true 2>/dev/null || hears=()
for signal in INT TERM HUP; do
    "${hears[@]}" "$plateau" sweep long.yaml --db $signal.db --jobs 3 2>err & pid=$!
    wait_for 20 eval '(($(stored $signal.db) == 4))'
    kill -$signal $pid; [[ $signal != HUP ]] || kill -HUP $pid # by the shell and by the kernel
    wait $pid; [[ $? == 130 ]] && grep -qE 'interrupted: [0-9]+ of 6 runs are finished' err && (($(stored $signal.db) == 4))
    ok $? "SIG$signal ends a sweep with 130 and keeps the finished runs"
done
printf 'study: long\nruns:\n  - {model: toy, T: 64, d: 16, seed: "1:5:+1"}\n' >more.yaml
[[ $(ls HUP.db.checkpoints | wc -l) == 2 ]]; ok $? "SIGHUP: what trains is saved"
(trap '' HUP; exec "$plateau" sweep toys.yaml --db nohup.db --quiet) & pid=$!
wait_for 20 eval '(($(stored nohup.db) > 0))'; kill -HUP $pid; wait $pid; [[ $? == 0 && $(stored nohup.db) == 80 ]]
ok $? "but under nohup it is ignored"
if command -v cc >/dev/null && ! grep -q __asan_init "$plateau"; then # as UCX does, which Open MPI 5 brings
    printf '#include <signal.h>\nstatic void f(int n) { (void)n; }\n__attribute__((constructor)) static void g(void) { signal(SIGHUP, f); }\n' | cc -shared -fPIC -o takes.so -xc -
    (trap '' HUP; LD_PRELOAD=./takes.so exec "$plateau" sweep toys.yaml --db taken.db --quiet) & pid=$!
    wait_for 20 eval '(($(stored taken.db) > 0))'; kill -HUP $pid; wait $pid; [[ $? == 0 && $(stored taken.db) == 80 ]]
    ok $? "also where a library takes it before the program begins"
fi
"$plateau" sweep more.yaml --db INT.db 2>&1 | grep -q '4 already there, 1 made'; ok $? "and are not made again"
"$plateau" train T=256 d=128 steps=1000000 lr=0.0001 --quiet >out 2>err & pid=$!
sleep 0.5; kill -INT $pid; wait $pid; [[ $? == 130 ]] && grep -q interrupted err; ok $? "SIGINT ends train with 130"

# ---- little memory: what multiplies nothing runs in what the program itself needs, without a thread of OpenBLAS; the rest says what it lacks
least=0
if ! grep -q __asan_init "$plateau"; then
    for ((kb = 40000; kb <= 400000 && least == 0; kb += 5000)); do (ulimit -v $kb; OPENBLAS_NUM_THREADS=1 timeout 3 "$plateau" cite) >out 2>&1 && least=$kb; done
fi
little() { # kilobytes more than the least, exit code, arguments...
    local kb=$((least + $1)) want=$2 rc; shift 2
    (ulimit -v $kb; timeout -k 1 60 env -u OPENBLAS_NUM_THREADS "$plateau" "$@") >out 2>err; rc=$?
    [[ $rc == "$want" ]] && { [[ $rc == 0 ]] || grep -q '^plateau: .*\(out of\|no\) memory' err; }
    ok $? "$kb kB: $* -> exit $rc, $(head -c 150 err)"
}
if ((least)); then
    for more in 5000 50000; do
        little $more 0 keys T
        little $more 0 flow T=64 d=16
        little $more 0 export quiet.db
    done
    little 50000 3 fit quiet.db --on T,d
    for more in 20000 60000 100000 150000; do little $more 3 train model=transformer T=32 d=8 threads=2 steps=3 --quiet; done
else
    skip "little memory" "a build with sanitizers needs terabytes"
fi

# ---- a full disk, by the limit on the size of files
(ulimit -f 200; "$plateau" sweep toys.yaml --db full.db --quiet) 2>err; rc=$?
[[ $rc == 3 ]] && grep -qE 'plateau: full.db: .*run the same command again' err; ok $? "a full disk stops a sweep: $(head -c 150 err)"
before=$(stored full.db); ((before > 0 && before < 80)); ok $? "what was finished before is there ($before runs)"
"$plateau" sweep toys.yaml --db full.db 2>err && grep -q "80 runs, $before already there" err && [[ $(rows full.db) == "$(rows quiet.db)" ]]
ok $? "with space again the same command goes on"
(ulimit -f 1; "$plateau" flow T=512 d=64 --trace full.csv) >out 2>err; [[ $? == 3 && ! -e full.csv &&
    -z $(find . -name 'full.csv*') ]] && grep -q 'full.csv: cannot write' err
ok $? "a trace on a full disk: an error, and no half of a file"
echo old >full.csv; (ulimit -f 1; "$plateau" flow T=512 d=64 --trace full.csv) >out 2>err; [[ $(cat full.csv) == old ]]
ok $? "and an older file stays"
(ulimit -f 8; "$plateau" export quiet.db --curves >big.csv) 2>err; [[ $? == 3 ]] && grep -q 'cannot write the export' err
ok $? "an export on a full disk is an error"

# ---- a full disk and a read-only mount, really
mkdir small
if [[ $(id -u) == 0 ]] && mount -t tmpfs -o size=256k tmpfs small 2>/dev/null; then
    "$plateau" sweep toys.yaml --db small/full.db --quiet 2>err; [[ $? == 3 ]] &&
        grep -q 'small/full.db: .*run the same command again' err && (($(stored small/full.db) > 0))
    ok $? "a sweep fills a small file system"
    mount -o remount,ro small
    "$plateau" sweep toys.yaml --db small/full.db --quiet 2>err; [[ $? == 3 ]] && grep -q 'small/full.db' err
    ok $? "a read-only mount is refused for writing"
    "$plateau" fit small/full.db >/dev/null 2>err; ok $? "and can be read: $(cat err)"
    "$plateau" flow T=64 --trace small/t.csv >out 2>err; [[ $? == 3 ]] && grep -q 'small/t.csv: cannot write: Read-only' err
    ok $? "no trace on a read-only mount"
    umount small
else
    for name in "a sweep fills a small file system" "a read-only mount is refused for writing" "and can be read" "no trace on a read-only mount"; do
        skip "$name" "mounting a file system needs root"
    done
fi

# ---- a folder without rights, as a user without rights
mkdir locked; cp quiet.db locked/b.db; chmod 555 locked; chmod 444 locked/b.db
nobody "$plateau" export locked/b.db >out 2>err; rc=$?
if [[ $rc == 77 ]]; then
    skip "a folder without rights" "another user cannot run $plateau here"
else
    [[ $rc == 0 && $(wc -l <out) == 81 ]]; ok $? "a read-only database can be read"
    nobody "$plateau" sweep toys.yaml --db locked/b.db 2>err; [[ $? == 3 ]] && grep -q 'locked/b.db: .*written' err
    ok $? "a read-only database is not written"
    nobody "$plateau" sweep toys.yaml --db locked/new.db 2>err; [[ $? == 3 ]] && grep -q 'locked/new.db' err
    ok $? "no new database in a locked folder"
    nobody "$plateau" flow T=64 --trace locked/t.csv >out 2>err; [[ $? == 3 ]] &&
        grep -q 'locked/t.csv: cannot write: Permission denied' err
    ok $? "no trace in a locked folder"
fi
chmod 755 locked

# ---- files that are not what they should be: refused by every command, and left alone
head -c 20000 quiet.db >cut.db
cp quiet.db other.db; printf '\0\0\0\143' | dd of=other.db bs=1 seek=60 conv=notrunc status=none # user_version, in SQLite's header
cp quiet.db torn.db; head -c 3000 /dev/zero | tr '\0' 'x' | dd of=torn.db bs=1 seek=$(($(wc -c <quiet.db) - 9000)) conv=notrunc status=none
echo 'T,d,plateau' >text.db; mkdir folder.db
cksum *.db >sums 2>/dev/null
refuse() { # exit code, pattern, database
    local want=$1 pattern=$2 db=$3
    for command in "export $db" "fit $db" "compare $db --claims $claims" "sweep toys.yaml --db $db" "import $source/tests/fuzz/corpus/import/toy --db $db"; do
        "$plateau" $command >out 2>err; [[ $? == "$want" && ! -s out ]] && grep -qE "^plateau: .*$db: .*$pattern" err
        ok $? "$command: exit $want, $pattern"
    done
}
refuse 3 'damaged|malformed' cut.db
refuse 3 'schema version 99' other.db
refuse 2 'not a results database' text.db
refuse 2 'a folder without results|not a regular file' folder.db
"$plateau" sweep toys.yaml --db torn.db >out 2>err; [[ $? == 3 ]] && grep -q 'torn.db: the file is damaged' err
ok $? "a page overwritten: damaged"
cksum *.db 2>/dev/null | cmp -s - sums; ok $? "and left alone"
fails 2 'No such file' export none.db
ln -s killed.db link.db; "$plateau" sweep toys.yaml --db link.db 2>&1 | grep -q '80 already there' && [[ -L link.db ]]
ok $? "a link to a database is followed"
env -u HOME -u USER -u TMPDIR "$plateau" sweep more.yaml --db homeless.db --quiet; ok $? "no HOME is needed"

# ---- standard output: full, closed, or nobody reading
for command in "flow T=64" "flow T=64 --json" "train T=16 d=4 --json" keys "keys T" help "help flow" man cite --version --help --cite "export quiet.db" \
    "export quiet.db --format jsonl" "export quiet.db --curves" "fit quiet.db" "fit quiet.db --json" "compare quiet.db --claims $claims" "compare quiet.db --claims $claims --json"; do
    "$plateau" $command >/dev/full 2>err; [[ $? == 3 ]] && grep -qE 'No space left' err; ok $? "$command on a full disk"
    "$plateau" $command >&- 2>err; [[ $? == 3 ]] && grep -qE 'Bad file descriptor' err; ok $? "$command with standard output closed"
done
{ "$plateau" export quiet.db --curves; echo $? >rc; } 2>err | head -n 1 >/dev/null; [[ $(cat rc) == 3 && ! -s err ]]
ok $? "a reader that leaves: no complaint"
"$plateau" sweep more.yaml --db closed.db >&- 2>&- <&-; [[ $? == 0 && $(stored closed.db) == 5 ]]
ok $? "a sweep with every standard file closed"
cksum quiet.db | cmp -s - <(grep 'quiet.db' sums); ok $? "reading changed nothing"
finish
