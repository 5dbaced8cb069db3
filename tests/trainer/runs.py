"""Checkpoints, and what runs leave"""
import pathlib
import sys

import torch

from shared import equal
import checkpoint
import train


def pieces(run):
    """A large checkpoint of each kind comes back from its pieces; of two, the last that is whole counts."""
    run = pathlib.Path(run)
    run.mkdir()
    rng = torch.Generator().manual_seed(2)
    tensors = {name: torch.randn(5_000_000, generator=rng) for name in ("weights", "average", "momentum")}
    for updates, kind in enumerate(checkpoint.KINDS, 1):
        checkpoint.save(run, "high", updates, tensors, dict(updates=updates), kind)
        files = list(run.iterdir())
        assert all(path.stat().st_size <= 15 << 20 for path in files) and len(files) == (4, 2, 1)[updates - 1]
        notes, found = checkpoint.load(run, "high")
        assert notes["updates"] == updates and checkpoint.load(run, "low") is None
        for name, tensor in found.items():
            assert (tensor - tensors[name]).abs().max() <= (0 if kind == "full" else 2**-9), name
        assert set(found) == {"full": set(tensors), "half": {"weights", "average"}, "average": {"average"}}[kind]
    (run / "high-9.npz.0").write_bytes(b"the first piece of one that was not finished")
    assert checkpoint.load(run, "high")[0]["updates"] == 3


def precision(packed, run):
    x = torch.ones(1, 16, 4, 4)
    for words, expected in ((["--float32"], torch.float32), ([], torch.bfloat16)):
        sys.argv = ["train.py", "--packs", packed, "--run", run, "--steps", "1", "--channels", "16", "32",
                    "--blocks", "1", "1", "--side", "32", "--parts", "all", *words]
        trainer = train.Trainer(train.arguments())
        with trainer.autocast():
            assert trainer.parts[0].net.enter[0][0].conv1.conv(x).dtype == expected, words


def same(a, b):
    for part in ("high", "low"):
        (notes, tensors), (others, other_tensors) = checkpoint.load(a, part), checkpoint.load(b, part)
        assert "momentum" in tensors and notes["updates"] == others["updates"] and notes["micro"] == others["micro"]
        equal(tensors, other_tensors, part)
