"""A bar for what the program says of its progress: tqdm where it is there, else a line on a terminal."""

from __future__ import annotations

import re
import sys
from typing import Any

_COUNT = re.compile(r"(?P<what>.*): (?P<done>\d+) of (?P<total>\d+) runs(?:, about \d+ s left)?$")
_STEP = re.compile(r"step \d+: test loss ")


class Bar:
    """Takes the program's lines; close() it in any case. shown: None means on a terminal or in a notebook."""

    def __init__(self, shown: bool | None):
        self._shown = _is_watched() if shown is None else shown
        self._bar: Any = None
        self._plain = False

    def listen(self, line: str) -> bool:
        """True if the line was about progress."""
        count = _COUNT.match(line)
        if count is None and not _STEP.match(line):
            return False
        if self._shown:
            if count is not None:
                self._show(count["what"], int(count["done"]), int(count["total"]))
            else:
                self._write(line)
        return True

    def _show(self, what: str, done: int, total: int) -> None:
        if self._bar is None and not self._plain:
            try:
                from tqdm.auto import tqdm  # type: ignore[import-untyped,import-not-found,unused-ignore]

                self._bar = tqdm(total=total, desc=what, unit="run")
            except ImportError:
                self._plain = True
        if self._bar is None:
            self._write(f"{what}: {done} of {total} runs")
        else:
            self._bar.update(done - self._bar.n)

    def _write(self, line: str) -> None:
        self._plain = True
        if not _is_watched():  # a log is no place for a line that is rewritten
            return
        sys.stderr.write(f"\r\033[K{line}")
        sys.stderr.flush()

    def close(self, finished: bool) -> None:
        """finished: all runs are there."""
        if self._bar is not None:
            if finished:
                self._bar.update(self._bar.total - self._bar.n)
            self._bar.close()
        elif self._plain and _is_watched():
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def _is_watched() -> bool:
    """A terminal, or a notebook (whose standard error is none)."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules
