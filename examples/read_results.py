#!/usr/bin/env python3
"""Reads a results database with what Python brings along: a power law for each momentum, and one curve.

    python3 read_results.py momentum.db

Columns of `runs` are named as the keys; doc/formats.md has the rest. The fit is ordinary least squares on logarithms, over runs that emerged: `plateau fit`
also uses those that were cut off."""
import json
import math
import sqlite3
import struct
import sys


def solve(A, b):
    """Gauss with pivots; A and b are overwritten."""
    n = len(b)
    for i in range(n):
        k = max(range(i, n), key=lambda r: abs(A[r][i]))
        A[i], A[k], b[i], b[k] = A[k], A[i], b[k], b[i]
        for r in range(i + 1, n):
            f = A[r][i] / A[i][i]
            A[r] = [x - f * y for x, y in zip(A[r], A[i])]
            b[r] -= f * b[i]
    for i in reversed(range(n)):
        b[i] = (b[i] - sum(A[i][j] * b[j] for j in range(i + 1, n))) / A[i][i]
    return b


def power_law(rows):
    """(C, exponent of d, exponent of T) of plateau = C d^a T^b."""
    X = [(1, math.log(row["d"]), math.log(row["T"])) for row in rows]
    y = [math.log(row["plateau"]) for row in rows]
    c, a, b = solve([[sum(x[i] * x[j] for x in X) for j in range(3)] for i in range(3)], [sum(x[i] * v for x, v in zip(X, y)) for i in range(3)])
    return math.exp(c), a, b


db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
db.row_factory = sqlite3.Row
for (momentum,) in db.execute("SELECT DISTINCT momentum FROM runs WHERE momentum IS NOT NULL ORDER BY 1").fetchall():
    rows = db.execute("SELECT * FROM runs WHERE momentum = ? AND status = 'emerged'", (momentum,)).fetchall()
    print("momentum %g: %d runs, plateau = %.2f d^%.2f T^%.2f" % (momentum, len(rows), *power_law(rows)))

# Crossings: when the loss had fallen to 0.9, 0.8 .. 0.1 of that of knowing nothing, in steps x lr.
row = db.execute("SELECT * FROM runs WHERE status = 'emerged' ORDER BY T DESC, d DESC, seed LIMIT 1").fetchone()
crossings = json.loads(row["crossings"])
print("T=%d d=%d: loss at 0.9 at %.1f, at 0.2 at %.1f" % (row["T"], row["d"], crossings["0.9"], crossings["0.2"]))

# A curve: rows x columns little-endian doubles, of runs whose study says `curves: yes` (columns: doc/formats.md).
curve = db.execute("SELECT rows, data FROM curves WHERE run = ?", (row["id"],)).fetchone()
if curve:
    columns = ["step", "time", "loss_train", "loss_test", "w", "w_orthogonal", "delta_a", "attention"]
    width = len(curve["data"]) // 8 // curve["rows"]
    last = dict(zip(columns, struct.unpack("<%dd" % width, curve["data"][-8 * width :])))
    print("its curve has %d rows; at the end attention is %.3f" % (curve["rows"], last["attention"]))
