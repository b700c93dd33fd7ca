#!/usr/bin/env python3
"""Your own training loop beside theory: the paper's regression Transformer in PyTorch, recorded by plateau.Recorder.

    own_training.py [DB] [key=value..]        such as own_training.py mine.db T=24 d=6 seed=2; half a minute

A sequence is T Gaussian tokens; one of them, which an extra input marks, is the relevant one, and the target is W* times it. One layer with
one head, sinusoidal positions, no layer norm, Adam. What is printed last is the plateau length beside what `plateau predict` said."""
import sys

import plateau
import torch
import torch.nn.functional as F

keys = {"T": 64, "d": 16, "seed": 1, "steps": 12000, "lr": 1e-4, "batch": 32, "eval_every": 20, "eval_size": 256, "width": 256, "head_dim": 64, "mlp": 4}
for word in sys.argv[2:]:
    name, value = word.split("=")
    keys[name] = type(keys[name])(value)
T, d, width, head = keys["T"], keys["d"], keys["width"], keys["head_dim"]
torch.manual_seed(keys["seed"])
torch.set_num_threads(1)
W = torch.randn(d, d) / d**0.5
angle = torch.arange(T)[:, None] * 10000.0 ** (-2 * torch.arange(width // 2) / width)
position = torch.stack([angle.sin(), angle.cos()], -1).reshape(T, width)


class Transformer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.qkv, self.out = torch.nn.Linear(d + 1, width), torch.nn.Linear(width, 3 * head), torch.nn.Linear(head, width)
        self.up, self.down = torch.nn.Linear(width, keys["mlp"] * width), torch.nn.Linear(keys["mlp"] * width, width)
        self.unembed = torch.nn.Linear(width, d)

    def forward(self, x):
        """Outputs [n, d], and the attention [n, T] of the last position."""
        x = self.embed(x) + position
        q, k, v = self.qkv(x).chunk(3, -1)
        attention = (q[:, -1:] @ k.transpose(1, 2) / head**0.5).softmax(-1)  # no other position is read
        x = x[:, -1] + self.out(attention @ v)[:, 0]
        return self.unembed(x + self.down(F.gelu(self.up(x)))), attention[:, 0]


def draw(n):
    x, where = torch.randn(n, T, d + 1) / d**0.5, torch.randint(T, (n,))
    x[:, :, d] = torch.arange(T) == where[:, None]
    return x, x[torch.arange(n), where, :d] @ W.T, where


def loss_of(y, target):
    """Half the squared distance, mean over sequences."""
    return 0.5 * ((y - target) ** 2).sum(1).mean()


model, test = Transformer(), draw(keys["eval_size"])
adam = torch.optim.Adam(model.parameters(), lr=keys["lr"])
null_loss = float((W**2).sum()) / (2 * d)  # what the test loss is of a model that says nothing
told = {**keys, "model": "transformer", "layers": 1, "heads": 1}  # all else is the paper's
(expected,) = plateau.predict(**told, frame=False)
with plateau.Recorder(sys.argv[1] if len(sys.argv) > 1 else "own.db", study="own", null_loss=null_loss, **told) as run:
    for step in range(keys["steps"] + 1):
        if step % keys["eval_every"] == 0:
            with torch.no_grad():
                y, attention = model(test[0])
            loss = loss_of(y, test[1])
            run.log(step, loss=loss, attention=attention.gather(1, test[2][:, None]).mean())
            if loss < 0.05 * null_loss:
                break
        x, target, _ = draw(keys["batch"])
        adam.zero_grad()
        loss_of(model(x)[0], target).backward()
        adam.step()
outcome, theory = run.close(), expected["predicted"]["reduced"]
print(f"plateau: {outcome['plateau'] or float('nan'):.0f} steps ({outcome['status']}); theory, from the initialisation alone: {theory:.0f}")
