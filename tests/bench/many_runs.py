#!/usr/bin/env python3
"""A database of many runs, for measuring how the analysis scales.

    many_runs.py SOURCE.db OUT.db [RUNS]

Every run of SOURCE.db (that of a report, say) is copied as often as RUNS (100,000) asks for, each copy with a seed of its own, its plateau
length and crossings scattered by 3 %, its studies, and a curve: that of the run, or an invented one of 50 rows. The same arguments make
the same runs. Python's standard library is all that it needs."""
import json
import math
import random
import sqlite3
import struct
import sys

ROWS = 50


def invented(run):
    """A curve for a run that has none: the columns of src/run/trace.h, the loss a step at the plateau's end."""
    columns = 8
    if run["model"] == "transformer":
        columns = 5 + (2 if run["task"] == "recall" else 1) * run["layers"] * run["heads"]
    end = run["plateau"] or run["cap"] or 1
    rows = []
    for k in range(ROWS):
        fallen = 1 / (1 + math.exp(-20 * (k / ROWS - 0.7)))
        rows += [1.4 * end * k / ROWS] + [0.5 * (1 - fallen)] * 2 + [fallen] * (columns - 3)
    return ROWS, struct.pack(f"<{len(rows)}d", *rows)


def scattered(run, factor):
    """The run at another seed: everything that is a time moves by the same factor."""
    copy = dict(run)
    copy["plateau"] = run["plateau"] and run["plateau"] * factor
    crossings = json.loads(run["crossings"])
    copy["crossings"] = json.dumps({level: t and t * factor for level, t in crossings.items()})
    return copy


def main(source, out, count):
    db = sqlite3.connect(out)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as original:
        original.backup(db)
    db.row_factory = sqlite3.Row
    runs = [dict(row) for row in db.execute("SELECT * FROM runs ORDER BY id")]
    curves = {row["run"]: (row["rows"], row["data"]) for row in db.execute("SELECT * FROM curves")}
    studies = {}
    for row in db.execute("SELECT study, run FROM members"):
        studies.setdefault(row["run"], []).append(row["study"])
    db.executescript("DELETE FROM curves; DELETE FROM members; DELETE FROM runs;")
    names = list(runs[0])
    insert = f"INSERT INTO runs VALUES({', '.join('?' * len(names))})"
    for i in range(count):
        run, copy = runs[i % len(runs)], i // len(runs)
        draw = random.Random(i)
        row = scattered(run, math.exp(draw.gauss(0, 0.03))) if copy else dict(run)
        row["id"] = i + 1
        row["seed"] = run["seed"] + 1000 * copy
        row["hash"] = f"{draw.getrandbits(128):032x}" if copy else run["hash"]
        db.execute(insert, [row[name] for name in names])
        db.execute("INSERT INTO curves VALUES(?, ?, ?)", (i + 1, *(curves.get(run["id"]) or invented(run))))
        db.executemany("INSERT INTO members VALUES(?, ?)", [(study, i + 1) for study in studies.get(run["id"], [])])
    db.commit()
    db.close()


if len(sys.argv) not in (3, 4):
    sys.exit(__doc__)
main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) == 4 else 100000)
