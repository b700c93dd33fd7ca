#!/usr/bin/env python3
"""A training step of a Transformer in PyTorch, with the work of `plateau bench` step_*: fresh batch, forward, backward, Adam.

    transformer_torch.py step_regression|step_recall|step_small [bf16] [compile]      two threads

Prints {"ms": milliseconds a step, the median over five stretches}. bf16: torch.autocast, as one would train. compile: torch.compile, where
this PyTorch has it.
"""
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cross"))

import torch

from torch_train import draw, start
from transformer import forward, loss_of

BATCH, WIDTH, STRETCHES = 32, 256, 5
SETTINGS = {  # d, T, layers, heads, steps a stretch
    "step_regression": (64, 256, 2, 4, 2),
    "step_small": (32, 64, 1, 1, 20),
    "step_recall": (256, 65, 4, 4, 2),  # d: tokens
}


def draw_recall(n, pairs, vocab):
    """Distinct keys, their values by a fresh permutation for every sequence, and a query that is one of the keys."""
    order = torch.rand(n, vocab).argsort(1)
    keys, values = order[:, :pairs], torch.rand(n, vocab).argsort(1).gather(1, order[:, :pairs])
    which = torch.randint(pairs, (n, 1))
    tokens = torch.cat([torch.stack([keys, values], 2).flatten(1), keys.gather(1, which)], 1)
    return tokens, values.gather(1, which)[:, 0]


def weights(name, d, layers, heads):
    """The start of torch_train; for recall an input and an output for each token, and layer norms."""
    w = start(d if name != "step_recall" else d - 1, layers, heads)
    if name == "step_recall":
        last = torch.nn.Linear(WIDTH, d)
        w["unembed.weight"], w["unembed.bias"] = last.weight, last.bias
        norms = [f"layer.{i}.{kind}" for i in range(1, layers + 1) for kind in ("norm1", "norm2")] + ["final_norm"]
        for norm in norms:
            w[norm + ".weight"], w[norm + ".bias"] = torch.nn.Parameter(torch.ones(WIDTH)), torch.nn.Parameter(torch.zeros(WIDTH))
    return w


def main(name, *options):
    d, T, layers, heads, steps = SETTINGS[name]
    recall = name == "step_recall"
    torch.manual_seed(1)
    torch.set_num_threads(2)
    keys = {"layers": layers, "heads": heads, "width": WIDTH, "head_dim": 64, "readout": "last",
            "norm": "pre" if recall else "none", "mask": "causal" if recall else "none"}
    w = weights(name, d, layers, heads)
    target = torch.randn(d, d) / d**0.5
    adam = torch.optim.Adam(w.values(), lr=1e-4)

    def loss(x, y):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled="bf16" in options):
            out = forward(w, x, keys)
        return loss_of(out.float(), y)

    if "compile" in options:
        loss = torch.compile(loss)

    def stretch():
        begin = time.perf_counter()
        for _ in range(steps):
            x, y = draw_recall(BATCH, (T - 1) // 2, d) if recall else draw(BATCH, T, d, 1, target)
            adam.zero_grad(set_to_none=True)
            loss(x, y).backward()
            adam.step()
        return 1e3 * (time.perf_counter() - begin) / steps

    stretch()  # warm up
    print(json.dumps({"ms": statistics.median(stretch() for _ in range(STRETCHES))}))


main(*sys.argv[1:])
