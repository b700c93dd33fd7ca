#!/usr/bin/env python3
"""Runs of your own, for `plateau import`: SGD on the toy model in plain Python, a line of CSV for each run.

    y = W sum_t softmax(a)_t x_t,   x_t ~ N(0, I/d),   target W* x_T with W* = I;   the last B tokens are copies of one

W = 0 and a = 0 at the start, batch 32, learning rate 1. The plateau ends when the exact loss of (a, W) is down to 0.2 of that of W = 0;
for the toy model it is a time, steps x learning rate. Nothing here comes from plateau, its random numbers least of all."""
import math
import random

T, d, batch, cap = 32, 8, 32, 1000


def dot(x, y):
    return sum(a * b for a, b in zip(x, y))


def softmax(a):
    e = [math.exp(x - max(a)) for x in a]
    return [x / sum(e) for x in e]


def loss(a, W, B):
    s = softmax(a)
    signal = sum((sum(s[T - B :]) * W[i][j] - (i == j)) ** 2 for i in range(d) for j in range(d))
    return 0.5 / d * (signal + sum(x * x for x in s[: T - B]) * sum(dot(row, row) for row in W))


def step(a, W, B):
    s = softmax(a)
    grad_W, grad_a = [[0.0] * d for _ in range(d)], [0.0] * T
    for _ in range(batch):
        x = [[random.gauss(0, d**-0.5) for _ in range(d)] for _ in range(T - B + 1)]
        x += [x[-1]] * (B - 1)
        z = [dot(s, column) for column in zip(*x)]
        error = [dot(row, z) - target for row, target in zip(W, x[-1])]
        back = [dot(error, column) for column in zip(*W)]
        along = [dot(back, token) for token in x]
        mean = dot(s, along)
        for i in range(d):
            for j in range(d):
                grad_W[i][j] += error[i] * z[j] / batch
        for t in range(T):
            grad_a[t] += s[t] * (along[t] - mean) / batch
    return [x - g for x, g in zip(a, grad_a)], [[x - g for x, g in zip(*rows)] for rows in zip(W, grad_W)]


print("T,d,B,seed,steps,plateau,status")
for B in 1, 2, 4, 8:
    for seed in 1, 2, 3:
        random.seed(f"{B} {seed}")
        a, W, steps = [0.0] * T, [[0.0] * d for _ in range(d)], 0
        while loss(a, W, B) > 0.2 * 0.5 and steps < cap:
            a, W = step(a, W, B)
            steps += 1
        print(f"{T},{d},{B},{seed},{steps},", f"{steps},emerged" if steps < cap else ",censored", sep="")
