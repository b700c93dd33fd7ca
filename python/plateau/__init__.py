"""When does sparse attention emerge during training, and does theory say so? The program `plateau` from Python.

    import plateau
    plateau.flow(T=[64, 128], d=16)                  # runs as rows: a DataFrame where pandas is there
    db = plateau.sweep("study.yaml", db="study.db")  # a study, with a progress bar
    plateau.fit(db, metric="full")                   # the power law, as a dictionary
    plateau.compare(db)                              # verdicts on the paper's claims; a table in a notebook
    plateau.figure("1c", db)                         # shows itself in a notebook

    with plateau.Recorder("mine.db", model="transformer", T=256, d=64, layers=2, heads=4) as run:
        run.log(step, loss=test_loss, attention=a)   # in the training loop of your own program

Keywords are the program's keys (`plateau.keys()`) and the options of its commands; its errors are exceptions.
Only Python's standard library is needed. doc/python.md has more.
"""

from __future__ import annotations

from ._commands import compare, curves, figure, fit, flow, keys, predict, read, run, sweep, train
from ._errors import InputError, PlateauError, PlateauWarning, ProgramMissing
from ._program import find
from ._recorder import Recorder
from ._results import Figure, Verdict, Verdicts

__all__ = [
    "Figure", "InputError", "PlateauError", "PlateauWarning", "ProgramMissing", "Recorder", "Verdict", "Verdicts",
    "compare", "curves", "figure", "find", "fit", "flow", "keys", "predict", "read", "run", "sweep", "train",
]  # fmt: skip


def __getattr__(name: str) -> str:
    """`__version__`: written by who built the package, else asked of the program."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from ._version import version  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from ._program import version as ask

        return ask()
    return str(version)
