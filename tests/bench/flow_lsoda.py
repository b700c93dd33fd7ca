#!/usr/bin/env python3
"""The flow by SciPy's solve_ivp(method="LSODA"), one crossing a point: what one would write without plateau.

p = 0, zero start, unit columns, metric=full, y = (w, D), event on L = 0.1, scaled time, rtol 1e-8, atol 1e-11: equations as in
bare_cvode.c. Plain floats, which are faster than arrays for two variables. Every seventh T and d of the grid of bare_cvode.c;
prints {"us": microseconds a solve, ..}, the median over five parts, without or with the analytic Jacobian: whichever is faster.
"""
import json
import statistics
import time
from math import exp, sqrt

from scipy.integrate import solve_ivp

LEVEL, POINTS, PARTS = 0.1, 100, 5


def problem(T, d):
    """Right-hand side, Jacobian, event and unit of time."""
    b, m, K, n, sigma = 1 / (T - 1), T / (T - 1), 1 / (d * (T - 1)), sqrt(d), 1 / d
    scale = d / (sqrt(m) * b * n)

    def rhs(tau, y):
        w, odds = y[0], b * exp(y[1])
        beta, rest = odds / (1 + odds), 1 / (1 + odds)
        miss, noise = sigma * (beta * w - n), rest * K * w
        return [-scale * (beta * miss + rest * noise), scale * m * beta * rest * w * (noise - miss)]

    def jacobian(tau, y):
        w, odds = y[0], b * exp(y[1])
        beta, rest = odds / (1 + odds), 1 / (1 + odds)
        both, miss, noise = beta * rest, sigma * (beta * w - n), rest * K * w
        L_ww = rest * rest * K + beta * beta * sigma
        L_wD = both * (-2 * noise + miss + sigma * beta * w)
        L_DD = both * ((rest - beta) * w * (miss - noise) + both * (K + sigma) * w * w)
        return [[-scale * L_ww, -scale * L_wD], [-scale * m * L_wD, -scale * m * L_DD]]

    def above(tau, y):
        w, odds = y[0], b * exp(y[1])
        beta, rest = odds / (1 + odds), 1 / (1 + odds)
        miss = beta * w - n
        return 0.5 * (rest * rest * K * w * w + sigma * miss * miss) - LEVEL

    above.terminal = True
    return rhs, jacobian, above, scale


def plateau(T, d, with_jacobian):
    rhs, jacobian, above, scale = problem(T, d)
    s = solve_ivp(rhs, (0, 1e6), [0.0, 0.0], method="LSODA", rtol=1e-8, atol=1e-11, events=above,
                  jac=jacobian if with_jacobian else None)
    return s.t[-1] * scale


def microseconds(points, with_jacobian):
    begin = time.perf_counter()
    for _, T, d in points:
        plateau(T, d, with_jacobian)
    return 1e6 * (time.perf_counter() - begin) / len(points)


grid = [(i // 7 + j // 7, round(32 * 256 ** (i / (POINTS - 1))), round(4 * 128 ** (j / (POINTS - 1))))
        for i in range(3, POINTS, 7) for j in range(3, POINTS, 7)]
us = {}
for with_jacobian in (False, True):
    assert abs(plateau(1024, 4, with_jacobian) / 2817.1471 - 1) < 1e-5, "not the plateau length of doc/theory.md"
    us[with_jacobian] = statistics.median(microseconds([p for p in grid if p[0] % PARTS == part], with_jacobian)
                                          for part in range(PARTS))
print(json.dumps({"us": min(us.values()), "without_jacobian": us[False], "with_jacobian": us[True]}))
