"""Pictures for training and for held-out measurement.

Three kinds of source, each any number of folders or tar files of pictures:
  sharp    good at their own size: all scales
  soft     damaged (JPEG, noise): used only downscaled at least 2x, so scale 0 never sees them
           at their own size
  thumbs   small whole pictures, for the scales at which a whole picture is small

Batches are a pure function of (seed, step, rank): nothing to save, nothing to restore.
"""

import hashlib
import io
import math
import pathlib
import tarfile

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from net import COARSEST, LABELS, LIFT

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
HELD_OUT = 24  # one picture in this many is kept for validation, by a hash of its name
# Share of the training steps per scale label; 3 to 7 cost next to nothing a step.
LABEL_SHARE = (0.60, 0.11, 0.08, 0.06, 0.04, 0.03, 0.04, 0.04)
SIGMA_FULL = (0.010, 0.75)  # noise range at full size
SIGMA_LIFT = (0.30, 0.75)  # and between two lifts
SIGMA_FIRST = (0.30, 30.0)  # and at the coarsest scale, which starts from nothing
BORDER_LEVEL, BORDER = 96, 0.0875  # noise level, sigma: where a "quiet" network follows a "loud" one
OVERLAP = 2**0.25  # so much of the other's range either learns, too


def pictures(path):
    """Yield (name, PIL image) for every picture in a folder (recursively) or a tar file."""
    path = pathlib.Path(path)
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in SUFFIXES:
                yield file.name, Image.open(file)
        return
    with tarfile.open(path) as archive:
        for member in archive:
            if pathlib.Path(member.name).suffix.lower() in SUFFIXES:
                yield pathlib.Path(member.name).name, Image.open(io.BytesIO(archive.extractfile(member).read()))


def held_out(name):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % HELD_OUT == 0


def halve(picture):
    """Box average by 2; an odd side is padded by repeating its last row or column."""
    h, w = picture.shape[:2]
    p = np.pad(picture, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge").astype(np.uint16)
    total = p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]
    return ((total + 2) // 4).astype(np.uint8)


class Pictures:
    """All pictures in memory, as pyramids of uint8 (H, W, 3) arrays."""

    def __init__(self, sharp, soft, thumbs, seed=0, log=print):
        self.train, self.valid = _Split(), _Split()
        rng = np.random.default_rng(seed)
        for kind, sources in (("sharp", sharp), ("soft", soft), ("thumbs", thumbs)):
            count = 0
            for source in sources:
                for name, image in pictures(source):
                    split = self.valid if held_out(name) else self.train
                    split.add(kind, image.convert("RGB"), rng)
                    count += 1
            log(f"{kind}: {count} pictures")
        for split in (self.train, self.valid):
            split.thumbs = np.stack(split.thumbs) if split.thumbs else np.zeros((0, 64, 64, 3), np.uint8)


class _Split:
    def __init__(self):
        self.full, self.resized, self.pyramids, self.thumbs = [], [], [], []

    def add(self, kind, image, rng):
        if kind == "thumbs":
            if image.size != (64, 64):
                image = image.resize((64, 64), Image.BOX, reducing_gap=None)
            self.thumbs.append(np.asarray(image))
            return
        factor = rng.uniform(0.5, 0.85) if kind == "sharp" else rng.uniform(0.3, 0.5)
        size = [max(16, round(side * factor)) for side in image.size]
        self.resized.append(np.asarray(image.resize(size, Image.LANCZOS)))
        levels = [np.asarray(image)]
        if kind == "sharp":
            self.full.append(levels[0])
        while max(levels[-1].shape[:2]) > COARSEST:
            levels.append(halve(levels[-1]))
        self.pyramids.append(levels)

    def crops(self, rng, label, batch, side):
        """(batch, h, w, 3) uint8 crops for labels 0 to 2, flipped and turned at random."""
        if label:
            pool = [p[label] for p in self.pyramids]
        else:
            pool = self.full if rng.random() < 0.75 or not self.resized else self.resized
        out = []
        fits = [i for i, p in enumerate(pool) if min(p.shape[:2]) >= side]
        while not fits:
            side = side * 3 // 4
            fits = [i for i, p in enumerate(pool) if min(p.shape[:2]) >= side]
        area = np.array([pool[i].shape[0] * pool[i].shape[1] for i in fits], float)
        for i in rng.choice(len(fits), batch, p=area / area.sum()):
            p = pool[fits[i]]
            top, left = (int(rng.integers(n - side + 1)) for n in p.shape[:2])
            crop = p[top:top + side, left:left + side]
            out.append(_turn(crop, rng))
        return np.stack(out)

    def whole(self, rng, label, batch):
        """(batch, h, w, 3) float whole pictures whose longer side is that of a label 3 to 7."""
        longest = 128 >> (label - 3)
        wide = int(rng.integers(longest // 2 + 1, longest + 1)) if label > 3 else 64
        high = max(1, round(wide * rng.uniform(0.5, 1.0)))
        h, w = (high, wide) if rng.random() < 0.6 else (wide, high)
        scale = 64 / max(h, w)
        box_h, box_w = max(1, round(h * scale)), max(1, round(w * scale))
        out = []
        from_pyramid = self.pyramids and (rng.random() < 0.25 or not len(self.thumbs))
        for _ in range(batch):
            if from_pyramid:
                levels = self.pyramids[rng.integers(len(self.pyramids))]
                p = next((l for l in levels if max(l.shape[:2]) < 200), levels[-1])
                p = _crop_to(p, box_h / box_w, rng)
            else:
                p = self.thumbs[rng.integers(len(self.thumbs))]
                top, left = int(rng.integers(65 - box_h)), int(rng.integers(65 - box_w))
                p = p[top:top + box_h, left:left + box_w]
            p = p[:, ::-1] if rng.random() < 0.5 else p
            t = torch.from_numpy(np.ascontiguousarray(p)).permute(2, 0, 1)[None].float()
            out.append(F.adaptive_avg_pool2d(t, (h, w)) if t.shape[2:] != (h, w) else t)
        return torch.cat(out)


def _turn(crop, rng):
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    return np.rot90(crop, int(rng.choice((0, 0, 0, 1, 2, 3))))


def _crop_to(p, aspect, rng):
    """Largest crop of height/width `aspect`, at a random place."""
    h, w = p.shape[:2]
    ch, cw = min(h, max(1, round(w * aspect))), min(w, max(1, round(h / aspect)))
    top, left = int(rng.integers(h - ch + 1)), int(rng.integers(w - cw + 1))
    return p[top:top + ch, left:left + cw]


def sigma_range(label):
    return SIGMA_FULL if label == 0 else SIGMA_FIRST if label == LABELS - 1 else SIGMA_LIFT


def part_range(part, label, overlap=1.0):
    """Noise range of a label that a network is for: "all", or one of two that share the work at full size,
    "quiet" up to BORDER and "loud", which has all the other scales too. None if there is none."""
    low, high = sigma_range(label)
    if part == "quiet":
        return (low, BORDER * overlap) if label == 0 else None
    return (BORDER / overlap if part == "loud" and label == 0 else low), high


def draw(split, rng, label, batch, side):
    """x_0 (N, 3, H, W) float in [-1, 1] for one label."""
    if label < 3:
        x = torch.from_numpy(split.crops(rng, label, batch, side)).permute(0, 3, 1, 2).float()
    else:
        x = split.whole(rng, label, batch)
    return x / 127.5 - 1


def batch(split, seed, step, rank, size, side, part="all"):
    """One training batch: x_0, sigma, label, eps. `size` crops of `side`^2 pixels at full size;
    smaller pictures come in larger batches."""
    shared = np.random.default_rng([seed, step])
    share = np.array([s if part_range(part, label) else 0 for label, s in enumerate(LABEL_SHARE)])
    label = int(shared.choice(LABELS, p=share / share.sum()))
    rng = np.random.default_rng([seed, step, rank, 1])
    if rng.random() < 0.2:  # sizes that need padding
        side -= int(rng.integers(1, 8))
    count = size if label < 3 else min(size * 2 ** (label - 2), size * 12)
    x = draw(split, rng, label, count, side)
    count = x.shape[0]
    low, high = (math.log(s) for s in part_range(part, label, OVERLAP))
    u = (np.arange(count) + rng.random(count)) / count
    if label == LABELS - 1:  # half of the draws where the steps are small
        middle = math.log(1.5)
        ln = np.where(rng.random(count) < 0.5, low + (middle - low) * u, low + (high - low) * u)
    else:
        ln = low + (high - low) * u
    sigma = torch.from_numpy(np.exp(rng.permutation(ln))).float()
    eps = torch.from_numpy(rng.standard_normal(tuple(x.shape), np.float32))
    return x, sigma, torch.full((count,), label, dtype=torch.long), eps


def ratios(seed, step, rank, count):
    """(count,) ratios of the noise after a step to that before, for steps of 1/32 to 1/2 octave."""
    octaves = np.exp2(np.random.default_rng([seed, step, rank, 2]).uniform(-5, -1, count))
    return torch.from_numpy(np.exp2(-octaves)).float()


def grid(label, per_octave=1, part="all"):
    """Noise levels at which held-out error is measured for a label: LIFT * 2^(i/per_octave)."""
    span = part_range(part, label)
    if not span:
        return []
    low, high = span
    first = math.ceil(per_octave * math.log2(low / LIFT) - 1e-9)
    last = math.floor(per_octave * math.log2(high / LIFT) + 1e-9)
    return [LIFT * 2 ** (i / per_octave) for i in range(first, last + 1)]
