"""What the checks of the trainer share. Importing it makes the modules of train/ known."""
import pathlib
import sys

import torch

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "train"))
import draws  # noqa: E402

torch.set_num_threads(1)


def numbers(seed=1, rank=0, step=0):
    return draws.Draws(seed, rank, torch.tensor(step))


def equal(a, b, where):
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            equal(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, pair in enumerate(zip(a, b)):
            equal(*pair, f"{where}[{i}]")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    else:
        assert a == b, where
