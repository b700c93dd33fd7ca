"""The recorder: what it keeps, however it ends."""

from __future__ import annotations

import copy
import csv
import math
import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import threading
import time
import unittest
import warnings
from pathlib import Path

import plateau

from .common import SMALL, Case, script

KEYS = {"model": "transformer", "T": 16, "d": 4, "quiet": True}
KILLS = 20

# Logs until it is killed, and notes in a file the last step whose log() has returned.
TRAINER = """
import os, sys, plateau
seed, note = sys.argv[1:]
file = os.open(note, os.O_CREAT | os.O_WRONLY)
run = plateau.Recorder("mine.db", model="transformer", T=16, d=4, seed=seed, null_loss=1, quiet=True)
os.pwrite(file, f"{run.pid:20d}".encode(), 0)
for step in range(10**9):
    run.log(step, loss=1 - 1e-9 * step, attention=0.1)
    os.pwrite(file, f"{step:20d}".encode(), 20)
"""


def is_running(pid: int) -> bool:
    """Not if it is gone, or a zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(pid: int, seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while is_running(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def falling(run: plateau.Recorder, rows: int = 40) -> None:
    """A plateau to step 292, where the loss is a fifth."""
    for i in range(rows + 1):
        run.log(10 * i, loss=1 / (1 + math.exp(i / 2 - 13.2)))


def record_one(seed: int) -> None:
    with plateau.Recorder("shared.db", **KEYS, null_loss=1, seed=seed) as run:
        falling(run, 400)


class Kept(Case):
    def test_same_length(self) -> None:
        """the curve of a Transformer trained here, logged: its plateau length to the last digit"""
        (made,) = plateau.train(**SMALL, trace="run.csv", frame=False, quiet=True)
        self.assertEqual(made["status"], "emerged")
        with plateau.Recorder("mine.db", **SMALL, quiet=True) as run, open("run.csv", newline="") as file:
            for row in csv.DictReader(file):
                step = int(row.pop("step"))
                run.log(step, **{name: float(cell) if cell else None for name, cell in row.items() if name in run.columns})
        heard = run.close()
        self.assertEqual(heard["plateau"], made["plateau"])
        self.assertEqual(heard["crossings"], made["crossings"])
        (row,) = plateau.read("mine.db", frame=False)
        self.assertEqual((row["plateau"], row["status"], row["study"]), (made["plateau"], "emerged", "recorded"))
        (curve,) = plateau.curves("mine.db", frame=False)
        self.assertEqual(len(curve["curve"]["step"]), len(Path("run.csv").read_text().splitlines()) - 1)

    def test_outcome(self) -> None:
        """close: the run as a dictionary; again: the same"""
        run = plateau.Recorder("mine.db", study="x", null_loss=1, **KEYS)
        falling(run)
        out = run.close()
        self.assertEqual((out["status"], run.close(), run.pid), ("emerged", out, None))
        self.assertAlmostEqual(out["plateau"], 264 + 20 * math.log(4), delta=1)
        self.assertEqual(plateau.read("mine.db", study="x", frame=False)[0]["plateau"], out["plateau"])
        self.assertIn("closed", repr(run))
        with self.assertRaisesRegex(plateau.PlateauError, "closed"):
            run.log(1000, loss=0.1)

    def test_numbers(self) -> None:
        """numbers of any kind, other columns in between, and what was not measured"""

        class Scalar:
            def __float__(self) -> float:
                return 0.25

        with plateau.Recorder("mine.db", null_loss=1, **KEYS) as run:
            run.log(0, loss=1)
            run.log(1.0, loss=Scalar(), attention=None)
            run.log(2, attention=1 / 3)
            run.log(3, loss=0.9, attention=0.5)
        (row,) = plateau.curves("mine.db", frame=False)
        self.assertEqual(row["curve"]["loss_test"], [1, 0.25, None, 0.9])
        self.assertEqual(row["curve"][run.short["attention"]], [None, None, 1 / 3, 0.5])

    def test_diverged(self) -> None:
        """a loss that is not a number: diverged, and later rows say nothing"""
        for loss in (math.nan, math.inf):
            with plateau.Recorder(f"{loss}.db", null_loss=1, **KEYS) as run:
                for step in range(0, 10):
                    run.log(step, loss=1)
                run.log(10, loss=loss)
                for step in range(20, 40, 10):
                    run.log(step, loss=0.01)
            out = run.close()
            self.assertEqual((out["status"], out["plateau"]), ("diverged", None))

    def test_left_by_exception(self) -> None:
        """a with block that is left by an exception: interrupted; the next recording takes its place"""
        with self.assertRaises(ZeroDivisionError):
            with plateau.Recorder("mine.db", null_loss=1, **KEYS) as run:
                falling(run)
                1 / 0
        self.assertEqual(plateau.read("mine.db", frame=False)[0]["status"], "interrupted")
        with plateau.Recorder("mine.db", null_loss=1, **KEYS) as run:
            falling(run)
        self.assertEqual([row["status"] for row in plateau.read("mine.db", frame=False)], ["emerged"])

    def test_not_closed(self) -> None:
        """a trainer that ends without close(): kept, interrupted, and said"""
        code = "import plateau; run = plateau.Recorder('mine.db', model='transformer', T=16, d=4, null_loss=1, quiet=True); run.log(0, loss=1)"
        done = subprocess.run(script(code), capture_output=True, text=True)
        self.assertRegex(done.stderr, "was not closed: its run counts as interrupted")
        self.assertEqual(plateau.read("mine.db", frame=False)[0]["status"], "interrupted")

    def test_says_defaults(self) -> None:
        """which keys have their default is said"""
        code = "import plateau; run = plateau.Recorder('mine.db', model='transformer', T=16, lr=1); run.log(0, loss=1); run.close(); print(run.by_default)"
        done = subprocess.run(script(code), capture_output=True, text=True)
        self.assertRegex(done.stderr, "recording into mine.db; null loss .*; by default d=64 ")
        self.assertIn("d=64", done.stdout)

    def test_other_unit(self) -> None:
        """a loss in another unit is a warning"""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with plateau.Recorder("mine.db", null_loss=1, **KEYS) as run:
                for step in range(0, 100, 10):
                    run.log(step, loss=2)
        self.assertIn("another unit", " ".join(str(warning.message) for warning in caught))


class Refused(Case):
    def test_beginning(self) -> None:
        """wrong keys are refused before training begins"""
        for message, keys in (
            ("^lrr: no such key; did you mean lr", {**KEYS, "lrr": 1}),
            ("no model: give model=transformer or model=toy", {"T": 16}),
            ("needs a single value for each key", {**KEYS, "d": [4, 8]}),
            ("must be a number above 0", {**KEYS, "null_loss": -1}),
            ("B must be smaller than T", {**KEYS, "B": 99}),
            ("end_mark: is the recorder's own", {**KEYS, "end_mark": False}),
        ):
            with self.assertRaisesRegex(plateau.InputError, message):
                plateau.Recorder("mine.db", **keys)
        with self.assertRaises(plateau.PlateauError):
            plateau.Recorder("no/such/folder/mine.db", **KEYS)

    def test_rows(self) -> None:
        """a wrong name, value or step is refused, and the recording goes on"""
        with plateau.Recorder("mine.db", null_loss=1, **KEYS) as run:
            run.log(0, loss=1)
            for message, step, values in (
                ("^los: no such column; this run has loss, accuracy, attention", 10, {"los": 1}),
                ("the column loss_test is given twice", 10, {"loss": 1, "loss_test": 1}),
                ("loss='1': is not a number", 10, {"loss": "1"}),
                ("loss=.*: is not a number", 10, {"loss": [1, 2]}),
                ("loss=10*: is not a number", 10, {"loss": 10**400}),
                ("step 0 does not come after 0", 0, {"loss": 1}),
                ("step nan is not a number from 0 to 1e.09", math.nan, {"loss": 1}),
                ("step 2e.09|step 2000000000 is not a number", 2e9, {"loss": 1}),
                ("step -1 is not a number from 0 to 1e.09", -1, {"loss": 1}),
            ):
                with self.assertRaisesRegex(plateau.InputError, message):
                    run.log(step, **values)
            run.log(10, loss=0.9)
        self.assertEqual(plateau.curves("mine.db", frame=False)[0]["curve"]["step"], [0, 10])

    def test_program_ends(self) -> None:
        """what the program refuses comes at the next log() or close(), with its message"""
        run = plateau.Recorder("mine.db", model="transformer", task="recall", pairs=4, null_loss=1, quiet=True)
        run.log(0, loss=1, accuracy=0)
        run.log(10, accuracy=1)
        with self.assertRaisesRegex(plateau.PlateauError, "log both.*1 rows before are kept as an interrupted run"):
            for step in range(20, 1000):
                run.log(step, loss=1, accuracy=0)
                time.sleep(0.01)
        with self.assertRaisesRegex(plateau.PlateauError, "log both"):
            run.log(10**8, loss=1)
        with self.assertRaisesRegex(plateau.PlateauError, "log both"):
            run.close()
        self.assertEqual(plateau.read("mine.db", frame=False)[0]["status"], "interrupted")

    def test_names(self) -> None:
        """a study or a null loss that cannot be is refused before anything is logged"""
        with self.assertRaisesRegex(plateau.InputError, "study: the name must be"):
            plateau.Recorder("mine.db", study="a/b", null_loss=1, **KEYS)
        with self.assertRaisesRegex(plateau.InputError, "null_loss='x': is not a number"):
            plateau.Recorder("mine.db", null_loss="x", **KEYS)  # type: ignore[arg-type]
        self.assertFalse((self.work / "mine.db").exists())

    def test_nothing_logged(self) -> None:
        """a run without rows"""
        with self.assertRaisesRegex(plateau.PlateauError, "no rows: nothing is recorded"):
            plateau.Recorder("mine.db", **KEYS).close()

    def test_finished_run(self) -> None:
        """a finished run with the same keys is not replaced, and the new one is not lost"""
        with plateau.Recorder("mine.db", null_loss=1, **KEYS) as run:
            falling(run)
        run = plateau.Recorder("mine.db", null_loss=1, **KEYS)
        with self.assertRaisesRegex(plateau.PlateauError, "a finished run with these keys is there already.*mine.db.unsaved"):
            falling(run)
            run.close()
        self.assertEqual(len(plateau.read("mine.db.unsaved", frame=False)), 1)

    def test_full_disk(self) -> None:
        """a disk that is full"""
        code = (
            "import plateau, resource, time\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (150000, 150000))\n"
            "run = plateau.Recorder('mine.db', model='transformer', T=16, d=4, null_loss=1, quiet=True)\n"
            "for step in range(100000):\n    run.log(step, loss=1.0)\n"
            "run.close()"
        )
        done = subprocess.run(script(code), capture_output=True, text=True, timeout=120)
        self.assertRegex(done.stderr, r"PlateauError: .*(full|disk|mine\.db)")

    def test_killed_program(self) -> None:
        """a program that was killed"""
        run = plateau.Recorder("mine.db", null_loss=1, **KEYS)
        run.log(0, loss=1)
        os.kill(run.pid or 0, signal.SIGKILL)
        with self.assertRaisesRegex(plateau.PlateauError, "SIGKILL"):
            for step in range(1, 1000):
                run.log(step, loss=1)
                time.sleep(0.01)

    def test_pickle(self) -> None:
        """it cannot be pickled or copied"""
        with plateau.Recorder("mine.db", null_loss=1, **KEYS) as run:
            run.log(0, loss=1)
            with self.assertRaisesRegex(TypeError, "belongs to one process"):
                pickle.dumps(run)
            with self.assertRaisesRegex(TypeError, "belongs to one process"):
                copy.deepcopy(run)


class Life(Case):
    def test_kill(self) -> None:
        """kill -9 of the trainer at random moments: no row is lost, the run counts as interrupted"""
        dice = random.Random(1)
        for seed in range(KILLS):
            note = self.work / f"note{seed}"
            trainer = subprocess.Popen(script(TRAINER, str(seed), str(note)))
            while not note.exists() or note.stat().st_size < 40:
                time.sleep(0.005)
                self.assertIsNone(trainer.poll())
            time.sleep(dice.uniform(0, 0.3))
            trainer.send_signal(signal.SIGKILL)
            trainer.wait()
            program, logged = (int(text) for text in (note.read_bytes()[:20], note.read_bytes()[20:]))
            self.assertTrue(wait_for(program), "the program ends with its input")
            (run,) = plateau.curves("mine.db", seed=seed, frame=False)
            self.assertEqual(run["status"], "interrupted")
            self.assertGreaterEqual(run["curve"]["step"][-1], logged)
            self.assertEqual(run["curve"]["step"], list(range(len(run["curve"]["step"]))))
        self.assertEqual(len(plateau.read("mine.db", frame=False)), KILLS)

    def test_signals_of_the_group(self) -> None:
        """Ctrl-C and SIGTERM to the trainer's group do not reach the program before it has saved"""
        for number in (signal.SIGINT, signal.SIGTERM):
            note = self.work / f"note{number}"
            trainer = subprocess.Popen(script(TRAINER, str(int(number)), str(note)), start_new_session=True, stderr=subprocess.DEVNULL)
            while not note.exists() or note.stat().st_size < 40:
                time.sleep(0.005)
            os.killpg(trainer.pid, number)
            trainer.wait()
            program, logged = (int(text) for text in (note.read_bytes()[:20], note.read_bytes()[20:]))
            self.assertTrue(wait_for(program))
            (run,) = plateau.curves("mine.db", seed=int(number), frame=False)
            self.assertGreaterEqual(run["curve"]["step"][-1], logged)
            self.assertEqual(run["status"], "interrupted")

    def test_processes(self) -> None:
        """eight processes on one file"""
        processes = [multiprocessing.Process(target=record_one, args=(seed,)) for seed in range(8)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
            self.assertEqual(process.exitcode, 0)
        rows = plateau.read("shared.db", frame=False)
        self.assertEqual([row["status"] for row in rows], ["emerged"] * 8)
        self.assertEqual(len({row["plateau"] for row in rows}), 1)
        self.assertEqual(len(plateau.curves("shared.db", frame=False)[0]["curve"]["step"]), 401)

    def test_threads(self) -> None:
        """log() from several threads writes whole lines"""
        with plateau.Recorder("mine.db", null_loss=1, **KEYS) as run:
            lock, steps = threading.Lock(), iter(range(10**6))

            def work() -> None:
                for _ in range(200):
                    with lock:
                        run.log(next(steps), loss=1)

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(len(plateau.curves("mine.db", frame=False)[0]["curve"]["step"]), 800)

    def test_fork(self) -> None:
        """after a fork: the child is refused, and does not keep the program waiting"""
        run = plateau.Recorder("mine.db", null_loss=1, **KEYS)
        run.log(0, loss=1)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                run.log(1, loss=1)
            except plateau.PlateauError as error:
                os.write(writer, str(error).encode())
            os.close(writer)
            time.sleep(30)  # longer than the parent waits
            os._exit(0)
        os.close(writer)
        said = b"".join(iter(lambda: os.read(reader, 1000), b""))
        os.close(reader)
        begun = time.monotonic()
        out = run.close(finished=False)
        took = time.monotonic() - begun
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.assertRegex(said.decode(), "belongs to process .*: make one in the process that logs")
        self.assertEqual(out["status"], "interrupted")
        self.assertLess(took, 15)


if __name__ == "__main__":
    unittest.main()
