"""Pictures in the memory of a device, and what is cut out of them there.

All pictures lie as bytes one behind the other in a single tensor, each at its own size and as a pyramid of
box averages; nothing is read from the host while a network trains. A `Pool` names pictures of one size
class with the share that each is drawn with.
"""

import concurrent.futures
import io
import os

import numpy as np
import torch
from PIL import Image

import pack
from net import COARSEST, LABELS

RENDERED_SHARE = 0.08  # of what is drawn, where there are rendered pictures
THUMBS_SHARE = 0.75  # of the photographs that are drawn as small whole pictures
LONGEST = {3: 64, 4: 64, 5: 32, 6: 16, 7: 8}  # longer side of the pictures that a label is trained on
TAPS = 3  # lobes of the Lanczos kernel


def halve(picture):
    """Box average by 2 of (H, W, 3) bytes; an odd side is padded by repeating its last row or column."""
    h, w = picture.shape[:2]
    p = np.pad(picture, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge").astype(np.uint16)
    total = p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]
    return ((total + 2) // 4).astype(np.uint8)


def pyramid(content):
    """The picture in a file's bytes at scales 0, 1, ... until its longer side is COARSEST pixels at most."""
    with Image.open(io.BytesIO(content)) as image:
        levels = [np.asarray(image.convert("RGB"))]
    while max(levels[-1].shape[:2]) > COARSEST:
        levels.append(halve(levels[-1]))
    return levels


class Pool:
    """Pictures of one size class: tensors of one entry a picture."""

    def __init__(self, places, shares, factors, device):
        """places: [(offset in pixels, height, width)]; shares: their shares of what is drawn; factors: [(least, most)]
        that they may be scaled by."""
        places = torch.tensor(places, dtype=torch.int64).to(device)
        self.offset, self.height, self.width = places.unbind(1)
        self.until = torch.tensor(np.cumsum(shares) / np.sum(shares), dtype=torch.float64).to(device)
        self.least, self.most = torch.tensor(factors, dtype=torch.float32).to(device).unbind(1)

    def __len__(self):
        return len(self.offset)

    def choose(self, draws, count):
        """(count,) indices of pictures."""
        found = torch.searchsorted(self.until, draws.shares("picture", count).double(), right=True)
        return found.clamp(max=len(self) - 1)


class Store:
    """The pictures of one split.

    pools    {("crop", label): Pool, ("resized", 0): Pool, ("whole", label): Pool}; an entry is missing where there
             are no pictures for it
    side     {label: side of its crops}, where the wanted one has to give way to small pictures
    """

    def __init__(self, device, side=96):
        self.device, self.wanted = device, side
        self.found = []  # (kind, [(offset in pixels, height, width) of each level])
        self.parts, self.size = [], 0
        self.pools, self.side, self.data = {}, {}, None

    def add(self, kind, levels):
        if kind == "soft":
            levels = levels[1:]  # never at its own size
        places = []
        for level in levels:
            places.append((self.size, *level.shape[:2]))
            self.parts.append(level.reshape(-1, 3))
            self.size += level.shape[0] * level.shape[1]
        if places:
            self.found.append((kind, places))

    def finish(self):
        """Move the pictures to the device; nothing can be added any more."""
        self.data = torch.from_numpy(np.concatenate(self.parts or [np.zeros((0, 3), np.uint8)])).to(self.device)
        self.parts = []
        for label in range(3):
            self.add_crops(label)
        self.add_pool(("resized", 0), [
            (kind, places[0], (0.6, 1.0) if kind == "soft" else (0.5, 0.85)) for kind, places in self.found
            if kind != "thumbs"], self.side.get(0, self.wanted))
        for label, longest in LONGEST.items():
            self.add_pool(("whole", label), [
                (kind, place, (1, 1)) for kind, places in self.found for place in places
                if longest <= max(place[1:]) < 2 * longest])

    def add_crops(self, label):
        """The pool of a label's crops, with the largest side up to the wanted one that any picture has."""
        entries = []
        for kind, places in self.found:
            level = label - (kind == "soft")
            if kind != "thumbs" and 0 <= level < len(places):
                entries.append((kind, places[level], (1, 1)))
        side = min(self.wanted, max((min(place[1:]) for _, place, _ in entries), default=0)) // 8 * 8
        if side:
            self.side[label] = side
            self.add_pool(("crop", label), entries, side)

    def add_pool(self, name, entries, side=0):
        """A pool of the entries (kind, place, factors), of which crops of `side` must be possible at some factor: a
        picture's share is in proportion to its area, a kind's share of all of them is fixed."""
        entries = [(kind, place, (max(low, side / min(place[1:])), high)) for kind, place, (low, high) in entries
                   if side <= high * min(place[1:])]
        if not entries:
            return
        areas = np.array([1.0 if name[0] == "whole" else place[1] * place[2] for _, place, _ in entries])
        groups = np.array([("thumbs", "rendered").index(kind) if kind in ("thumbs", "rendered") else 2
                           for kind, _, _ in entries])
        wanted = [(1 - RENDERED_SHARE) * THUMBS_SHARE, RENDERED_SHARE, (1 - RENDERED_SHARE) * (1 - THUMBS_SHARE)]
        if not (groups == 0).any():
            wanted[2] = 1 - RENDERED_SHARE
        shares = np.zeros(len(entries))
        for group, share in enumerate(wanted):
            inside = groups == group
            if inside.any():
                shares[inside] = share * areas[inside] / areas[inside].sum()
        self.pools[name] = Pool([place for _, place, _ in entries], shares, [f for _, _, f in entries], self.device)

    def has(self, label):
        """Whether there are pictures for a label."""
        return (("crop" if label < 3 else "whole"), label) in self.pools

    def gather(self, offset, height, width, top, left, rows, columns):
        """(N, rows, columns, 3) float of the windows whose corner is (top, left) of each picture; beyond its border the
        picture's last row or column goes on."""
        i = (top[:, None] + torch.arange(rows, device=self.device)).clamp(min=0)
        j = (left[:, None] + torch.arange(columns, device=self.device)).clamp(min=0)
        i, j = torch.minimum(i, height[:, None] - 1), torch.minimum(j, width[:, None] - 1)
        return self.data[(offset[:, None] + i * width[:, None])[:, :, None] + j[:, None, :]].float()


def turned(x, draws):
    """Square pictures (N, 3, S, S), each turned and mirrored at random; half of them are upright but for a mirror."""
    n = len(x)
    transposed, upside_down, mirrored = (
        (draws.shares(name, n) < share)[:, None, None, None]
        for name, share in (("transpose", 1 / 3), ("turn", 1 / 4), ("mirror", 1 / 2)))
    x = torch.where(transposed, x.transpose(2, 3), x)
    x = torch.where(upside_down, x.flip(2), x)
    return torch.where(mirrored, x.flip(3), x)


def resampled(window, rows, columns):
    """(N, 3, h, w) of windows (N, S, S, 3) by matrices (N, h, S) and (N, w, S), each row of which is one output pixel's
    weights of the window's pixels."""
    n, side = window.shape[:2]
    down = (rows @ window.reshape(n, side, -1)).reshape(n, rows.shape[1], side, 3)
    return torch.einsum("nws,nhsc->nchw", columns, down)


def lanczos(start, step, count, size):
    """(N, count, size): pixel j lies at start + (j + 1/2) step - 1/2 of a window of `size` pixels; step >= 1."""
    j, s = (torch.arange(n, device=start.device, dtype=torch.float32) for n in (count, size))
    centre = start[:, None] + (j + 0.5) * step[:, None] - 0.5
    x = (s - centre[:, :, None]) / step[:, None, None]
    weight = torch.sinc(x) * torch.sinc(x / TAPS) * (x.abs() < TAPS)
    return weight / weight.sum(2, keepdim=True)


def boxes(start, step, count, size):
    """(N, count, size): pixel j is the mean over [start + j step, start + (j + 1) step] of a window of `size`
    pixels; 0 beyond it."""
    j, s = (torch.arange(n, device=start.device, dtype=torch.float32) for n in (count, size))
    low = (start[:, None] + j * step[:, None])[:, :, None]
    high = low + step[:, None, None]
    return (torch.minimum(s + 1, high) - torch.maximum(s, low)).clamp(min=0) / step[:, None, None]


# ---- Pictures for a label -----------------------------------------------------------------------


def crops(store, label, draws, count):
    """(count, 3, S, S) crops of scale `label`, values 0 to 255."""
    pool, side = store.pools["crop", label], store.side[label]
    pick = pool.choose(draws, count)
    offset, height, width = pool.offset[pick], pool.height[pick], pool.width[pick]
    top, left = draws.below("top", height - side + 1), draws.below("left", width - side + 1)
    return turned(store.gather(offset, height, width, top, left, side, side).permute(0, 3, 1, 2), draws)


def resized_crops(store, draws, count):
    """(count, 3, S, S) crops at full size of pictures that are first made smaller by a factor of their own (Lanczos),
    values 0 to 255, whole numbers."""
    pool, side = store.pools["resized", 0], store.side.get(0, store.wanted)
    pick = pool.choose(draws, count)
    least, most = pool.least[pick], pool.most[pick]
    step = 1 / (least + (most - least) * draws.shares("factor", count))
    size = int(2 * side + 4 * TAPS + 2)  # a window for the largest step, 2
    starts, corners = [], []
    for name, length in (("top", pool.height[pick]), ("left", pool.width[pick])):
        start = (length - side * step).clamp(min=0) * draws.shares(name, count)
        corner = (start - TAPS * step).floor()
        starts.append(start - corner)
        corners.append(corner.long())
    window = store.gather(pool.offset[pick], pool.height[pick], pool.width[pick], *corners, size, size)
    rows, columns = (lanczos(start, step, side, size) for start in starts)
    return turned(resampled(window, rows, columns).round().clamp(0, 255), draws)


def whole(store, label, draws, height, width, canvas):
    """(count, 3, *canvas) pictures of `height` x `width` pixels (int64 tensors of one entry a picture), each the largest
    part of a whole picture that has these proportions; 0 beyond. Values 0 to 255."""
    pool, count = store.pools["whole", label], len(height)
    pick = pool.choose(draws, count)
    of_height, of_width = pool.height[pick], pool.width[pick]
    step = torch.minimum(of_height / height, of_width / width)
    top, left = ((length - part * step) * draws.shares(name, count)
                 for name, length, part in (("top", of_height, height), ("left", of_width, width)))
    size = 2 * LONGEST[label]
    zero = torch.zeros_like(pick)
    window = store.gather(pool.offset[pick], of_height, of_width, zero, zero, size, size)
    x = resampled(window, boxes(top, step, canvas[0], size), boxes(left, step, canvas[1], size)).clamp(0, 255)
    mirrored = (draws.shares("mirror", count) < 0.5)[:, None, None, None]
    columns = torch.arange(canvas[1], device=x.device)
    opposite = (width[:, None] - 1 - columns).clamp(min=0)[:, None, None, :].expand_as(x)
    return torch.where(mirrored, x.gather(3, opposite), x)


def decoded(item):
    kind, name, content = item
    try:
        return kind, name, pyramid(content)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name}: {error}") from error


def load(packs, device, side=96, log=print):
    """(Store to train on, Store that is held out) of the pictures of some packs."""
    stores = Store(device, side), Store(device, 128)
    counts = dict.fromkeys(pack.KINDS, 0)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in packs:
            for kind, name, levels in pool.map(decoded, pack.packed(path)):
                stores[pack.held_out(name)].add(kind, levels)
                counts[kind] += 1
    for split in stores:
        split.finish()
    log("pictures: " + ", ".join(f"{count} {kind}" for kind, count in counts.items())
        + f"; {3 * (stores[0].size + stores[1].size) / 2**20:.0f} MiB on {device}")
    if not any(stores[0].has(label) for label in range(LABELS)):
        raise ValueError("the packs have no pictures to train on")
    return stores
