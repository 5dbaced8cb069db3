"""Pictures to train on, packs of them, and what is cut from packs"""
import math
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
import torch
from PIL import Image

from shared import TOP, numbers
import batches
import pack
import store


def pictures(folder):
    """Shades, discs and stripes: enough structure for a small network to learn something from."""
    rng = np.random.default_rng(3)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(72):
        h, w = (int(n) for n in rng.integers(66, 120, 2))
        y, x = np.mgrid[:h, :w]
        corners = rng.uniform(0, 255, (3, 3))
        p = corners[0] + (corners[1] - corners[0]) * (y / h)[..., None] + (corners[2] - corners[0]) * (x / w)[..., None]
        for _ in range(6):
            cy, cx, r = rng.uniform(0, h), rng.uniform(0, w), rng.uniform(3, 25)
            angle, period = rng.uniform(0, math.pi), rng.uniform(3, 12)
            stripe = np.sin((x * math.cos(angle) + y * math.sin(angle)) * 2 * math.pi / period) > 0
            inside = (y - cy) ** 2 + (x - cx) ** 2 < r * r
            p[inside] = rng.uniform(0, 255, 3)
            p[inside & stripe] = rng.uniform(0, 255, 3)
        Image.fromarray(np.clip(p, 0, 255).astype(np.uint8)).save(folder / f"{number:03d}.png")


def packs(folder, work):
    """Packs hold every file, byte for byte, the sharp ones first, and are as small as they were asked to be."""
    work = pathlib.Path(work)
    sources = {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir())}
    soft = work / "soft"
    soft.mkdir()
    for name in list(sources)[:5]:
        (soft / name).write_bytes(sources[name])
    command = [sys.executable, TOP / "train" / "pack.py", "--sharp", folder, "--soft", soft, "--mib", "0.0625"]
    subprocess.run([*command[:2], work / "packs" / "a", *command[2:]], check=True, stdout=subprocess.DEVNULL)
    made = sorted((work / "packs").iterdir())
    assert len(made) > 2 and all(path.stat().st_size <= 2**16 for path in made)
    found = [entry for path in made for entry in pack.packed(path)]
    assert [kind for kind, _, _ in found] == ["sharp"] * len(sources) + ["soft"] * 5
    assert {name: content for _, name, content in found[:-5]} == sources
    assert all(content == sources[name] for _, name, content in found[-5:])
    assert [name for name, _ in pack.files(made[-1], "soft")] == [name for kind, name, _ in pack.packed(made[-1])
                                                                  if kind == "soft"]
    subprocess.run([*command[:2], work / "packs" / "b", *command[2:]], check=True, stdout=subprocess.DEVNULL)
    again = sorted(path for path in (work / "packs").iterdir() if path.name.startswith("b"))
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in made]
    for wrong in ([folder, folder], [work / "nothing"]):
        done = subprocess.run([*command[:2], work / "c", "--sharp", *wrong], stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    with zipfile.ZipFile(work / "odd.zip", "w") as archive:
        archive.writestr("blurred/x.png", b"")
    try:
        list(pack.packed(work / "odd.zip"))
        raise AssertionError("a kind that nobody knows")
    except ValueError:
        pass


def cuts(packed):
    device = torch.device("cpu")
    train_split, valid = store.load([packed], device, 32, lambda text: None)
    names = [name for _, name, _ in pack.packed(packed)]
    assert len(valid.found) == sum(map(pack.held_out, names)) > 0
    assert len(train_split.found) + len(valid.found) == len(names)
    levels = {offset: (height, width) for _, places in train_split.found for offset, height, width in places}

    def picture(offset):
        height, width = levels[offset]
        return train_split.data[offset:offset + height * width].reshape(height, width, 3).float().numpy()

    # crops: each is found in one of the pictures, in one of the 8 ways to turn it
    pool = train_split.pools["crop", 0]
    ways = set()
    for step in range(4):
        x = store.crops(train_split, 0, numbers(step=step), 8)
        picks = pool.choose(numbers(step=step), 8)
        for crop, offset in zip(x.numpy(), pool.offset[picks].tolist()):
            windows = np.lib.stride_tricks.sliding_window_view(picture(offset), (32, 32), (0, 1))  # (., ., 3, 32, 32)
            found = [(turn, mirror) for turn in range(4) for mirror in (False, True)
                     if (windows == turned_back(crop, turn, mirror)).all((2, 3, 4)).any()]
            assert found
            ways.update(found)
    assert len(ways) > 4

    # resized crops: against Pillow's Lanczos filter of the same factor, in the mean over positions: a linear ramp and a
    # constant stay what they are, and a fine pattern goes
    ramp = torch.arange(300.0).reshape(1, -1, 1, 1).expand(1, 300, 300, 3)
    rows = store.lanczos(torch.tensor([40.0]), torch.tensor([1.6]), 60, 300)
    out = store.resampled(ramp, rows, rows)
    expected = 40 + (torch.arange(60.0) + 0.5) * 1.6 - 0.5
    assert (out[0, 0] - expected[:, None]).abs().max() < 1e-2
    assert (rows.sum(2) - 1).abs().max() < 1e-5
    noise = np.random.default_rng(6).integers(80, 176, (120, 96, 3)).astype(np.uint8)  # nothing is clipped
    pillow = np.asarray(Image.fromarray(noise).resize((60, 75), Image.LANCZOS)).astype(int)
    step = torch.tensor([1.6])
    square = torch.nn.functional.pad(torch.from_numpy(noise).permute(2, 0, 1)[None].float(), (12, 12, 0, 0), "replicate")
    ours = store.resampled(square.permute(0, 2, 3, 1), store.lanczos(torch.zeros(1), step, 75, 120),
                           store.lanczos(torch.full((1,), 12.0), step, 60, 120))
    inner = (ours[0].permute(1, 2, 0).numpy().round().clip(0, 255) - pillow)[5:-5, 5:-5]
    assert np.abs(inner).max() <= 2 and np.abs(inner).mean() < 0.5, (np.abs(inner).max(), np.abs(inner).mean())
    x = store.resized_crops(train_split, numbers(), 16)
    assert x.shape == (16, 3, 32, 32) and (x == x.round()).all() and 0 <= x.min() and x.max() <= 255

    # whole pictures: the mean of each lies near that of the largest part that has its proportions
    for label, canvas in ((6, (16, 16)), (7, (8, 8))):
        pool = train_split.pools["whole", label]
        picks = pool.choose(numbers(), 24)
        height, width = (length.min(torch.full_like(length, side)) for length, side in
                         zip((pool.height[picks], pool.width[picks]), canvas))
        exact = store.whole(train_split, label, numbers(), height, width, canvas)
        for x, pick, h, w in zip(exact, picks.tolist(), height.tolist(), width.tolist()):
            source = picture(int(pool.offset[pick]))
            scale = min(source.shape[0] / h, source.shape[1] / w)
            assert x[:, :h, :w].min() >= source.min() - 1e-3 and x[:, :h, :w].max() <= source.max() + 1e-3
            if abs(source.shape[0] / h - source.shape[1] / w) < 1e-6:
                assert np.abs(x[:, :h, :w].mean((1, 2)).numpy() - source.mean((0, 1))).max() < 0.1, scale
    rows = store.boxes(torch.tensor([0.5]), torch.tensor([2.0]), 3, 8)[0]
    assert torch.equal(rows, torch.tensor([[.25, .5, .25, 0, 0, 0, 0, 0], [0, 0, .25, .5, .25, 0, 0, 0],
                                           [0, 0, 0, 0, .25, .5, .25, 0]]))

    # batches: of every kind, each the same at every call, and another at another step
    seen = set()
    for step in range(150):
        for part in batches.PARTS:
            variant = batches.variant_of(train_split, 1, step, part, 8)
            if (part, variant) in seen:
                continue
            seen.add((part, variant))
            one, two, other = (batches.batch(train_split, variant, numbers("b", 0, at), part)
                               for at in (step, step, step + 1))
            for field, value in vars(one).items():
                assert torch.equal(value, getattr(two, field)), field
            assert not torch.equal(one.eps, other.eps) and not torch.equal(one.x, other.x)
            low, high = batches.part_range(part, variant.label, batches.OVERLAP)
            assert (one.sigma >= low * 0.999).all() and (one.sigma <= high * 1.001).all()
            assert one.x.shape == one.eps.shape == (variant.count, 3, *variant.canvas)
            assert not (one.x * (1 - one.inside)).any() and one.x.abs().max() <= 1
            whole = one.inside.flatten(1).all(1)
            assert whole.all() or variant.odd
            octaves = torch.log2(-torch.log2(one.r))
            assert (octaves >= -5.01).all() and (octaves <= -0.99).all() and len(one.r) == max(1, variant.count // 4)
    labels = {(part, variant.label) for part, variant in seen}
    assert labels >= {("low", 0), *(("high", label) for label in (0, 6, 7)), ("all", 0)}
    assert all(label == 0 for part, label in labels if part == "low")
    assert {variant.source for _, variant in seen} == {"crop", "resized", "whole"}
    assert sorted(batches.spread(12, device).tolist()) == list(range(12))
    # the first pictures, from which updates learn, have all of the range in the course of time, evenly
    low, high = (math.log(s) for s in batches.part_range("low", 0, batches.OVERLAP))
    sigma = torch.stack([batches.draw_sigma("low", 0, numbers("b", 0, step), 8)[:2] for step in range(2000)])
    counts = torch.histc((sigma.log() - low) / (high - low), 8, 0, 1)
    assert (counts - 500).abs().max() < 100, counts
    assert batches.grid(0, 1, "low")[-1] <= batches.BORDER * 1.0001 and len(batches.grid(0)) == 7


def turned_back(crop, turn, mirror):
    crop = np.rot90(crop, turn, (1, 2))
    return crop[:, :, ::-1] if mirror else crop
