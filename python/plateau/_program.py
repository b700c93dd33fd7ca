"""Finds the program, and runs one command of it.

Which words are keys, which are options and what both mean is asked of the program (`plateau help --json`,
`plateau keys --json`), so nothing of that is written here once more.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any, Union

from ._errors import InputError, PlateauError, PlateauWarning, ProgramMissing

PathLike = Union[str, "os.PathLike[str]"]
PREFIX = "plateau: "  # of its messages on standard error
_SAYS_OFTEN = "0.2"  # seconds between two lines of progress


def find() -> str:
    """The path of the program: $PLATEAU, else beside this package, else on PATH. ProgramMissing if it is in none."""
    named = os.environ.get("PLATEAU")
    beside = Path(__file__).parent / "bin" / "plateau"
    if named:
        found = shutil.which(named)
    else:
        found = str(beside) if os.access(beside, os.X_OK) else shutil.which("plateau")
    if found:
        return found
    what = f"the environment variable PLATEAU names {named}" if named else "the environment variable PLATEAU is not set"
    rest = f"{beside} is not there, and PATH has no plateau"
    if named:
        rest = f"which is no program; unset, {beside} and then PATH would be looked at"
    raise ProgramMissing(f"plateau was not found: {what}, {rest}; build it (./bootstrap) and set PLATEAU to it, or install it")


@dataclass
class Command:
    """A command of the program as its own table has it: its options, each with True where it takes an argument."""

    name: str
    summary: str
    options: dict[str, bool]
    settings: list[str] = field(default_factory=list)


@lru_cache(maxsize=8)
def _commands(program: str, changed: int) -> dict[str, Command]:
    """changed: when the file was, so that a new build is asked anew."""
    table = {}
    for entry in json_lines(_ask(program, ["help", "--json"])):
        options = {option["name"]: option["argument"] is not None for option in entry["options"]}
        settings = [setting["name"] for setting in entry["settings"]]
        table[entry["command"]] = Command(entry["command"], entry["summary"], options, settings)
    return table


@lru_cache(maxsize=8)
def _keys(program: str, changed: int) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json_lines(_ask(program, ["keys", "--json"]))}


def start(words: list[str], **options: Any) -> subprocess.Popen[Any]:
    """A child process that runs these words, its output in pipes. PlateauError if the system does not start it."""
    try:
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    except ValueError as error:  # a NUL, or half of a character
        raise InputError(f"{words[1:]!r}: is no text that a program can be given: {error}") from error
    except OSError as error:
        raise PlateauError(f"{words[0]}: does not start: {error.strerror}") from error


def _ask(program: str, words: list[str]) -> str:
    """Standard output of what takes milliseconds."""
    child = start([program, *words], stdin=subprocess.DEVNULL, text=True, encoding="utf-8", errors="replace")
    output, errors = child.communicate()
    if child.returncode:
        raise error_of(child.returncode, errors.splitlines(), None)
    return str(output)


def _at(program: str) -> tuple[str, int]:
    return program, os.stat(program).st_mtime_ns


def command(name: str) -> Command:
    """What the program says of one of its commands. InputError if it has no such command."""
    program = find()
    table = _commands(*_at(program))
    if name not in table:
        _ask(program, ["help", name])  # its own message, with the nearest right name
        raise InputError(f"{name}: no such command", 2)
    return table[name]


def all_keys() -> dict[str, dict[str, Any]]:
    """The table of keys by name: type, default of each kind of run, range, choices, unit, meaning. Do not change it."""
    return _keys(*_at(find()))


def version() -> str:
    """The program's version, such as "0.2.0"."""
    return _ask(find(), ["--version"]).split()[-1]


def value_text(value: Any) -> str:
    """A value as the program reads it: yes and no for booleans, all digits of a float, lists with commas (a grid)."""
    if isinstance(value, str):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)  # type: ignore[no-any-return]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, (Mapping, bytes, bytearray, memoryview)):  # bytes would be a list of numbers
        raise InputError(f"{value!r}: a value is a number, a text, or a list of these")
    if hasattr(value, "tolist"):  # of NumPy, pandas, PyTorch, JAX
        return value_text(value.tolist())
    if isinstance(value, Iterable):
        return ",".join(value_text(one) for one in value)
    try:
        return value_text(float(value))
    except (TypeError, ValueError):
        raise InputError(f"{value!r}: a value is a number, a text, or a list of these") from None


def path_word(path: PathLike) -> str:
    """A path as a word that is taken neither for an option nor for key=value."""
    text = os.fsdecode(path)
    return "./" + text if re.match(r"-|\w+=", text) else text


def assemble(name: str, files: Iterable[PathLike], keywords: Mapping[str, Any]) -> list[str]:
    """The words of a command. Keywords that are options of it become --options, all others key=value; None is left out."""
    options = command(name).options
    words = [name, *(path_word(file) for file in files)]
    for keyword, value in keywords.items():
        option = keyword.replace("_", "-")
        if value is None:
            continue
        if option not in options:
            words.append(f"{keyword}={value_text(value)}")
        elif options[option]:
            words.append(f"--{option}={value_text(value)}")
        elif value is True:
            words.append(f"--{option}")
        elif value is not False:
            raise InputError(f"{keyword}={value!r}: is True or False")
    return words


def json_lines(text: str) -> list[dict[str, Any]]:
    """One dictionary a line."""
    return [json.loads(line) for line in text.split("\n") if line]


def error_of(exit_code: int, lines: list[str], rows: Any) -> PlateauError:
    """The exception for what the program said on standard error when it ended with that code."""
    said = [line[len(PREFIX) :] for line in lines if line.startswith(PREFIX)]
    if exit_code < 0:
        message = f"the program was ended by {signal.Signals(-exit_code).name}"
        message += "".join(f"; {line}" for line in lines[-1:])
    else:
        message = said.pop() if said else f"the program ended with exit code {exit_code}: {' '.join(lines[-3:])}".rstrip(": ")
    kind = InputError if exit_code == 2 else PlateauError
    return kind(message, exit_code, rows, said)


def warn(lines: Iterable[str]) -> None:
    """The program's remarks as warnings, at the line of the user's that called this package."""
    for line in lines:
        if line.startswith(PREFIX):
            level = 2
            frame: FrameType | None = sys._getframe(1)
            while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "plateau":
                level, frame = level + 1, frame.f_back
            warnings.warn(line[len(PREFIX) :], PlateauWarning, stacklevel=level)


def _stop(child: subprocess.Popen[str]) -> None:
    """Lets the program save and end, and waits. A terminal's Ctrl-C has reached it already, and a second SIGINT would
    end it where it stands; SIGHUP it takes as often as it comes, unless nohup has made it ignored."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    child.send_signal(signal.SIGTERM if ignored else signal.SIGHUP)
    try:
        child.wait()
    except KeyboardInterrupt:  # a second one: now
        child.kill()
        child.wait()


def call(words: list[str], listen: Callable[[str], bool] | None = None) -> str:
    """Runs the program with these words, and returns its standard output.

    listen: gets each line of standard error while the program runs, and returns True for those that need nothing more.
    Remarks become PlateauWarning, a failure PlateauError with what was printed as JSON in `rows`. KeyboardInterrupt
    stops the program, which saves what is finished, and goes on from here."""
    environment = {"PLATEAU_PROGRESS": _SAYS_OFTEN, **os.environ}
    child: subprocess.Popen[str] = start(
        [find(), *words], stdin=subprocess.DEVNULL, text=True, encoding="utf-8", errors="replace", env=environment
    )
    assert child.stdout is not None and child.stderr is not None
    lines: list[str] = []

    def read_errors() -> None:
        assert child.stderr is not None
        for line in child.stderr:
            line = line.rstrip("\n")
            if not (listen and listen(line)):
                lines.append(line)

    reader = threading.Thread(target=read_errors, daemon=True)
    reader.start()
    try:
        output = child.stdout.read()
        code = child.wait()
    except BaseException as reason:
        _stop(child)
        reader.join()
        if isinstance(reason, KeyboardInterrupt):  # what the program says of it: how much is saved
            raise KeyboardInterrupt(str(error_of(child.returncode, lines, None))) from None
        raise
    finally:
        reader.join()
        child.stdout.close()
        child.stderr.close()
    if code:
        raise error_of(code, lines, _rows_of(output))
    warn(lines)
    return output


def _rows_of(output: str) -> Any:
    try:
        return json_lines(output)
    except ValueError:  # no JSON: words
        return output.splitlines()
