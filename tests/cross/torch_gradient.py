#!/usr/bin/env python3
"""Loss, outputs and gradients of `plateau gradient` against PyTorch, built from the same tensors. Optional: needs python3-torch.

    torch_gradient.py CHECKPOINT BATCH GRADIENT key=value ...   files that plateau wrote, and the keys they were written with
    torch_gradient.py --plateau PROGRAM                          makes the files itself, for a grid of settings

Bars (float32): loss 1e-6, outputs 1e-5, every gradient tensor 1e-4, relative, norm-wise (tensors whose gradient is a thousandth
of the whole or less: 1e-7 of the whole).
"""
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

TYPES = {"F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64}


def read_safetensors(path):
    """The tensors of a file by name: 8 bytes length, a JSON header, raw little-endian data."""
    with open(path, "rb") as file:
        content = file.read()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, stop = entry["data_offsets"]
        numbers = np.frombuffer(content[end + start:end + stop], TYPES[entry["dtype"]])
        tensors[name] = torch.from_numpy(numbers.reshape(entry["shape"]).copy())
    return tensors


def positions(T, width):
    t = torch.arange(T, dtype=torch.float64)[:, None]
    angle = t * 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.stack([angle.sin(), angle.cos()], -1).reshape(T, width).float()


def outputs(P, batch, key):
    """The model: P its parameters by name, key its settings as text."""
    pre = key["norm"] == "pre"
    width, T = P["embed.weight"].shape[0], batch["inputs"].shape[1]
    heads = int(key["heads"])

    def linear(name, x):
        return F.linear(x, P[name + ".weight"], P[name + ".bias"])

    def norm(name, x):
        return F.layer_norm(x, (width,), P[name + ".weight"], P[name + ".bias"], 1e-5) if pre else x

    def add(x, f):
        return x + f if key["skip"] == "yes" else f

    tokens = batch["inputs"]
    one_hot = F.one_hot(tokens.long(), P["embed.weight"].shape[1]).float() if not tokens.is_floating_point() else tokens
    x = linear("embed", one_hot) + positions(T, width)
    for layer in range(1, 65):
        name = f"layer.{layer}."
        if name + "attn.qkv.weight" not in P:
            break
        qkv = linear(name + "attn.qkv", norm(name + "norm1", x))
        q, k, v = qkv.reshape(*qkv.shape[:2], 3, heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if key["mask"] == "causal":
            scores = scores.masked_fill(torch.ones(T, T, dtype=torch.bool).triu(1), -math.inf)
        o = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = add(x, linear(name + "attn.out", o))
        if name + "mlp.up.weight" in P:
            u = linear(name + "mlp.up", norm(name + "norm2", x))
            x = add(x, linear(name + "mlp.down", F.relu(u) if key["activation"] == "relu" else F.gelu(u)))
    h = norm("final_norm", x)
    return linear("unembed", h.mean(1) if key["readout"] == "mean" else h[:, -1])


def compare(checkpoint, batch, gradient, key):
    """The largest error of each kind over its bar; prints those that exceed it."""
    weights, batch, ours = (read_safetensors(path) for path in (checkpoint, batch, gradient))
    P = {name: x.requires_grad_() for name, x in weights.items() if name.startswith(("embed", "layer", "final", "unembed"))}
    y = outputs(P, batch, key)
    if batch["inputs"].is_floating_point():
        loss = 0.5 * ((y - batch["targets"]) ** 2).sum(-1).mean()
    else:
        loss = F.cross_entropy(y, batch["targets"].long())
    loss.backward()
    error = {"loss": abs(ours["loss"].item() - loss.item()) / abs(loss.item()) / 1e-6,
             "outputs": ((ours["outputs"] - y).norm() / y.norm()).item() / 1e-5}
    whole = torch.stack([p.grad.norm() for p in P.values()]).norm().item()
    for name, p in P.items():
        bar = 1e-4 * max(p.grad.norm().item(), 1e-3 * whole)
        error[name] = (ours[name] - p.grad).norm().item() / bar
    worst = max(error, key=lambda name: error[name] if error[name] == error[name] else math.inf)
    good = all(value <= 1 for value in error.values())
    print(f"{'ok' if good else 'FAILED'}: worst {worst} at {error[worst]:.3f} of its bar:", " ".join(f"{k}={v}" for k, v in key.items()))
    return good


DEFAULTS = {"heads": "4", "norm": "none", "mask": "none", "readout": "last", "skip": "yes", "activation": "gelu"}


def run_grid(program):
    good = True
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("checkpoint", "batch", "gradient")]
        for task, norm, mask, readout, layers in itertools.product(("regression", "recall"), ("none", "pre"),
                                                                   ("none", "causal"), ("last", "mean"), range(1, 5)):
            key = dict(DEFAULTS, norm=norm, mask=mask, readout=readout, layers=str(layers))
            given = ["model=transformer", f"task={task}", *(f"{k}={v}" for k, v in key.items())]
            given += ["pairs=8", "vocab=64"] if task == "recall" else ["T=48", "d=16"]
            subprocess.run([program, "train", *given, "steps=0", "--checkpoint", files[0]], check=True, capture_output=True)
            subprocess.run([program, "batch", *given, "--out", files[1]], check=True, capture_output=True)
            subprocess.run([program, "gradient", *given, "--checkpoint", files[0], "--batch", files[1], "--out", files[2]],
                           check=True, capture_output=True)
            good = compare(*files, dict(key, task=task)) and good
    return good


def main(arguments):
    if arguments[:1] == ["--plateau"] and len(arguments) == 2:
        return run_grid(arguments[1])
    if len(arguments) < 3:
        sys.exit(__doc__)
    key = dict(DEFAULTS, **dict(argument.split("=", 1) for argument in arguments[3:]))
    return compare(*arguments[:3], key)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
