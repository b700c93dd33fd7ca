#!/usr/bin/env python3
"""Loss, outputs and every gradient of `plateau gradient` against PyTorch, also with clamps, and 20 steps of Adam.

    torch_gradient.py PLATEAU [key=value..]      (Debian: python3-torch, /usr/bin/python3)

Bars: loss 1e-6, each gradient tensor 1e-4 (norm-wise, relative), losses of 20 Adam steps 1e-4. key=value is added to every case
(backend=blas, say). Exits with 1 if a bar is missed.
"""
import itertools
import os
import sys
import tempfile

import torch

from transformer import clamps, forward, loss_of, read, run

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


def clamped_cases():
    """Every kind of clamp, in each layer, all heads and one; several at once; in the short last layer and where it is not."""
    small = {"heads": 3, "width": 48, "head_dim": 16, "batch": 5, "seed": 3, "layers": 2}
    tasks = [
        ({"task": "regression", "T": 33, "d": 7}, ["relevant@1", "relevant@2", "relevant@1.h2", "relevant@2.h3", "relevant@1/relevant@2.h1"]),
        ({"task": "recall", "pairs": 9, "vocab": 20}, ["copy@1", "copy@2", "copy@1.h3", "select@1", "select@2", "select@2.h2", "copy@1/select@2.h1/copy@2.h3"]),
    ]
    uniform = ["uniform@1", "uniform@2", "uniform@1.h1", "uniform@2.h2"]
    for (task, kinds), norm, mask, B in itertools.product(tasks, ["none", "pre"], ["none", "causal"], [1, 3]):
        several = [f"uniform@2/{kinds[-1]}", f"uniform@1.h2/{kinds[-1]}"]  # the later one holds what both name
        for clamp in kinds + uniform + several:
            yield {**task, **small, "B": B, "norm": norm, "mask": mask, "readout": "last", "clamp": clamp}
    for (task, kinds), more in itertools.product(tasks, [{"readout": "mean"}, {"mlp": 0}, {"skip": "no"}, {"activation": "relu"}, {"layers": 3}, {"batch": 70}]):
        for clamp in [kinds[-1], "uniform@1/uniform@2.h2"]:
            yield {**task, **small, "B": 2, "norm": "none", "mask": "none", "readout": "last", "clamp": clamp, **more}
    default = {"heads": 4, "width": 256, "head_dim": 64, "batch": 4, "readout": "last", "seed": 1, "B": 2}
    yield {"task": "regression", "T": 256, "d": 16, "layers": 2, "norm": "none", "mask": "none", **default, "clamp": "relevant@1.h3/relevant@2"}
    yield {"task": "recall", "pairs": 128, "vocab": 300, "layers": 4, "norm": "pre", "mask": "causal", **default, "clamp": "copy@2/select@3.h4/uniform@4.h1"}


def check_gradient(program, keys, extra, folder):
    """Worst errors of one case: (loss, outputs, gradient, its name)."""
    weights, batch, out = (os.path.join(folder, name) for name in ("w", "b", "g"))
    run(program, "train", {"model": "transformer", **keys, "steps": 0, "eval_size": 2, **extra}, "--checkpoint", weights, "--quiet")
    run(program, "batch", keys, "--out", batch)
    run(program, "gradient", {**keys, **extra}, "--checkpoint", weights, "--batch", batch, "--out", out)
    got, data = read(out), read(batch)
    w = {name: t.requires_grad_() for name, t in read(weights).items() if name in got}
    held = clamps(keys.get("clamp", "none"), data["relevant"], data["inputs"].shape[1], keys["mask"])
    outputs = forward(w, data["inputs"], keys, held)
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
        held = clamps(keys.get("clamp", "none"), data["relevant"], data["inputs"].shape[1], keys["mask"], step)
        loss = loss_of(forward(w, data["inputs"], keys, held), data["targets"])
        loss.backward()
        adam.step()
        worst = max(worst, abs(got[step] / float(loss.detach()) - 1))
    return worst


def check_gradients(program, every, extra, folder, what):
    """Prints the worst errors of all cases; how many missed a bar."""
    missed, most = 0, [0, 0, 0]
    for keys in every:
        loss, outputs, gradient, name = check_gradient(program, keys, extra, folder)
        bad = not (loss <= LOSS and outputs <= GRADIENT and gradient <= GRADIENT)
        missed += bad
        most = [max(pair) for pair in zip(most, (loss, outputs, gradient))]
        if bad:
            print(f"MISSED loss {loss:.1e} outputs {outputs:.1e} gradient {gradient:.1e} ({name})", keys)
    print(f"{len(every)} cases{what}: largest error of loss {most[0]:.1e}, outputs {most[1]:.1e}, gradients {most[2]:.1e}")
    return missed


def main():
    program, extra = sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:])
    with tempfile.TemporaryDirectory() as folder:
        every = list(cases())
        missed = check_gradients(program, every, extra, folder, "")
        missed += check_gradients(program, list(clamped_cases()), extra, folder, " with clamps")
        released = [{**every[-2], "clamp": "relevant@1..10"}, {**every[-1], "clamp": "copy@2..10/select@4.h1"}]
        for keys in every[-2:] + released:
            error = check_adam(program, keys, extra, folder)
            missed += not error <= ADAM
            clamp = f", clamp={keys['clamp']}" if "clamp" in keys else ""
            print(f"{'MISSED ' if not error <= ADAM else ''}{STEPS} Adam steps, {keys['task']}{clamp}: losses differ by {error:.1e} at most")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
