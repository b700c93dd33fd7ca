"""What can go wrong: the program's own messages as exceptions, its remarks as warnings."""

from __future__ import annotations

from typing import Any


class PlateauError(Exception):
    """The program refused or failed. `str(error)` is its message, which names the thing, the rule and the remedy.

    exit_code: that of the program (2 bad input, 3 a failure at run time, 1 a verdict deviates with strict=True,
    75 stopped on request); negative: the signal that ended it; None: there was no program to ask.
    rows: what it had printed until then. A grid of which some runs failed has the others here.
    notes: the remarks that came before the message, one a line.
    """

    def __init__(self, message: str, exit_code: int | None = None, rows: Any = None, notes: list[str] | None = None):
        super().__init__(message)
        self.exit_code = exit_code
        self.rows = rows if rows is not None else []
        self.notes = notes or []


class InputError(PlateauError, ValueError):
    """Bad input: keys, options, files (exit code 2)."""


class ProgramMissing(PlateauError, FileNotFoundError):
    """There is no program `plateau`. The message says where it was looked for."""

    def __str__(self) -> str:
        return str(self.args[0])  # OSError has a form of its own


class PlateauWarning(UserWarning):
    """A remark of the program on what it did: runs that were evaluated too seldom, damaged rows, a loss in another unit."""
