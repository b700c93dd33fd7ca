#!/usr/bin/env python3
"""A training step of a Transformer in JAX, with the work of `plateau bench` step_*: fresh batch, forward, backward, Adam, all in one jit.

    transformer_jax.py step_regression|step_small [bf16]      two threads

Prints {"ms": milliseconds a step, the median over five stretches}. Of the last layer only what the readout sees is computed. bf16: products of bfloat16 with sums in float32.
"""
import json
import math
import os
import statistics
import sys
import time

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads=2")

import jax
import jax.numpy as jnp

BATCH, WIDTH, HEAD_DIM, STRETCHES = 32, 256, 64, 5
SETTINGS = {"step_regression": (64, 256, 2, 4, 3), "step_small": (32, 64, 1, 1, 50)}  # d, T, layers, heads, steps a stretch


def linear_start(key, fan_in, fan_out):
    bound = 1 / math.sqrt(fan_in)
    a, b = jax.random.split(key)
    return jax.random.uniform(a, (fan_out, fan_in), minval=-bound, maxval=bound), jax.random.uniform(b, (fan_out,), minval=-bound, maxval=bound)


def start(d, layers, heads):
    keys = iter(jax.random.split(jax.random.PRNGKey(1), 2 + 4 * layers))
    w = {"embed": linear_start(next(keys), d + 1, WIDTH)}
    for i in range(layers):
        for name, fan_in, fan_out in (("qkv", WIDTH, 3 * heads * HEAD_DIM), ("out", heads * HEAD_DIM, WIDTH),
                                      ("up", WIDTH, 4 * WIDTH), ("down", 4 * WIDTH, WIDTH)):
            w[f"{i}.{name}"] = linear_start(next(keys), fan_in, fan_out)
    w["unembed"] = linear_start(next(keys), WIDTH, d)
    return w


def product(a, b, kind):
    return jnp.matmul(a.astype(kind), b.astype(kind), preferred_element_type=jnp.float32)


def forward(w, x, layers, heads, kind):
    def linear(x, name):
        return product(x, w[name][0].T, kind) + w[name][1]

    batch, T, _ = x.shape
    angle = jnp.arange(T)[:, None] * 10000.0 ** (-2 * jnp.arange(WIDTH // 2) / WIDTH)
    x = linear(x, "embed") + jnp.stack([jnp.sin(angle), jnp.cos(angle)], -1).reshape(T, WIDTH)
    for i in range(layers):
        q, k, v = linear(x, f"{i}.qkv").reshape(batch, T, 3, heads, HEAD_DIM).transpose(2, 0, 3, 1, 4)
        if i == layers - 1:  # the readout sees the last position alone: nothing else is computed of the last layer but keys and values
            q, x = q[:, :, -1:], x[:, -1:]
        p = jax.nn.softmax(product(q, k.swapaxes(-1, -2), kind) / math.sqrt(HEAD_DIM))
        mixed = product(p, v, kind).transpose(0, 2, 1, 3).reshape(batch, -1, heads * HEAD_DIM)
        x = x + linear(mixed, f"{i}.out")
        x = x + linear(jax.nn.gelu(linear(x, f"{i}.up"), approximate=False), f"{i}.down")
    return linear(x[:, -1], "unembed")


def draw(key, T, d, target):
    a, b, c = jax.random.split(key, 3)
    x = jax.random.normal(a, (BATCH, T, d + 1)) / math.sqrt(d)
    token = jax.random.normal(b, (BATCH, d)) / math.sqrt(d)
    at = jax.random.randint(c, (BATCH,), 0, T)
    x = x.at[:, :, d].set(0)
    return x.at[jnp.arange(BATCH), at].set(jnp.concatenate([token, jnp.ones((BATCH, 1))], 1)), token @ target.T


def main(name, *options):
    d, T, layers, heads, steps = SETTINGS[name]
    kind = jnp.bfloat16 if "bf16" in options else jnp.float32
    target = jax.random.normal(jax.random.PRNGKey(2), (d, d)) / math.sqrt(d)
    w = start(d, layers, heads)

    def loss(w, x, y):
        return 0.5 * ((forward(w, x, layers, heads, kind) - y) ** 2).sum(1).mean()

    @jax.jit
    def step(state, key):
        w, m, s, t = state
        x, y = draw(key, T, d, target)
        g = jax.grad(loss)(w, x, y)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        s = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, s, g)
        w = jax.tree.map(lambda w, m, s: w - 1e-4 * m / (1 - 0.9**t) / (jnp.sqrt(s / (1 - 0.999**t)) + 1e-8), w, m, s)
        return w, m, s, t

    zeros = jax.tree.map(jnp.zeros_like, w)
    state, key = (w, zeros, zeros, 0.0), jax.random.PRNGKey(3)

    def stretch(state, key):
        begin = time.perf_counter()
        for _ in range(steps):
            key, now = jax.random.split(key)
            state = step(state, now)
        jax.block_until_ready(state)
        return 1e3 * (time.perf_counter() - begin) / steps, state, key

    times = []
    for _ in range(STRETCHES + 1):  # the first warms up
        ms, state, key = stretch(state, key)
        times.append(ms)
    print(json.dumps({"ms": statistics.median(times[1:])}))


main(*sys.argv[1:])
