#!/usr/bin/env python3
"""Loss, outputs and every gradient of `plateau gradient` against PyTorch, and 20 steps of Adam.

    torch_gradient.py PLATEAU [key=value..]      (Debian: python3-torch, /usr/bin/python3)

Bars: loss 1e-6, each gradient tensor 1e-4 (norm-wise, relative), losses of 20 Adam steps 1e-4. key=value is added to every case
(backend=blas, say). Exits with 1 if a bar is missed.
"""
import itertools
import os
import sys
import tempfile

import torch

from transformer import forward, loss_of, read, run

LOSS, GRADIENT, ADAM = 1e-6, 1e-4, 1e-4
STEPS = 20


def relative(got, want):
    return float((got.double() - want.double()).norm() / want.double().norm().clamp(min=1e-30))


def cases():
    small = {"heads": 3, "width": 48, "head_dim": 16, "batch": 5, "seed": 3}
    tasks = [{"task": "regression", "T": 33, "d": 7, "B": 2}, {"task": "recall", "pairs": 9, "vocab": 20, "B": 2}]
    for task, norm, mask, readout, layers in itertools.product(tasks, ["none", "pre"], ["none", "causal"], ["last", "mean"], [1, 2, 3, 4]):
        yield {**task, **small, "layers": layers, "norm": norm, "mask": mask, "readout": readout}
    for task, more in itertools.product(tasks, [{"mlp": 0}, {"skip": "no"}, {"activation": "relu"}]):
        yield {**task, **small, "layers": 2, "norm": "pre", "mask": "none", "readout": "last", **more}
    default = {"heads": 4, "width": 256, "head_dim": 64, "batch": 4, "mask": "none", "readout": "last", "seed": 1}
    yield {"task": "regression", "T": 64, "d": 16, "layers": 2, "norm": "none", **default}
    yield {"task": "recall", "pairs": 16, "vocab": 64, "layers": 4, "norm": "pre", **default, "mask": "causal"}


def check_gradient(program, keys, extra, folder):
    """Worst errors of one case: (loss, outputs, gradient, its name)."""
    weights, batch, out = (os.path.join(folder, name) for name in ("w", "b", "g"))
    run(program, "train", {"model": "transformer", **keys, "steps": 0, "eval_size": 2, **extra}, "--checkpoint", weights, "--quiet")
    run(program, "batch", keys, "--out", batch)
    run(program, "gradient", {**keys, **extra}, "--checkpoint", weights, "--batch", batch, "--out", out)
    got, data = read(out), read(batch)
    w = {name: t.requires_grad_() for name, t in read(weights).items() if name in got}
    outputs = forward(w, data["inputs"], keys)
    loss = loss_of(outputs, data["targets"])
    loss.backward()
    worst = max((relative(got[name], w[name].grad), name) for name in w)
    return relative(got["loss"], loss.detach()), relative(got["outputs"], outputs.detach()), *worst


def check_adam(program, keys, extra, folder):
    """Largest relative difference of the training losses of STEPS steps from the same start on the same batches."""
    weights, trace, batch = (os.path.join(folder, name) for name in ("w", "t.csv", "b"))
    train = {"model": "transformer", **keys, "eval_every": 1, "eval_size": 2, "lr": 1e-3, "until": "cap", **extra}
    run(program, "train", {**train, "steps": 0}, "--checkpoint", weights, "--quiet")
    run(program, "train", {**train, "steps": STEPS}, "--trace", trace, "--quiet")
    got = [float(line.split(",")[1]) for line in open(trace).read().splitlines()[2:]]
    w = {name: t.requires_grad_() for name, t in read(weights).items() if not name.startswith(("run.", "optimizer.", "task."))}
    adam = torch.optim.Adam(w.values(), lr=1e-3)
    worst = 0
    for step in range(STEPS):
        run(program, "batch", keys, "--step", str(step + 1), "--out", batch)
        data = read(batch)
        adam.zero_grad()
        loss = loss_of(forward(w, data["inputs"], keys), data["targets"])
        loss.backward()
        adam.step()
        worst = max(worst, abs(got[step] / float(loss.detach()) - 1))
    return worst


def main():
    program, extra = sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:])
    missed = 0
    most = [0, 0, 0]
    with tempfile.TemporaryDirectory() as folder:
        every = list(cases())
        for keys in every:
            loss, outputs, gradient, name = check_gradient(program, keys, extra, folder)
            bad = not (loss <= LOSS and outputs <= GRADIENT and gradient <= GRADIENT)
            missed += bad
            most = [max(pair) for pair in zip(most, (loss, outputs, gradient))]
            if bad:
                print(f"MISSED loss {loss:.1e} outputs {outputs:.1e} gradient {gradient:.1e} ({name})", keys)
        print(f"{len(every)} cases: largest error of loss {most[0]:.1e}, outputs {most[1]:.1e}, gradients {most[2]:.1e}")
        for keys in every[-2:]:
            error = check_adam(program, keys, extra, folder)
            missed += not error <= ADAM
            print(f"{'MISSED ' if not error <= ADAM else ''}{STEPS} Adam steps, {keys['task']}: losses differ by {error:.1e} at most")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
