"""The commands as functions: every one of them, their errors, and what they give back with and without pandas."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import types
import unittest
import warnings
from pathlib import Path
from unittest import mock

import plateau

from .common import PACKAGE, SMALL, Case, script

STUDY = "study: s\ncurves: yes\nruns:\n  - {model: flow, T: [64, 128, 256], d: [8, 16, 32]}\n"


class FakeFrame:
    """As much of a DataFrame as the package uses."""

    def __init__(self, data: object = None, columns: object = None):
        self.data, self.columns = data, columns

    @classmethod
    def from_records(cls, records: list[dict[str, object]]) -> FakeFrame:
        return cls(records, sorted({name for record in records for name in record}))


def fake_pandas() -> mock._patch_dict:
    module = types.ModuleType("pandas")
    module.DataFrame = FakeFrame  # type: ignore[attr-defined]
    module.concat = lambda parts, ignore_index: FakeFrame([part.data for part in parts])  # type: ignore[attr-defined]
    return mock.patch.dict(sys.modules, {"pandas": module})


def no_pandas() -> mock._patch_dict:
    return mock.patch.dict(sys.modules, {"pandas": None})


class Runs(Case):
    def test_flow(self) -> None:
        """flow: a list is a grid, rows are dictionaries"""
        rows = plateau.flow(T=[64, 128], d=16, frame=False)
        self.assertEqual([(row["T"], row["d"], row["status"]) for row in rows], [(64, 16, "emerged"), (128, 16, "emerged")])
        self.assertAlmostEqual(rows[0]["plateau"] / rows[0]["predicted"]["quadrature"], 1, delta=0.1)

    def test_values(self) -> None:
        """values: ranges, floats to the last digit, booleans, None, an option with an underscore"""
        rows = plateau.flow(T="64:128:*2", d=range(8, 10), p=0.1 + 0.2, B=None, jobs=1, frame=False)
        self.assertEqual([(row["T"], row["d"], row["p"]) for row in rows], [(T, d, 0.1 + 0.2) for T in (64, 128) for d in (8, 9)])
        (row,) = plateau.train(**{**SMALL, "steps": 0, "skip": False, "frame": False})
        self.assertEqual((row["skip"], row["status"]), ("no", "censored"))

    def test_numbers_of_libraries(self) -> None:
        """values: what has tolist() or float()"""

        class Array:
            def tolist(self) -> list[int]:
                return [8, 16]

        class Scalar:
            def __float__(self) -> float:
                return 64.0

        self.assertEqual([row["d"] for row in plateau.flow(T=Scalar(), d=Array(), frame=False)], [8, 16])
        with self.assertRaisesRegex(plateau.InputError, "a value is a number"):
            plateau.flow(T=object())
        with self.assertRaisesRegex(plateau.InputError, "a value is a number"):
            plateau.flow(T={"a": 1})
        with self.assertRaisesRegex(plateau.InputError, "b'64': a value is a number"):
            plateau.flow(T=b"64")
        for text in ("64\0", "\ud800"):
            with self.assertRaisesRegex(plateau.InputError, "no text that a program can be given"):
                plateau.flow(T=text)

    def test_train(self) -> None:
        """train: the toy model and a Transformer, with a trace"""
        (toy,) = plateau.train(T=16, d=4, steps=20, frame=False)
        self.assertEqual((toy["model"], toy["steps_done"]), ("toy", 20))
        (run,) = plateau.train(**{**SMALL, "steps": 20}, trace=self.work / "run.csv", frame=False, quiet=True)
        self.assertEqual(run["model"], "transformer")
        self.assertTrue((self.work / "run.csv").read_text().startswith("step,loss_train,loss_test"))

    def test_predict(self) -> None:
        """predict: Transformers and flows"""
        (row,) = plateau.predict(T=64, d=16, layers=1, heads=1, frame=False)
        self.assertGreater(row["predicted"]["reduced"], 0)
        (row,) = plateau.predict(model="flow", T=64, d=16, frame=False)
        self.assertGreater(row["predicted"]["quadrature"], 0)

    def test_other_commands(self) -> None:
        """run: commands with and without JSON"""
        (row,) = plateau.run("schedule", T=64, d=16, frame=False)
        self.assertIn("T", row)
        self.assertIn("NeurIPS", plateau.run("cite"))

    def test_keys(self) -> None:
        """keys: the table of the program"""
        table = plateau.keys()
        self.assertGreater(len(table), 40)
        self.assertEqual(table["T"]["default"]["flow"], 512)
        self.assertNotIn("recall", table["T"]["default"])
        self.assertEqual(plateau.keys("metric")["choices"], ["full", "paper", "tied"])
        with self.assertRaisesRegex(plateau.InputError, "^threshhold: no such key; did you mean threshold"):
            plateau.keys("threshhold")


class Databases(Case):
    def setUp(self) -> None:
        super().setUp()
        study = self.write("study.yaml", STUDY)
        self.db = plateau.sweep(study, db="s.db", progress=False)

    def test_sweep(self) -> None:
        """sweep: says where, with and without db; keys override; goes on"""
        self.assertEqual(self.db, Path("s.db"))
        self.assertEqual(plateau.sweep("study.yaml", progress=False, T=64), Path("s.db"))
        self.assertEqual(len(plateau.read("s.db", frame=False)), 9)
        with self.assertRaisesRegex(plateau.InputError, "none.yaml"):
            plateau.sweep("none.yaml", progress=False)

    def test_fit(self) -> None:
        """fit: a dictionary with the exponents; keys and options"""
        law = plateau.fit(self.db, metric="full")
        self.assertAlmostEqual(law["exponents"]["T"]["value"], 1, delta=0.1)
        self.assertEqual(list(plateau.fit(self.db, on=["T"], d=16)["exponents"]), ["T"])
        self.assertNotEqual(plateau.fit(self.db, at=0.5)["constant"], law["constant"])
        with self.assertRaisesRegex(plateau.InputError, "a fraction between 0 and 1"):
            plateau.fit(self.db, at=2)

    def test_compare(self) -> None:
        """compare: verdicts, which show themselves as HTML"""
        verdicts = plateau.compare(self.db)
        self.assertTrue(all(verdict["verdict"] in ("reproduced", "deviates", "inconclusive") for verdict in verdicts))
        page = verdicts._repr_html_()
        self.assertEqual(page.count("<tr>"), len(verdicts) + 1)
        self.assertIn(verdicts[0]["id"], verdicts[0]._repr_html_())
        self.assertIn(verdicts[0]["verdict"], str(verdicts))
        odd = plateau.Verdict(id="<x>", verdict="deviates", statement="a & b", estimate=1.0, low=0.5, high=None)
        self.assertIn("&lt;x&gt;", odd._repr_html_())
        self.assertIn("a &amp; b", odd._repr_html_())

    def test_compare_two(self) -> None:
        """compare: what changed between two databases"""
        plateau.sweep("study.yaml", db="t.db", progress=False, T=64)
        verdicts = plateau.compare("t.db", self.db)
        self.assertIn("change", verdicts[0])
        self.assertIn("<table>", verdicts._repr_html_())
        self.assertTrue(str(verdicts))

    def test_strict(self) -> None:
        """compare(strict=True): the verdicts are in the error"""
        claims = self.write("mine.yaml", "- id: x\n  statement: wrong\n  quantity: exponent\n  of: T\n  on: T,d\n  published: 5\n  tolerance: 0.1\n  where: metric=full\n")
        verdicts = plateau.compare(self.db, claims=claims)
        self.assertEqual(verdicts[0]["verdict"], "deviates")
        with self.assertRaises(plateau.PlateauError) as caught:
            plateau.compare(self.db, claims=claims, strict=True)
        self.assertEqual((caught.exception.exit_code, caught.exception.rows[0]["id"]), (1, "x"))

    def test_read(self) -> None:
        """read: all runs, some runs, an exported folder"""
        self.assertEqual(len(plateau.read(self.db, frame=False)), 9)
        self.assertEqual([row["d"] for row in plateau.read(self.db, T=64, d=[8, 16], study="s", frame=False)], [8, 16])
        plateau.run("export", self.db, out="folder")
        self.assertEqual(len(plateau.read("folder", frame=False)), 9)
        with self.assertRaisesRegex(plateau.InputError, "is not for reading"):
            plateau.read(self.db, format="csv")

    def test_curves(self) -> None:
        """curves: each run with a list for each column"""
        (run,) = plateau.curves(self.db, T=64, d=8, frame=False)
        curve = run["curve"]
        self.assertEqual(len(curve["time"]), len(curve["attention"]))
        self.assertGreater(curve["attention"][-1], curve["attention"][0])

    def test_figure(self) -> None:
        """figure: SVG for a notebook, its numbers, its files"""
        if subprocess.run(["sh", "-c", "command -v gnuplot"], capture_output=True).returncode:
            self.skipTest("gnuplot is not installed")
        self.write("fig1c.yaml", STUDY.replace("study: s", "study: fig1c"))
        plateau.sweep("fig1c.yaml", db=self.db, progress=False)
        drawn = plateau.figure("1c", self.db)
        self.assertTrue(drawn._repr_svg_().startswith("<svg"))
        self.assertIn("T", drawn.data[0])
        self.assertIn("fig1c.pdf", [path.name for path in drawn.save("kept")])
        folder = drawn.folder
        del drawn
        self.assertFalse(folder.exists())
        self.assertTrue(plateau.figure("exponents", self.db, out="here", metric="full").folder.samefile("here"))
        with self.assertRaisesRegex(plateau.InputError, "one figure"):
            plateau.figure("all", self.db)
        with self.assertRaisesRegex(plateau.InputError, "99: no such figure"):
            plateau.figure("99", self.db)

    def test_frames(self) -> None:
        """with pandas: one DataFrame, its columns named as in the export"""
        head = plateau.run("export", self.db).split("\n", 1)[0].split(",")
        with fake_pandas():
            frame = plateau.read(self.db)
            self.assertIsInstance(frame, FakeFrame)
            self.assertEqual(set(frame.columns) - set(head), set())
            self.assertIn("crossing_0.5", frame.columns)
            self.assertIn("quadrature", frame.columns)
            self.assertIsInstance(plateau.flow(T=64, d=16), FakeFrame)
            self.assertEqual(len(plateau.curves(self.db).data), 9)
            self.assertEqual(plateau.curves(self.db, T=1000).columns, ["run"])
            self.assertIsInstance(plateau.fit(self.db), dict)

    def test_real_pandas(self) -> None:
        """with the real pandas"""
        try:
            import pandas
        except ImportError:
            self.skipTest("pandas is not installed")
        frame = plateau.read(self.db)
        self.assertEqual(len(frame), 9)
        self.assertIsInstance(frame, pandas.DataFrame)
        self.assertEqual(frame.groupby("T")["plateau"].mean().is_monotonic_increasing, True)
        self.assertEqual(list(pandas.DataFrame(plateau.compare(self.db))["verdict"]), [v["verdict"] for v in plateau.compare(self.db)])
        lines = plateau.curves(self.db)
        self.assertEqual(set(lines["run"]), set(frame["id"]))

    def test_no_pandas(self) -> None:
        """without pandas: dictionaries, unless a frame is asked for"""
        with no_pandas():
            self.assertIsInstance(plateau.read(self.db), list)
            self.assertIsInstance(plateau.curves(self.db), list)
            with self.assertRaises(ImportError):
                plateau.read(self.db, frame=True)


class Refused(Case):
    def test_wrong_keys(self) -> None:
        """wrong keys and values: the program's own message"""
        for message, call in (
            ("^lrr: no such key; did you mean lr", lambda: plateau.train(lrr=1)),
            ("B must be smaller than T", lambda: plateau.flow(T=3, B=4)),
            ("T must be", lambda: plateau.flow(T="many")),
            ("takes no key=value", lambda: plateau.compare("x.db", T=3)),
            ("no such command; did you mean flow", lambda: plateau.run("flo")),
        ):
            with self.assertRaisesRegex(plateau.InputError, message) as caught:
                call()
            self.assertEqual(caught.exception.exit_code, 2)
        with self.assertRaisesRegex(plateau.InputError, "measure='no': is True or False"):
            plateau.predict(measure="no")

    def test_failed_run(self) -> None:
        """a grid of which a run fails: the others are in the error"""
        fake = self.write(
            "fake",
            f'#!/bin/sh\ncase $1 in help|keys) exec {os.environ["PLATEAU"]} "$@" ;; esac\n'
            """echo '{"T": 64}'; echo 'plateau: T=128: run failed: why' >&2; echo 'plateau: 1 of 2 runs failed' >&2; exit 3\n""",
        )
        fake.chmod(0o755)
        with mock.patch.dict(os.environ, {"PLATEAU": str(fake)}), self.assertRaisesRegex(plateau.PlateauError, "^1 of 2 runs failed$") as caught:
            plateau.flow(T=[64, 128])
        error = caught.exception
        self.assertEqual((error.exit_code, error.rows, error.notes), (3, [{"T": 64}], ["T=128: run failed: why"]))

    def test_missing_program(self) -> None:
        """no program: the message says the three places"""
        with mock.patch.dict(os.environ, {"PATH": "/nowhere"}):
            os.environ.pop("PLATEAU", None)
            with self.assertRaisesRegex(plateau.ProgramMissing, "PLATEAU is not set.*bin/plateau is not there.*PATH has no plateau"):
                plateau.flow(T=64)
            os.environ["PLATEAU"] = "/nowhere/plateau"
            with self.assertRaisesRegex(FileNotFoundError, "PLATEAU names /nowhere/plateau, which is no program"):
                plateau.Recorder("x.db", model="toy")

    def test_on_path(self) -> None:
        """the program on PATH"""
        (self.work / "plateau").symlink_to(os.environ["PLATEAU"])
        with mock.patch.dict(os.environ, {"PATH": f"{self.work}:{os.environ['PATH']}"}):
            del os.environ["PLATEAU"]
            self.assertEqual(plateau.find(), str(self.work / "plateau"))
            self.assertEqual(len(plateau.flow(T=64, d=16, frame=False)), 1)

    def test_not_a_program(self) -> None:
        """a program that is none, one that dies, and one that says nothing"""
        for text, message in (("not a program", "does not start"), ("#!/bin/sh\nkill -9 $$\n", "SIGKILL"), ("#!/bin/sh\nexit 4\n", "exit code 4")):
            path = self.write("false", text)
            path.chmod(0o755)
            with mock.patch.dict(os.environ, {"PLATEAU": str(path)}), self.assertRaisesRegex(plateau.PlateauError, message):
                plateau.flow(T=64)

    def test_broken_database(self) -> None:
        """a file that is no database, and one that is not there"""
        self.write("broken.db", "this is not a database\n" * 100)
        for call in (plateau.read, plateau.fit, plateau.compare):
            with self.assertRaisesRegex(plateau.PlateauError, "broken.db"):
                call("broken.db")
            with self.assertRaisesRegex(plateau.PlateauError, "absent.db"):
                call("absent.db")

    def test_odd_paths(self) -> None:
        """paths that look like an option or like key=value"""
        self.write("s.yaml", STUDY)
        for name in ("T=1.db", "--x.db"):
            plateau.sweep("s.yaml", db=name, progress=False, T=64, d=8)
            self.assertEqual(len(plateau.read(name, frame=False)), 1)
            self.assertTrue((self.work / name).exists())

    def test_remarks(self) -> None:
        """what the program remarks is a warning, at the caller's line"""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            plateau.train(T=16, d=4, eval_every=1000, steps=1000, lr=1, frame=False)
        said = [warning for warning in caught if issubclass(warning.category, plateau.PlateauWarning)]
        self.assertIn("evaluated too seldom", str(said[0].message))
        self.assertEqual(said[0].filename, __file__)


class Life(Case):
    @staticmethod
    def finished(db: str) -> int:
        try:
            return len(plateau.read(db, frame=False))
        except plateau.PlateauError:  # it is not there yet
            return 0

    def test_interrupt(self) -> None:
        """Ctrl-C: the program stops cleanly, and what is finished is saved"""
        self.write("long.yaml", "study: long\nruns:\n  - {model: transformer, T: 16, d: 4, layers: 1, heads: 1, steps: 100000, until: cap}\n  - {model: flow, T: [64, 128], d: 8}\n")
        for group in (False, True):  # from Python alone, and as a terminal does it
            child = subprocess.Popen(script(f"import plateau; plateau.sweep('long.yaml', db='long{group}.db', progress=True, jobs=2)"), stderr=subprocess.PIPE, text=True, start_new_session=True)
            until = time.monotonic() + 120
            while self.finished(f"long{group}.db") < 2 and time.monotonic() < until:
                time.sleep(0.2)
            os.killpg(child.pid, signal.SIGINT) if group else child.send_signal(signal.SIGINT)
            _, said = child.communicate(timeout=60)
            self.assertRegex(said, "KeyboardInterrupt: interrupted")
            rows = plateau.read(f"long{group}.db", frame=False)
            self.assertFalse([row for row in rows if row["status"] == "interrupted"])
            self.assertEqual([row["T"] for row in rows if row["model"] == "flow"], [64, 128])

    def test_progress(self) -> None:
        """progress: with tqdm, without it, and not at all"""
        self.write("s.yaml", "study: s\nruns:\n  - {model: toy, T: 64, d: 16, batch: 64, seed: '1:8:+1'}\n")
        steps: list[int] = []

        class Tqdm:
            def __init__(self, total: int, **_: object):
                self.total, self.n = total, 0

            def update(self, more: int) -> None:
                self.n += more
                steps.append(self.n)

            def close(self) -> None:
                steps.append(-1)

        module, auto = types.ModuleType("tqdm"), types.ModuleType("tqdm.auto")
        auto.tqdm = Tqdm  # type: ignore[attr-defined]
        with mock.patch.dict(os.environ, {"PLATEAU_PROGRESS": "0"}):
            with mock.patch.dict(sys.modules, {"tqdm": module, "tqdm.auto": auto}):
                plateau.sweep("s.yaml", db="a.db", jobs=1)
            self.assertEqual(steps[-2:], [8, -1])
            self.assertIn(3, steps)
            for i, (quiet, terminal, pattern) in enumerate(((False, True, "s: 3 of 8 runs"), (True, True, "^$"), (False, False, "^$"))):
                said = io.StringIO()
                said.isatty = lambda there=terminal: there  # type: ignore[method-assign,misc]
                with mock.patch.dict(sys.modules, {"tqdm": None, "tqdm.auto": None}), mock.patch("sys.stderr", said):
                    plateau.sweep("s.yaml", db=f"{i}.db", jobs=1, quiet=quiet)
                self.assertRegex(said.getvalue(), pattern)

    def test_version(self) -> None:
        """__version__ is the program's"""
        self.assertIn(f'"plateau {plateau.__version__}"', plateau.run("man"))
        with self.assertRaises(AttributeError):
            plateau.nothing  # noqa: B018

    def test_documentation(self) -> None:
        """the examples of doc/python.md run"""
        page = PACKAGE.parent / "doc" / "python.md"
        blocks = page.read_text(encoding="utf-8").split("```python\n")[1:]
        self.assertGreaterEqual(len(blocks), 5)
        code = "\n".join(block.split("```", 1)[0] for block in blocks)
        done = subprocess.run(script(code), capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
