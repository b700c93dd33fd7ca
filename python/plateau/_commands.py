"""The commands as functions. A keyword is a key of the program (`plateau.keys()`) or an option of that command
(`plateau help COMMAND`); a list is a grid, None is as if it were not given. What is wrong with one says the program."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from . import _program, _results
from ._errors import InputError, PlateauError
from ._program import PathLike
from ._progress import Bar
from ._results import Figure, Row, Rows, Verdicts


def _run(name: str, files: list[PathLike], keywords: dict[str, Any], progress: bool | None = False) -> str:
    """quiet=True is the bar's: the program's remarks are wanted, as warnings."""
    quiet = keywords.pop("quiet", None)
    bar = Bar(False if quiet else progress)
    finished = False
    try:
        output = _program.call(_program.assemble(name, files, keywords), bar.listen)
        finished = True
    finally:
        bar.close(finished)
    return output


def _json(name: str, files: list[PathLike], keywords: dict[str, Any], progress: bool | None = False) -> list[Row]:
    return _program.json_lines(_run(name, files, {**keywords, "json": True}, progress))


def flow(*, frame: bool | None = None, progress: bool | None = None, **keywords: Any) -> Rows:
    """Integrates the reduced flow: `flow(T=[64, 128], d=16)`.

    A row is a run: its keys, `plateau` in units of time, `status`, `predicted`, `crossings`. Rows are dictionaries, or
    one DataFrame where pandas is there (frame=False: never). progress: a bar; None: on a terminal or in a notebook.
    PlateauError if a run failed, with the other runs in its `rows`.
    """
    return _results.rows(_json("flow", [], keywords, progress), frame)


def train(*, frame: bool | None = None, progress: bool | None = None, **keywords: Any) -> Rows:
    """Trains the toy model, or Transformers (`train(model="transformer", T=24, d=6, layers=1, heads=1)`).

    Rows as of flow(); `plateau` in steps for Transformers, in steps x lr for the toy model.
    """
    return _results.rows(_json("train", [], keywords, progress), frame)


def predict(*, frame: bool | None = None, **keywords: Any) -> Rows:
    """What theory expects of runs that are not made: of Transformers, if `model` says nothing else. measure=True takes
    a Transformer's rates from 140 training steps."""
    return _results.rows(_json("predict", [], keywords), frame)


_SWEPT = re.compile(r".*: \d+ runs, \d+ already there, \d+ made, \d+ failed; in (?P<path>.+)$")


def sweep(study: PathLike, db: PathLike | None = None, *, progress: bool | None = True, **keywords: Any) -> Path:
    """Runs a study (a file, or the name of one that comes with the program) into a results database, and returns its
    path (STUDY.db in this folder, if none is given). Finished runs are never repeated, so after Ctrl-C, which saves
    what is finished, the same call goes on."""
    quiet = keywords.pop("quiet", False)
    bar = Bar(False if quiet else progress)
    made: list[str] = []
    finished = False

    def listen(line: str) -> bool:
        swept = _SWEPT.match(line)
        if swept:
            made.append(swept["path"])
        return swept is not None or bar.listen(line)

    try:
        _program.call(_program.assemble("sweep", [study], {**keywords, "db": db}), listen)
        finished = True
    finally:
        bar.close(finished)
    if db is None and not made:  # a rank of an MPI job that is not the first
        raise PlateauError("sweep: the program did not say where the database is: give db")
    return Path(db if db is not None else made[-1])


def fit(db: PathLike, **keywords: Any) -> Row:
    """The power law of the plateau lengths: `fit(db, metric="full")`. A dictionary with `constant`, `exponents`, their
    intervals, `r2`, the number of runs and what was left out. Options: study, on, at, response, residuals."""
    return _json("fit", [db], keywords)[0]


def compare(db: PathLike, newer: PathLike | None = None, **keywords: Any) -> Verdicts:
    """The verdicts on the paper's claims (claims="MINE.yaml": on yours) by the runs of a database; with a second
    database what changed, claim by claim. strict=True: PlateauError if a verdict deviates, with the verdicts in `rows`."""
    return _results.verdicts(_json("compare", [db] if newer is None else [db, newer], keywords))


def read(db: PathLike, *, frame: bool | None = None, **keywords: Any) -> Rows:
    """The runs of a database, or of a folder that was exported; keys choose: `read(db, T=[64, 128], study="mine")`."""
    return _results.rows(_export(db, keywords), frame)


def curves(db: PathLike, *, frame: bool | None = None, **keywords: Any) -> Rows:
    """The curves of runs: dictionaries as of read(), each with `curve`, a list for each column; or one DataFrame with
    a line for each row of a curve and the id of its run in the column `run`."""
    return _results.curves(_export(db, {**keywords, "curves": True}), frame)


def _export(db: PathLike, keywords: dict[str, Any]) -> list[Row]:
    for taken in ("out", "format"):
        if taken in keywords:
            raise InputError(f"{taken}: is not for reading; plateau.run('export', db, {taken}=..) writes files")
    return _program.json_lines(_run("export", [db], {**keywords, "format": "jsonl"}))


def figure(name: str, db: PathLike | None = None, *, out: PathLike | None = None, **keywords: Any) -> Figure:
    """Draws a figure of the paper ("1c", "2-left", ..) or of any runs ("phase", "survival", "exponents", "collapse").

    It shows itself as SVG in a notebook. out: a folder for its files; else they last as long as the object. gnuplot is
    needed."""
    if name == "all" or not re.fullmatch(r"[\w-]+", name):
        raise InputError(f"figure: {name}: needs the name of one figure")
    folder = Path(tempfile.mkdtemp(prefix="plateau-") if out is None else out)
    try:
        return Figure(name, folder, _run("figure", [name], {**keywords, "db": db, "out": folder}), owned=out is None)
    except BaseException:
        if out is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def run(command: str, *files: PathLike, frame: bool | None = None, **keywords: Any) -> Any:
    """Any other command: `run("schedule", T=4096, d=256)`, `run("merge", "all.db", "a.db", "b.db")`. Rows as of flow()
    where the command speaks JSON, else what it prints."""
    if "json" in _program.command(command).options:
        return _results.rows(_json(command, list(files), keywords), frame)
    return _run(command, list(files), keywords)


def keys(name: str | None = None) -> Any:
    """Every key by name, each with type, default of each kind of run, range, choices, unit and meaning; or one of
    them. InputError if there is no such key, with the nearest right name."""
    if name is None:
        return dict(_program.all_keys())
    return _program.json_lines(_program.call(["keys", name, "--json"]))[0]
