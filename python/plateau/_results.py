"""What commands give back: rows as dictionaries or as one DataFrame, verdicts, figures."""

from __future__ import annotations

import csv
import html
import importlib
import shutil
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
# A list of Row, or a pandas.DataFrame where pandas is there and frame=False was not asked for.
Rows = Any


def _pandas(frame: bool | None) -> Any:
    """The module, or None. frame=True: ImportError where it is missing; None: as it is; False: None."""
    if frame is False:
        return None
    try:
        return importlib.import_module("pandas")
    except ImportError:
        if frame:
            raise
        return None


def _flat(row: Row) -> Row:
    """One value a column, named as in `plateau export --format csv`."""
    flat: Row = {}
    for name, value in row.items():
        if name == "crossings":
            flat.update({f"crossing_{level}": at for level, at in (value or {}).items()})
        elif name == "solver":
            flat.update({f"solver_{what}": count for what, count in (value or {}).items()})
        elif name == "bracket":
            flat.update(zip(("plateau_low", "plateau_high"), value or (None, None)))
        elif isinstance(value, dict):  # predictions have names of their own
            flat.update(value)
        elif name != "curve":
            flat[name] = value
    return flat


def rows(found: list[Row], frame: bool | None) -> Rows:
    """The rows as they are, or one DataFrame with a column for each value."""
    pandas = _pandas(frame)
    return found if pandas is None else pandas.DataFrame.from_records([_flat(row) for row in found])


def curves(found: list[Row], frame: bool | None) -> Rows:
    """The runs, each with its `curve` as a dictionary of lists; or one DataFrame, a line for each row of a curve, with
    the id of its run in the column `run`."""
    pandas = _pandas(frame)
    if pandas is None:
        return found
    parts = [pandas.DataFrame({"run": row["id"], **row["curve"]}) for row in found if row.get("curve")]
    return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame(columns=["run"])


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


_COLORS = {"reproduced": "#2a7d3f", "deviates": "#b3261e", "inconclusive": "#7a6a00"}


class Verdict(dict[str, Any]):
    """What the runs say of one claim: id, statement, verdict, published, tolerance, estimate, low, high, runs, ..; of
    two databases change, before and after, the last two with verdict, estimate, low, high and runs."""

    @property
    def _now(self) -> dict[str, Any]:
        return self.get("after") or self

    @property
    def _words(self) -> str:
        before = self.get("before")
        now = str(self._now["verdict"])
        return now if before is None or before["verdict"] == now else f"{before['verdict']} -> {now}"

    @property
    def _interval(self) -> str:
        return " .. ".join(_number(self._now[end]) for end in ("low", "high") if self._now.get(end) is not None)

    def __str__(self) -> str:
        interval = f" ({self._interval})" if self._interval else ""
        return f"{self['id']} {self._words}: {_number(self._now.get('estimate'))}{interval}: {self['statement']}"

    def _cells(self) -> str:
        color = _COLORS.get(str(self._now["verdict"]), "inherit")
        cells = [self["statement"], _number(self.get("published")), _number(self._now.get("estimate")), self._interval,
                 _number(self._now.get("runs"))]  # fmt: skip
        return (
            f'<td>{html.escape(str(self["id"]))}</td><td style="color:{color}">{html.escape(self._words)}</td>'
            + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)
        )

    def _repr_html_(self) -> str:
        return Verdicts([self])._repr_html_()


class Verdicts(list[Verdict]):
    """The verdicts on all claims that the runs can tell of; a table in a notebook."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("claim", "verdict", "statement", "published", "here", "interval", "runs"))
        body = "".join(f"<tr>{verdict._cells()}</tr>" for verdict in self)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Figure:
    """A figure as files in `folder`: figNAME.svg, .pdf, .png, .csv (its numbers), .gp (the script that draws it again).

    It shows itself as SVG in a notebook. A folder that was not given is removed with the object: save() keeps the files.
    """

    def __init__(self, name: str, folder: Path, notes: str = "", owned: bool = False):
        self.name, self.folder, self.notes = name, folder, notes
        if owned:  # the folder goes with the object
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.svg = self._path("svg").read_text(encoding="utf-8")

    def _path(self, ending: str) -> Path:
        stem = self.name if self.name.startswith("fig") else f"fig{self.name}"
        return self.folder / f"{stem}.{ending}"

    def _repr_svg_(self) -> str:
        return self.svg[max(self.svg.find("<svg"), 0) :]  # a notebook takes no XML declaration

    def __repr__(self) -> str:
        return f"<plateau.Figure {self.name} in {self.folder}>"

    @property
    def data(self) -> list[dict[str, str]]:
        """The numbers that are drawn: the lines of figNAME.csv, as texts."""
        with self._path("csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def save(self, folder: str | Path) -> list[Path]:
        """Copies all files of the figure into a folder, which is made where it is missing. Returns their paths."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copy2(path, target / path.name)) for path in sorted(self.folder.iterdir()) if path.is_file()]


def verdicts(found: Iterable[Row]) -> Verdicts:
    return Verdicts(Verdict(row) for row in found)
