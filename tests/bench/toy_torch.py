#!/usr/bin/env python3
"""A step of SGD of the toy model in PyTorch: y = W sum_t softmax(a)_t x_t, T = d = 256, B = 1 (the last token is the relevant one),
p = 0, batch 32, float32, one thread; fresh tokens, forward, backward, update.

Prints {"ms": milliseconds a step, ..}, the median over five stretches of the faster of two ways to write it.
"""
import json
import statistics
import time

import torch

T = D = 256
BATCH, LR, STRETCHES, STEPS = 32, 1.0, 5, 15


def by_autograd(x, W, a, target, optimizer):
    """As one would write it: torch.autograd and torch.optim.SGD."""
    x = torch.randn(BATCH, T, D) / D**0.5
    y = torch.matmul(torch.softmax(a, 0), x) @ W.T
    loss = 0.5 * (y - x[:, -1] @ target.T).square().sum(1).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


@torch.no_grad()
def by_hand(x, W, a, target, optimizer):
    """The gradient written out, nothing allocated for the tokens, their scale 1/sqrt(D) applied after the sums."""
    x.normal_()
    s = torch.softmax(a, 0)
    context = torch.matmul(s, x) * D**-0.5
    e = torch.addmm(context @ W.T, x[:, -1], target.T, alpha=-(D**-0.5))
    g = torch.matmul(x, (e @ W).unsqueeze(2)).sum((0, 2)) * D**-0.5
    a -= LR / BATCH * s * (g - torch.dot(s, g))
    W.addmm_(e.T, context, alpha=-LR / BATCH)


def start():
    torch.manual_seed(1)
    W, a = torch.zeros(D, D, requires_grad=True), torch.zeros(T, requires_grad=True)
    return torch.empty(BATCH, T, D), W, a, torch.randn(D, D) / D**0.5, torch.optim.SGD([W, a], lr=LR)


def milliseconds(step, state):
    begin = time.perf_counter()
    for _ in range(STEPS):
        step(*state)
    return 1e3 * (time.perf_counter() - begin) / STEPS


torch.set_num_threads(1)
ms = {}
for step in (by_autograd, by_hand):
    state = start()
    milliseconds(step, state)  # warm up
    ms[step.__name__] = statistics.median(milliseconds(step, state) for _ in range(STRETCHES))
print(json.dumps({"ms": min(ms.values()), **ms}))
