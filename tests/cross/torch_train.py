#!/usr/bin/env python3
"""Plateau lengths of the regression Transformer trained by PyTorch alone: its own start, data and optimizer, plateau's rule.

    torch_train.py [d=16] [T=64] [B=1] [layers=2] [heads=4] [lr=1e-4] [threshold=0.2] [first=1] [seeds=5] [steps=50000]

Prints a CSV that `plateau import` reads. The same model, test set (256 samples), evaluation (every 25 steps) and crossing rule: the first
of two consecutive evaluations below the threshold, as a fraction of the null loss ||W*||^2/(2 d), interpolated linearly.
"""
import math
import sys

import torch

from transformer import forward, loss_of

WIDTH, HEAD_DIM, BATCH, EVAL_SIZE, EVAL_EVERY = 256, 64, 32, 256, 25


def start(d, layers, heads):
    """PyTorch's own default initialisation, under plateau's names."""
    w = {}

    def linear(name, fan_in, fan_out):
        layer = torch.nn.Linear(fan_in, fan_out)
        w[name + ".weight"], w[name + ".bias"] = layer.weight, layer.bias

    linear("embed", d + 1, WIDTH)
    for i in range(1, layers + 1):
        linear(f"layer.{i}.attn.qkv", WIDTH, 3 * heads * HEAD_DIM)
        linear(f"layer.{i}.attn.out", heads * HEAD_DIM, WIDTH)
        linear(f"layer.{i}.mlp.up", WIDTH, 4 * WIDTH)
        linear(f"layer.{i}.mlp.down", 4 * WIDTH, WIDTH)
    linear("unembed", WIDTH, d)
    return w


def draw(n, T, d, B, target):
    x = torch.randn(n, T, d + 1) / math.sqrt(d)
    x[:, :, d] = 0
    relevant = torch.rand(n, T).topk(B).indices
    token = torch.randn(n, d) / math.sqrt(d)
    row = torch.cat([token, torch.ones(n, 1)], 1)[:, None].expand(n, B, d + 1)
    x.scatter_(1, relevant[:, :, None].expand(n, B, d + 1), row)
    return x, token @ target.T


def plateau(seed, d, T, B, layers, heads, lr, threshold, steps):
    torch.manual_seed(seed)
    target = torch.randn(d, d) / math.sqrt(d)
    null = float((target ** 2).sum()) / (2 * d)
    keys = {"layers": layers, "heads": heads, "width": WIDTH, "head_dim": HEAD_DIM, "norm": "none", "mask": "none", "readout": "last"}
    w = start(d, layers, heads)
    test = draw(EVAL_SIZE, T, d, B, target)
    adam = torch.optim.Adam(w.values(), lr=lr)
    before, candidate = None, None
    for step in range(steps + 1):
        if step % EVAL_EVERY == 0:
            with torch.no_grad():
                loss = float(loss_of(forward(w, test[0], keys), test[1])) / null
            if loss > threshold:
                candidate = None
            elif candidate is not None:
                return candidate
            else:
                candidate = step - EVAL_EVERY * (threshold - loss) / (before - loss) if before else 0
            before = loss
        x, y = draw(BATCH, T, d, B, target)
        adam.zero_grad()
        loss_of(forward(w, x, keys), y).backward()
        adam.step()
    return None


def main():
    given = {"d": 16, "T": 64, "B": 1, "layers": 2, "heads": 4, "lr": 1e-4, "threshold": 0.2, "first": 1, "seeds": 5, "steps": 50000}
    for word in sys.argv[1:]:
        name, value = word.split("=", 1)
        given[name] = type(given[name])(value)
    first, seeds = given.pop("first"), given.pop("seeds")
    print("model,task,d,T,B,layers,heads,lr,threshold,seed,plateau,status,steps")
    lengths = []
    for seed in range(first, first + seeds):
        length = plateau(seed, **given)
        lengths += [length] if length is not None else []
        print("transformer,regression,{d},{T},{B},{layers},{heads},{lr},{threshold}".format(**given),
              seed, "" if length is None else f"{length:.2f}", "censored" if length is None else "emerged", given["steps"], sep=",", flush=True)
    if len(lengths) > 1:
        mean, sd = torch.tensor(lengths).mean(), torch.tensor(lengths).std()
        print(f"mean {mean:.1f}, standard deviation {sd:.1f}, of the mean {sd / len(lengths) ** 0.5:.1f}", file=sys.stderr)


if __name__ == "__main__":
    main()
