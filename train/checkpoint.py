"""What a run of training keeps on the disk, in files that are small enough to travel.

A checkpoint of the part PART is RUN/PART-UPDATES.npz.0, .1 ... : one NumPy archive, cut into pieces. It holds

  full       all that a run goes on from exactly, in float32
  half       the weights and their average in float16: momentum and second moments come back in some hundred steps
  average    the average alone, in float16, for large networks

A checkpoint replaces the one before only when it is whole.
"""

import io
import json
import os
import pathlib
import re
import zipfile

import numpy as np
import torch

from net import Arch, Denoiser
from optimiser import Flat

PIECE = 15 << 20  # bytes of a file at most
KINDS = ("full", "half", "average")
NAME = re.compile(r"(?P<part>[a-z]+)-(?P<updates>\d+)\.npz\.(?P<piece>\d+)")


def kept(tensors, kind):
    """{name: array} of a kind of checkpoint, from {name: tensor}."""
    if kind == "full":
        return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
    names = ("average",) if kind == "average" else ("weights", "average")
    return {name: tensors[name].to(torch.float16).cpu().numpy() for name in names}


def pieces(run, part):
    """{updates: [path of each piece, in order]} of what lies in a folder."""
    found = {}
    for path in pathlib.Path(run).iterdir() if pathlib.Path(run).is_dir() else []:
        match = NAME.fullmatch(path.name)
        if match and match["part"] == part:
            found.setdefault(int(match["updates"]), []).append((int(match["piece"]), path))
    return {updates: [path for _, path in sorted(paths)] for updates, paths in found.items()}


def save(run, part, updates, tensors, notes, kind):
    """Write a checkpoint, then remove older ones; notes: a dictionary that JSON can hold."""
    text = np.frombuffer(json.dumps(notes).encode(), np.uint8)
    memory = io.BytesIO()
    np.savez(memory, notes=text, **kept(tensors, kind))
    content = memory.getvalue()
    run = pathlib.Path(run)
    older = pieces(run, part)
    cuts = range(0, len(content), PIECE)
    for number, at in enumerate(cuts):
        (run / f"{part}-{updates}.part.{number}").write_bytes(content[at:at + PIECE])
    for number in range(len(cuts)):
        os.replace(run / f"{part}-{updates}.part.{number}", run / f"{part}-{updates}.npz.{number}")
    for path in [path for count, paths in older.items() if count != updates for path in paths]:
        path.unlink()


def load(run, part):
    """(notes, {name: float32 tensor}) of the last checkpoint that is whole, or None."""
    for _, paths in sorted(pieces(run, part).items(), reverse=True):
        try:
            with np.load(io.BytesIO(b"".join(path.read_bytes() for path in paths))) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile):
            continue  # a run that was stopped left a piece of it
        notes = json.loads(arrays.pop("notes").tobytes())
        return notes, {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}
    return None


def arch_of(notes):
    """Arch of a checkpoint."""
    channels, blocks, embedding = notes["arch"]
    return Arch(tuple(channels), tuple(blocks), embedding)


def network(run, part):
    """(Denoiser with the averaged weights of a part's checkpoint, its notes), or None."""
    found = load(run, part)
    if not found:
        return None
    notes, tensors = found
    net = Denoiser(arch_of(notes))
    flat = Flat(net, torch.device("cpu"))
    flat.data.copy_(tensors["average"])
    for p in net.parameters():
        p.grad = None
    return net.eval(), notes
