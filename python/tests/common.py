"""Shared by the tests: each test case works in a folder of its own, which is the present one meanwhile."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import unittest
import warnings
from pathlib import Path
from typing import Any

# Small enough for a test, and long enough to have a plateau; its curve is fed to the recorder too.
SMALL: dict[str, Any] = {"model": "transformer", "T": 8, "d": 3, "layers": 1, "heads": 2, "width": 16, "head_dim": 8,
                         "mlp": 1, "batch": 16, "lr": 3e-3, "steps": 1500, "eval_size": 512, "eval_every": 5}  # fmt: skip
PACKAGE = Path(__file__).parent.parent


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.before, self.work = os.getcwd(), Path(tempfile.mkdtemp(prefix="plateau-test-"))
        os.chdir(self.work)
        warnings.simplefilter("error", ResourceWarning)

    def tearDown(self) -> None:
        os.chdir(self.before)
        shutil.rmtree(self.work, ignore_errors=True)

    def write(self, name: str, text: str) -> Path:
        path = self.work / name
        path.write_text(text, encoding="utf-8")
        return path


def script(text: str, *words: str) -> list[str]:
    """A Python program that has the package, as words to run."""
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(PACKAGE)!r})\n{text}", *words]
