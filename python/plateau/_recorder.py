"""The recorder: a training loop of one's own tells its evaluations to `plateau record`, which keeps them.

The program runs beside the trainer, away from its terminal and process group, and reads rows from a pipe. A row is in
that pipe when log() returns, so it outlives the trainer, however that ends. A run is finished when close() has written
the mark of its end; where the input ends without it, the trainer was killed, and the run counts as interrupted.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import subprocess
import sys
import threading
import weakref
from types import TracebackType
from typing import Any, NoReturn, SupportsFloat

from . import _program
from ._errors import InputError, PlateauError
from ._program import PREFIX, PathLike

_PIPE_BYTES = 1 << 20  # some 20,000 rows: a slow disk does not hold up the trainer
_live: weakref.WeakSet[Recorder] = weakref.WeakSet()


class Recorder:
    """Records one training run into a results database: `Recorder("mine.db", model="transformer", T=256, d=64, ..)`.

    study: the study that the run joins ("recorded"). null_loss: the loss of knowing nothing, in the unit of the rows
    (that of the run which the program would make with these keys, for regression about 1/2). quiet: do not say on
    standard error which keys have their default. All other keywords are keys of the run, one value each
    (`plateau.keys()`).

    Any number of processes may record into one file, each a run of its own. In a `with` block the run is finished at
    the end, and interrupted if the block is left by an exception. A Recorder belongs to the process that made it.

    columns: the names that log() takes besides the step; short: those that stand for another; by_default: the keys
    that nothing gave. PlateauError and InputError carry the program's message.
    """

    def __init__(
        self,
        db: PathLike,
        *,
        study: str | None = None,
        null_loss: SupportsFloat | None = None,
        quiet: bool = False,
        **keys: Any,
    ):
        self._child: subprocess.Popen[bytes] | None = None
        self._result: dict[str, Any] | None = None
        self._failure: PlateauError | None = None
        self._names: tuple[str, ...] | None = None
        self._step = math.nextafter(0, -1)  # the last one: the first may be 0
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._db = os.fsdecode(db)
        null = None if null_loss is None else self._number("null_loss", null_loss)
        options = {"study": study, "null_loss": null, "end_mark": True, "json": True}
        for name in keys:
            if name in options:
                raise InputError(f"{name}: is the recorder's own")
        words = _program.assemble("record", [db], {**options, **keys})
        self._last: float = _program.all_keys()["steps"]["high"]
        self._start(words)
        begun = self._first_line()
        self.null_loss: float = begun["null_loss"]
        self.short: dict[str, str] = begun["short"]
        self.columns: list[str] = begun["columns"][1:]  # the first is the step
        self.by_default: str = begun["by_default"]
        self._known = {*self.columns, *self.short}
        if not quiet:
            by_default = f"; by default {self.by_default}" if self.by_default else ""
            print(f"plateau: recording into {self._db}; null loss {self.null_loss:g}{by_default}", file=sys.stderr)
        _live.add(self)

    def _start(self, words: list[str]) -> None:
        """Away from the process group: Ctrl-C and the end of the trainer's terminal do not reach the program."""
        child = _program.start([_program.find(), *words], stdin=subprocess.PIPE, bufsize=0, start_new_session=True)
        assert child.stdin is not None
        self._child, self._pipe = child, child.stdin.fileno()
        if sys.platform == "linux":
            import fcntl

            try:
                fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            except OSError:  # over the user's limit: the usual 64 KiB do
                pass

    def _first_line(self) -> dict[str, Any]:
        """What the program assumes; it is silent if it refuses."""
        assert self._child is not None and self._child.stdout is not None
        line = bytearray()
        while not line.endswith(b"\n"):  # no more than this line: the rest is read at the end
            byte = self._child.stdout.read(1)
            if not byte:
                self._end()
                raise self._failed()
            line += byte
        begun: dict[str, Any] = json.loads(line)
        return begun

    @property
    def pid(self) -> int | None:
        """The process of the program that keeps the rows; None once it has ended."""
        return None if self._child is None else self._child.pid

    def log(self, step: SupportsFloat, **values: SupportsFloat | None) -> None:
        """Records one evaluation: `log(step, loss=.., attention=..)`, with any numbers that float() takes.

        step: after how many training steps it was taken, rising from call to call. loss is the test loss, in the unit
        of null_loss; recall also needs accuracy. None was not measured; a loss of nan or inf is a run that diverged,
        and later rows say nothing of it. The row is safe when this returns.

        InputError: a name, a value or a step is wrong; the recording goes on. PlateauError: the program has ended (a
        full disk, say), and its message says why. Raised at the next call after it happened.
        """
        at = self._number("step", step)
        cells = [f"{at:.17g}"]
        for name, value in values.items():
            cells.append("" if value is None else repr(self._number(name, value)))
        with self._lock:
            if self._child is None or self._pid != os.getpid():
                self._refuse()
            names = tuple(values)
            head = "" if names == self._names else self._header(names)
            if not self._step < at <= self._last:
                after = f"does not come after {self._step:.17g}"
                raise InputError(f"step {at:.17g} {after if 0 <= at <= self._step else f'is not a number from 0 to {self._last:g}'}")
            self._step = at  # before: if Ctrl-C comes in between, the row may be there
            self._write(f"{head}{','.join(cells)}\n".encode())
            self._names = names  # behind: a header that comes twice is no harm

    @staticmethod
    def _number(name: str, value: SupportsFloat) -> float:
        if not isinstance(value, (str, bytes)):
            try:
                return float(value)
            except (TypeError, ValueError, OverflowError, RuntimeError):
                pass
        raise InputError(f"{name}={value!r}: is not a number")

    def _header(self, names: tuple[str, ...]) -> str:
        """The line that names the columns. A wrong name is refused here, since it would end the recording there."""
        for name in names:
            if name not in self._known:
                raise InputError(
                    f"{name}: no such column; this run has {', '.join([*self.short, *(c for c in self.columns if c not in self.short)])}"
                )
        standing = [self.short.get(name, name) for name in names]
        for name, column in zip(names, standing):
            if standing.count(column) > 1:
                raise InputError(f"{name}: the column {column} is given twice; leave one out")
        return ",".join(("step", *names)) + "\n"

    def _write(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(self._pipe, line) :]
        except OSError:  # the program has ended
            self._end()
            raise self._failed() from None

    def _refuse(self) -> NoReturn:
        if self._pid != os.getpid():
            raise PlateauError(f"this Recorder belongs to process {self._pid}: make one in the process that logs, each a run of its own")
        if self._failure is not None:
            raise self._failure
        raise PlateauError("this Recorder is closed: a run that is finished takes no more rows")

    def close(self, *, finished: bool = True) -> dict[str, Any]:
        """Ends the run, and returns it: `plateau` (the length by the program's own rule; None: not emerged), `status`,
        `bracket`, `predicted`, .. as `plateau.train()` does. A second call returns the same.

        finished=False: the run counts as interrupted, and the next recording with the same keys takes its place.
        PlateauError: it could not be saved, or another finished run with these keys is there; the message says where
        the rows are now.
        """
        with self._lock:
            if self._pid != os.getpid():
                self._refuse()
            if self._result is not None:
                return self._result
            if self._child is None:
                self._refuse()
            if finished:
                try:
                    os.write(self._pipe, b"end\n")
                except OSError:
                    pass  # it has ended: its message is read below
            self._end()
            if self._failure is not None:
                raise self._failure
            assert self._result is not None
            return self._result

    def _end(self) -> None:
        """Closes the pipe, waits until the program has saved, and takes what it says: into _result or _failure."""
        child, self._child = self._child, None
        assert child is not None
        _live.discard(self)
        output, errors = child.communicate()  # closes the pipe
        said = errors.decode("utf-8", "replace").splitlines()
        lines = output.decode("utf-8", "replace").splitlines()
        if child.returncode == 0 and lines:
            self._result = json.loads(lines[-1])
            _program.warn(said)
        else:
            failure = _program.error_of(child.returncode, said, None)
            begun = hasattr(self, "null_loss")  # then it is no question of input any more: the recording is over
            self._failure = PlateauError(str(failure), failure.exit_code, None, failure.notes) if begun else failure

    def _failed(self) -> PlateauError:
        return self._failure or PlateauError("the program ended before the run did")

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        elif self._child is not None:  # what went wrong in the block is what the user has to see
            try:
                self.close(finished=False)
            except PlateauError as second:
                _program.warn([PREFIX + str(second)])

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Recorder cannot be pickled or copied: it belongs to one process; make one in each process that logs")

    def __repr__(self) -> str:
        state = "recording" if self._child is not None else "closed"
        return f"<plateau.Recorder {self._db}, {state}>"

    def __del__(self) -> None:
        if getattr(self, "_child", None) is not None and self._pid == os.getpid():
            self._abandon()

    def _abandon(self) -> None:
        """Nobody closed it: the run is kept, as interrupted, and that is said."""
        print(f"{PREFIX}{self!r} was not closed: its run counts as interrupted", file=sys.stderr)
        try:
            self.close(finished=False)
        except PlateauError as error:
            print(f"{PREFIX}{error}", file=sys.stderr)

    def _forget_in_child(self) -> None:
        """After a fork: this copy of the pipe would keep the program waiting when the trainer is gone."""
        child, self._child = self._child, None
        if child is not None:
            for pipe in (child.stdin, child.stdout, child.stderr):
                if pipe is not None:
                    pipe.close()
            child.returncode = 0  # not a process of this one: nothing to wait for
        self._lock = threading.Lock()  # another thread may have held it


def _after_fork() -> None:
    for recorder in list(_live):
        recorder._forget_in_child()
    _live.clear()


def _at_exit() -> None:
    for recorder in list(_live):
        recorder._abandon()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
