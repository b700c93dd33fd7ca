"""Runs the tests of this folder and speaks TAP: python3 -m tests [NAME..], in the folder python/."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any


class Tap(unittest.TestResult):
    """A line for each test; what went wrong stands behind it as a comment."""

    def _line(self, good: bool, test: unittest.TestCase, rest: str = "") -> None:
        name = test.shortDescription() or str(test)
        print(f"{'' if good else 'not '}ok {self.testsRun} - {name.replace('#', '')}{rest}", flush=True)

    def _comment(self, error: Any, test: unittest.TestCase) -> None:
        for line in self._exc_info_to_string(error, test).splitlines():  # type: ignore[attr-defined]
            print(f"# {line}", flush=True)

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._line(True, test)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._line(True, test, f" # SKIP {reason}")

    def addFailure(self, test: unittest.TestCase, error: Any) -> None:
        super().addFailure(test, error)
        self._line(False, test)
        self._comment(error, test)

    def addError(self, test: unittest.TestCase, error: Any) -> None:
        super().addError(test, error)
        if not isinstance(test, unittest.TestCase):  # setUpClass
            self.testsRun += 1
        self._line(False, test)
        self._comment(error, test)


def main() -> int:
    folder = Path(__file__).parent
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    suite = loader.loadTestsFromNames(names) if names else loader.discover(str(folder), top_level_dir=str(folder.parent))
    result = Tap()
    suite.run(result)
    print(f"1..{result.testsRun}")
    return 0 if result.wasSuccessful() and result.testsRun else 1


sys.exit(main())
