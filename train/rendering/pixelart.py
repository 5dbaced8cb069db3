"""Pixel art: sprites, tile maps and scenes of few colours, each pixel a square of several."""

import numpy as np
from PIL import Image

from .canvas import Sheet, any_colour, between, blend, chance, hsv, palette, pick, random_size
from .dithers import bayer
from .scenes import field


def _ramp(rng, count=4):
    """Shades of one hue, dark to light, the hue moving a little with them."""
    hue, turn, strength = rng.random(), rng.uniform(-0.12, 0.12), rng.uniform(0.3, 0.9)
    return [hsv(hue + turn * i / count, strength * (1.1 - 0.5 * i / count), 0.25 + 0.75 * (i + 1) / count)
            for i in range(count)]


def _sprite(rng, side):
    """(side, side, 3) colours and (side, side) mask: a creature alike on both halves, shaded, with an outline."""
    half = (side + 1) // 2
    body = field(rng, side, side, 1.2)[:, :half]
    y, x = np.mgrid[:side, :half]
    body = body * 0.6 + 1.2 - 2.6 * np.hypot((x - half + 1) / half, (y - side / 2) / (side / 2)) ** 2
    mask = body > 0
    mask[[0, -1]] = False
    mask[:, 0] = False
    ramps = [_ramp(rng) for _ in range(3)]
    which = np.clip(np.floor(field(rng, side, side, 1.0)[:, :half] + 1.5), 0, 2).astype(int)
    shade = np.clip(((1 - y / side) * 3 + body * 0.5).astype(int), 0, 3)
    colours = np.array(ramps, np.uint8)[which, shade]
    mirror = slice(None, None, -1)
    colours = np.concatenate([colours, colours[:, mirror][:, side % 2:]], 1)
    mask = np.concatenate([mask, mask[:, mirror][:, side % 2:]], 1)
    grown = mask.copy()
    for axis in (0, 1):
        for step in (1, -1):
            grown |= np.roll(mask, step, axis)
    colours[grown & ~mask] = (20, 16, 28)
    eye = side * 2 // 5
    for column in (half - 1 - side // 6, side - half + side // 6):
        if mask[eye, column]:
            colours[eye, column] = (255, 255, 255)
            colours[eye + 1, column] = (0, 0, 0)
    return colours, grown


def _put(picture, colours, mask, top, left):
    h, w = picture.shape[:2]
    bottom, right = min(h, top + len(mask)), min(w, left + mask.shape[1])
    if top < 0 or left < 0 or bottom <= top or right <= left:
        return
    part = mask[:bottom - top, :right - left]
    picture[top:bottom, left:right][part] = colours[:bottom - top, :right - left][part]


def _tile(rng, side):
    """(side, side, 3): bricks, grass, water, planks or plain with specks."""
    ramp, (y, x) = np.array(_ramp(rng), np.uint8), np.mgrid[:side, :side]
    kind, quarter = between(rng, 0, 4), max(2, side // 4)
    if kind == 0:
        row = y // quarter
        joint = (y % quarter == 0) | ((x + row % 2 * quarter) % (2 * quarter) == 0)
        return ramp[np.where(joint, 0, 2 + (y % quarter == 1))]
    if kind == 1:
        return ramp[np.where(rng.random((side, side)) < 0.15, 3, np.where(rng.random((side, side)) < 0.2, 1, 2))]
    if kind == 2:
        wave = (x + (y // quarter) * quarter // 2) % (2 * quarter)
        return ramp[np.where((y % quarter == 0) & (wave < quarter), 3, 1)]
    if kind == 3:
        return ramp[np.where(x % quarter == 0, 0, np.where(rng.random((side, side)) < 0.1, 1, 2))]
    tile = np.full((side, side), 2)
    tile[0], tile[:, 0], tile[-1], tile[:, -1] = 3, 3, 1, 1
    return ramp[tile]


def _world(rng, h, w):
    """A map of tiles with sprites on it, seen from above or from the side."""
    side = pick(rng, (8, 16, 16, 24))
    tiles = [_tile(rng, side) for _ in range(between(rng, 3, 7))]
    rows, columns = h // side + 2, w // side + 2
    terrain = field(rng, rows, columns, rng.uniform(0.8, 2))
    if chance(rng, 0.4):
        terrain += np.linspace(-2, 2, rows)[:, None]
    index = np.clip(np.floor((terrain + 2) / 4 * len(tiles)), 0, len(tiles) - 1).astype(int)
    picture = np.array(tiles)[index].transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)[:h, :w].copy()
    for _ in range(between(rng, 3, 25)):
        _put(picture, *_sprite(rng, side), between(rng, 0, h), between(rng, 0, w))
    return picture


def _gallery(rng, h, w):
    """Sprites in rows on a plain ground."""
    side, picture = between(rng, 8, 32), np.zeros((h, w, 3), np.uint8)
    picture[:] = any_colour(rng)
    if chance(rng, 0.3):
        y, x = np.mgrid[:h, :w]
        picture[((x // 4 + y // 4) % 2).astype(bool)] = blend(picture[0, 0].tolist(), (128, 128, 128), 0.3)
    for top in range(1, h, side + 2):
        for left in range(1, w, side + 2):
            _put(picture, *_sprite(rng, side), top, left)
    return picture


def _view(rng, h, w):
    """A sky of bands, hills, a sun or a town at night, dithered where colours meet."""
    sky, threshold = np.array(_ramp(rng, 6), np.uint8), np.tile(bayer(2), (h // 4 + 1, w // 4 + 1))[:h, :w]
    level = np.linspace(0, 4.99, h)[:, None] + (threshold - 0.5) * rng.uniform(0, 1.2)
    picture = sky[np.clip(level, 0, 5).astype(int)]
    y, x = np.mgrid[:h, :w]
    cx, cy, r = rng.uniform(0, w), rng.uniform(0, h * 0.6), h * rng.uniform(0.08, 0.25)
    picture[np.hypot(x - cx, y - cy) < r] = hsv(rng.uniform(0.08, 0.17), rng.uniform(0, 0.7), 1)
    for colour in _ramp(rng, between(rng, 2, 4))[::-1]:
        edge = h * rng.uniform(0.4, 0.9) + field(rng, 1, w, rng.uniform(1, 1.6))[0] * h * 0.08
        picture[y > np.floor(edge)[None]] = colour
    for _ in range(between(rng, 0, 12)):
        left, wide, top = between(rng, 0, w), between(rng, 5, max(6, w // 8)), between(rng, h // 3, h)
        picture[top:, left:left + wide] = blend(any_colour(rng), (0, 0, 0), 0.6)
        picture[top + 1::3, left + 1:left + wide - 1:2] = pick(rng, ((255, 220, 120), (60, 60, 80)))
    return picture


def _shapes(rng, h, w):
    """Bars, circles and lines without smooth edges: signs and panels of old programs."""
    colours = palette(rng, between(rng, 3, 12))
    sheet = Sheet((w, h), pick(rng, colours))
    for _ in range(between(rng, 10, 40)):
        x, y = between(rng, 0, w), between(rng, 0, h)
        u, v = between(rng, 2, max(3, w // 3)), between(rng, 2, max(3, h // 3))
        colour, kind = pick(rng, colours), between(rng, 0, 3)
        if kind == 0:
            sheet.ellipse((x, y, x + u, y + v), colour)
        elif kind == 1:
            sheet.line([(x, y), (x + u, y + v)], colour)
        else:
            sheet.rectangle((x, y, x + u, y + v), colour, pick(rng, (None, (0, 0, 0))))
    return np.asarray(sheet.image)


def pixelart(rng, fonts):
    w, h = random_size(rng)
    scale = pick(rng, (1, 2, 2, 3, 3, 4, 4, 5, 6, 8, 12))
    picture = pick(rng, (_world, _world, _world, _gallery, _view, _view, _shapes))(rng, -(-h // scale), -(-w // scale))
    return Image.fromarray(picture.repeat(scale, 0).repeat(scale, 1)[:h, :w])
