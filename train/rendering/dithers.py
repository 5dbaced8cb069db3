"""Pictures of few colours: ordered and error-diffusion dithers, halftone screens, patterns of single pixels."""

import math

import numpy as np
from PIL import Image

from .canvas import any_colour, between, chance, palette, pick, random_size, to_image
from .scenes import field, photograph

_OLD_COLOURS = [(level * r, level * g, level * b)
                for level in (170, 255) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
_GREYS = [(v, v, v) for v in (0, 85, 170, 255)]


def bayer(order):
    """(2^order, 2^order) thresholds, 0 to 1, of an ordered dither."""
    matrix = np.zeros((1, 1))
    for _ in range(order):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return (matrix + 0.5) / matrix.size


def screen(tone, period, angle):
    """Halftone of a tone (h, w), 0 black to 1 white, in smooth-edged dots `period` pixels apart: (h, w), 0 to 1."""
    y, x = np.mgrid[:tone.shape[0], :tone.shape[1]]
    u, v = (x * math.cos(angle) + y * math.sin(angle)) / period, (y * math.cos(angle) - x * math.sin(angle)) / period
    threshold = (np.cos(2 * math.pi * u) + np.cos(2 * math.pi * v)) / 4 + 0.5
    return np.clip((tone - threshold) * period * 1.2 + 0.5, 0, 1)


def _nearest(values, colours):
    """(h, w, 3) values, each replaced by the nearest of the colours."""
    colours = np.array(colours, float)
    distance = np.stack([np.square(values - colour).sum(2) for colour in colours])
    return colours[distance.argmin(0)]


def _source(rng, h, w):
    """What is to be reduced: a photograph's stand-in, a gradient, or noise."""
    draw = rng.random()
    if draw < 0.6:
        return photograph(rng, h, w)
    if draw < 0.8:
        y, x = np.mgrid[:h, :w]
        angle = rng.uniform(0, 2 * math.pi)
        share = (x / w * math.cos(angle) + y / h * math.sin(angle)) / 2 + 0.5
        a, b = (np.array(any_colour(rng), float) for _ in range(2))
        return a + (b - a) * np.clip(share, 0, 1)[..., None]
    return 128 + 50 * np.stack([field(rng, h, w, 2) for _ in range(3)], 2)


def _colours(rng):
    steps = pick(rng, ((0, 255), (0, 128, 255), (0, 51, 102, 153, 204, 255)))
    return pick(rng, (_OLD_COLOURS, _GREYS, [(0, 0, 0), (255, 255, 255)],
                      palette(rng, between(rng, 4, 16)) + [(0, 0, 0), (255, 255, 255)],
                      [(r, g, b) for r in steps for g in steps for b in steps][:216]))


def _ordered(rng, source):
    h, w = source.shape[:2]
    matrix = bayer(between(rng, 1, 3))
    if chance(rng, 0.2):
        matrix = rng.random((64, 64))
    threshold = np.tile(matrix, (h // len(matrix) + 1, w // len(matrix) + 1))[:h, :w, None]
    return _nearest(source + (threshold - 0.5) * rng.uniform(60, 140), _colours(rng))


def _diffused(rng, source):
    colours = _colours(rng)
    table = Image.new("P", (1, 1))
    table.putpalette([c for colour in (colours * 256)[:256] for c in colour])
    reduced = to_image(source).quantize(palette=table, dither=Image.Dither.FLOYDSTEINBERG)
    return np.asarray(reduced.convert("RGB"), float)


def _one_bit(rng, source):
    grey = to_image(np.clip((source.mean(2) - 128) * rng.uniform(1, 1.6) + 128, 0, 255)).convert("L")
    bits = np.asarray(grey.convert("1"), bool)[..., None]
    dark, light = ((0, 0, 0), (255, 255, 255)) if chance(rng, 0.7) else (any_colour(rng), any_colour(rng))
    return np.where(bits, np.array(light, float), np.array(dark, float))


def _halftone(rng, source):
    """Dots of black, or of three inks at three angles."""
    period = rng.uniform(2.5, 9)
    if chance(rng, 0.5):
        return 255 * screen(source.mean(2) / 255, period, rng.uniform(0, math.pi / 2))[..., None].repeat(3, 2)
    first = rng.uniform(0, 0.3)
    inks = [screen(source[..., i] / 255, period, first + turn) for i, turn in enumerate((0.26, 1.31, 0))]
    return 255 * np.stack(inks, 2)


def _pattern(rng, h, w):
    """Fields of checkerboards, stripes and grids of one or two pixels."""
    y, x = np.mgrid[:h, :w]
    picture = np.zeros((h, w, 3))
    for _ in range(between(rng, 2, 14)):
        kind, step = between(rng, 0, 5), pick(rng, (1, 1, 1, 2, 3))
        bits = ((x + y) // step % 2, x // step % 2, y // step % 2, (x % 4 == 0) | (y % 4 == 0), (x + y) % 4 == 0,
                (x % 3 == 0) & (y % 3 == 0))[kind].astype(bool)[..., None]
        a, b = ((0, 0, 0), (255, 255, 255)) if chance(rng, 0.5) else (any_colour(rng), any_colour(rng))
        left, top = between(rng, -w // 4, w), between(rng, -h // 4, h)
        inside = (x >= left) & (x < left + between(rng, w // 8, w)) & (y >= top) & (y < top + between(rng, h // 8, h))
        if not picture.any():
            inside[:] = True
        picture = np.where(inside[..., None], np.where(bits, np.array(a, float), np.array(b, float)), picture)
    return picture


def dither(rng, fonts):
    w, h = random_size(rng)
    scale = pick(rng, (1, 1, 1, 1, 2, 3))
    size = -(-h // scale), -(-w // scale)
    if chance(rng, 0.15):
        picture = _pattern(rng, *size)
    else:
        picture = pick(rng, (_ordered, _ordered, _diffused, _diffused, _one_bit, _halftone))(rng, _source(rng, *size))
    return to_image(picture.repeat(scale, 0).repeat(scale, 1)[:h, :w])
