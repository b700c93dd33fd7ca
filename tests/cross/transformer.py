"""plateau's Transformer in PyTorch, from tensors with plateau's names, and a reader of safetensors.

Only for the optional cross-checks beside this file: neither the build nor the tests of plateau need Python.
"""
import json
import math
import re
import struct
import subprocess

import numpy
import torch
import torch.nn.functional as F


def read(path):
    """{name: tensor} of a safetensors file."""
    raw = open(path, "rb").read()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    kinds = {"F32": numpy.float32, "F64": numpy.float64, "I32": numpy.int32}
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            numbers = numpy.frombuffer(raw[8 + length + begin:8 + length + end], dtype=kinds[entry["dtype"]])
            tensors[name] = torch.from_numpy(numbers.reshape(entry["shape"]).copy())
    return tensors


def run(program, command, keys, *options):
    """plateau COMMAND key=value.. --option.., its standard output."""
    words = [program, command, *(f"{k}={v}" for k, v in keys.items()), *options]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def clamps(text, relevant, T, mask, step=0):
    """What clamp=TEXT holds behind `step` updates: (layer, heads, rows [batch, T], attention [batch, T, T]) of each.

    relevant: [batch, slots] positions, -1 for none. rows: which positions' attention is held.
    """
    held = []
    batch, t = len(relevant), torch.arange(T)
    for word in text.split("/") if text != "none" else []:
        kind, layer, head, until = re.fullmatch(r"([a-z]+)@(\d+)(?:\.h(\d+))?(?:\.\.(\d+))?", word).groups()
        attention = torch.zeros(batch, T, T)
        if kind == "copy":  # every value stands behind its key
            attention[:, t % 2 == 1] = (t[None, :] + 1 == t[:, None]).float()[t % 2 == 1]
        elif kind == "uniform":
            attention[:] = torch.ones(T, T).tril() if mask == "causal" else 1.0
        else:  # select, relevant: the last position to those that it needs
            attention[:, -1] = (relevant.long()[:, :, None] == t).any(1).float()
        total = attention.sum(-1, keepdim=True)
        if until is None or step < int(until):
            held.append((int(layer), slice(None) if head is None else slice(int(head) - 1, int(head)), total[:, :, 0] > 0, attention / total.clamp(min=1)))
    return held


def forward(w, inputs, keys, held=()):
    """Outputs [batch, out] for weights w (plateau's names) and inputs [batch, T, features] or tokens [batch, T].

    held: attention that takes the place of the softmax, without a gradient (clamps).
    """
    heads, width, head_dim = keys["heads"], keys["width"], keys["head_dim"]
    skip = keys.get("skip", "yes") == "yes"

    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    def norm(x, name):
        return F.layer_norm(x, (width,), w[name + ".weight"], w[name + ".bias"], 1e-5) if keys["norm"] == "pre" else x

    x = F.embedding(inputs.long(), w["embed.weight"].T) + w["embed.bias"] if inputs.dim() == 2 else linear(inputs, "embed")
    batch, T = inputs.shape[:2]
    angle = torch.arange(T)[:, None] * 10000.0 ** (-2 * torch.arange(width // 2) / width)
    position = torch.stack([angle.sin(), angle.cos()], -1).reshape(T, width)
    x = x + position
    for layer in range(1, keys["layers"] + 1):
        name = f"layer.{layer}."
        q, k, v = linear(norm(x, name + "norm1"), name + "attn.qkv").reshape(batch, T, 3, heads, head_dim).permute(2, 0, 3, 1, 4)
        score = q @ k.transpose(-1, -2) / math.sqrt(head_dim)
        if keys["mask"] == "causal":
            score = score.masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf)
        attention = score.softmax(-1)
        for at, heads_held, rows, value in held:
            if at == layer:
                attention = attention.clone()
                attention[:, heads_held] = torch.where(rows[:, None, :, None], value[:, None], attention[:, heads_held])
        mixed = (attention @ v).transpose(1, 2).reshape(batch, T, heads * head_dim)
        out = linear(mixed, name + "attn.out")
        x = x + out if skip else out
        if keys.get("mlp", 4):
            hidden = linear(norm(x, name + "norm2"), name + "mlp.up")
            hidden = F.relu(hidden) if keys.get("activation") == "relu" else F.gelu(hidden)
            out = linear(hidden, name + "mlp.down")
            x = x + out if skip else out
    x = norm(x, "final_norm")
    return linear(x[:, -1] if keys["readout"] == "last" else x.mean(1), "unembed")


def loss_of(outputs, targets):
    """Mean over samples of 1/2 |y - y*|^2, or of the cross-entropy."""
    if targets.dim() == 2:
        return 0.5 * ((outputs - targets) ** 2).sum(1).mean()
    return F.cross_entropy(outputs, targets.long())
