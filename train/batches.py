"""What a step of training sees: which scale, which part of it, noise of which sigma.

A batch is a pure function of (seed, step, rank): the host decides by a hash what kind of batch a step has (its
`Variant`, which fixes all shapes), and the device draws the rest.
"""

import dataclasses
import math

import torch

import draws
import store
from net import LABELS, LIFT

# Share of the training steps per scale label; 3 to 7 cost next to nothing a step.
LABEL_SHARE = (0.60, 0.11, 0.08, 0.06, 0.04, 0.03, 0.04, 0.04)
RESIZED_SHARE = 0.25  # of the steps at full size: pictures made smaller by a factor of their own
SIGMA_FULL = (0.010, 0.75)  # noise range at full size
SIGMA_LIFT = (0.30, 0.75)  # and between two lifts
SIGMA_FIRST = (0.30, 30.0)  # and at the coarsest scale, which starts from nothing
SMALL_STEPS = 1.5  # sigma up to which half of the coarsest scale's draws are
BORDER_LEVEL, BORDER = 96, 0.0875  # noise level, sigma: where the low-noise network follows the high-noise one
OVERLAP = 2**0.25  # how far beyond it either one learns
PARTS = ("high", "low", "all")
STEP_OCTAVES = (-5, -1)  # log2 of the octaves of the steps from which updates learn
ODD, ODD_SMALL = 8, 6  # numbers of sizes that pictures have on a canvas, down from its own; on a side of 8 pixels
# Sizes of small whole pictures, by label, either way up; sides are multiples of 8, as networks pad theirs.
CANVASES = {3: ((64, 64), (64, 48), (64, 32)), 4: ((64, 64), (64, 48), (56, 40), (48, 32), (40, 40)),
            5: ((32, 32), (32, 24), (32, 16), (24, 24), (24, 16)), 6: ((16, 16), (16, 8)), 7: ((8, 8),)}


@dataclasses.dataclass(frozen=True)
class Variant:
    """A kind of batch; all batches of a kind have the same shapes."""

    label: int
    source: str  # "crop", "resized" or "whole"
    canvas: tuple  # height, width of the tensors
    count: int  # pictures
    odd: bool  # whether pictures may be smaller than the canvas, by less than ODD


@dataclasses.dataclass
class Batch:
    """Tensors on the device; N pictures."""

    x: torch.Tensor  # x_0, (N, 3, H, W) in [-1, 1], 0 beyond the pictures' borders
    inside: torch.Tensor  # (N, 1, H, W), 1 inside of the pictures and 0 beyond
    sigma: torch.Tensor  # (N,)
    label: torch.Tensor  # (N,) int64
    eps: torch.Tensor  # standard normal, (N, 3, H, W)
    r: torch.Tensor  # (n,) sigma after a step over that before, for the first n pictures


def sigma_range(label):
    return SIGMA_FULL if label == 0 else SIGMA_FIRST if label == LABELS - 1 else SIGMA_LIFT


def part_range(part, label, overlap=1.0):
    """Noise range of a label that a network is for: "all", or one of two that share the work at full size, "low" up to
    BORDER and "high", which has all the other scales, too. None if there is none."""
    low, high = sigma_range(label)
    if part == "low":
        return (low, BORDER * overlap) if label == 0 else None
    return (BORDER / overlap if part == "high" and label == 0 else low), high


def picture_count(label, size):
    """Pictures in a batch of `size` crops' worth of a label: smaller pictures come in larger numbers."""
    return size if label < 3 else min(size * 2 ** (label - 2), size * 12)


def variant_of(pictures, seed, step, part, size):
    """The Variant of a step, the same for all processes. `size` counts crops at full size."""
    def share(name):
        return draws.host_share(seed, step, part, name)

    shares = [s if part_range(part, label) and pictures.has(label) else 0 for label, s in enumerate(LABEL_SHARE)]
    if not any(shares):
        raise ValueError(f"there are no pictures for the {part}-noise part")
    at, label = share("label") * sum(shares), 0
    while at >= shares[label]:
        at -= shares[label]
        label += 1
    count = picture_count(label, size)
    if label < 3:
        side = pictures.side[label]
        resized = label == 0 and ("resized", 0) in pictures.pools and share("source") < RESIZED_SHARE
        return Variant(label, "resized" if resized else "crop", (side, side), count, share("odd") < 0.2)
    canvases = CANVASES[label]
    canvas = canvases[int(share("canvas") * len(canvases))]
    return Variant(label, "whole", canvas[::-1] if share("upright") < 0.4 else canvas, count, True)


def draw(pictures, variant, numbers):
    """(x, inside) of a Batch, from a store.Store and draws.Draws."""
    count, device = variant.count, numbers.step.device
    sides = []
    for name, side in zip(("height", "width"), variant.canvas):
        full = torch.full((count,), side, device=device)
        spare = torch.full((count,), ODD if side > ODD else ODD_SMALL, device=device)
        sides.append(full - numbers.below(name, spare) if variant.odd else full)
    if variant.source == "whole":
        x = store.whole(pictures, variant.label, numbers, *sides, variant.canvas)
    elif variant.source == "resized":
        x = store.resized_crops(pictures, numbers, count)
    else:
        x = store.crops(pictures, variant.label, numbers, count)
    rows, columns = (torch.arange(side, device=device) for side in variant.canvas)
    inside = (rows < sides[0][:, None])[:, :, None] & (columns < sides[1][:, None])[:, None, :]
    inside = inside[:, None].float()
    return (x / 127.5 - 1) * inside, inside


def spread(count, device):
    """(count,) int64: each of 0 .. count - 1 once, in an order in which any first part of them is evenly spread."""
    stride = max(1, round(count * 0.618))
    while math.gcd(stride, count) > 1:
        stride += 1
    return torch.arange(count, device=device) * stride % count


def draw_sigma(part, label, numbers, count):
    """(count,) sigma, ln sigma evenly spread over the label's range."""
    low, high = (math.log(s) for s in part_range(part, label, OVERLAP))
    device = numbers.step.device
    first = numbers.below("first", torch.full((1,), count, device=device))  # no picture has always the same place
    u = ((spread(count, device) + first) % count + numbers.shares("sigma", count)) / count
    ln = low + (high - low) * u
    if label == LABELS - 1:
        small = numbers.shares("small", count) < 0.5
        ln = torch.where(small, low + (math.log(SMALL_STEPS) - low) * u, ln)
    return ln.exp()


def batch(pictures, variant, numbers, part):
    """The Batch of a step; a quarter of its pictures takes a step of the chain, too."""
    x, inside = draw(pictures, variant, numbers)
    count = variant.count
    low, high = STEP_OCTAVES
    octaves = torch.exp2(low + (high - low) * numbers.shares("octaves", max(1, count // 4)))
    return Batch(x, inside, draw_sigma(part, variant.label, numbers, count),
                 torch.full((count,), variant.label, device=x.device), numbers.normals("eps", tuple(x.shape)),
                 torch.exp2(-octaves))


# ---- Held-out pictures --------------------------------------------------------------------------


def grid(label, per_octave=1, part="all"):
    """Sigmas at which a held-out error is measured for a label: LIFT * 2^(i / per_octave)."""
    span = part_range(part, label)
    if not span:
        return []
    low, high = span
    first = math.ceil(per_octave * math.log2(low / LIFT) - 1e-9)
    last = math.floor(per_octave * math.log2(high / LIFT) + 1e-9)
    return [LIFT * 2 ** (i / per_octave) for i in range(first, last + 1)]


def fixed(pictures, label, count, name="held out"):
    """(count, 3, H, W) pictures of a label, the same at every call; None if there are none."""
    if not pictures.has(label):
        return None
    canvas = (pictures.side[label],) * 2 if label < 3 else CANVASES[label][0]
    variant = Variant(label, "crop" if label < 3 else "whole", canvas, count, False)
    numbers = draws.Draws(name, label, torch.zeros((), dtype=torch.int64, device=pictures.device))
    return draw(pictures, variant, numbers)[0]


def normal(shape, device, *name):
    """Standard normal values that depend on `name` alone."""
    return draws.Draws("normal", name, torch.zeros((), dtype=torch.int64, device=device)).normals("eps", tuple(shape))
