"""Flat colours (flags, logos, patterns, cartoons) and smooth gradients, banded or not."""

import math

import numpy as np
from PIL import Image

from . import words
from .canvas import Sheet, any_colour, between, blend, chance, hsv, palette, pick, random_size, to_image, vivid
from .scenes import field


def _star(x, y, r, points=5, turn=-math.pi / 2, inner=0.4):
    return [(x + q * math.cos(turn + math.pi * i / points), y + q * math.sin(turn + math.pi * i / points))
            for i in range(2 * points) for q in [r if i % 2 == 0 else r * inner]]


def _flag(rng, pen, box, colours):
    left, top, right, bottom = box
    w, h, kind = right - left, bottom - top, between(rng, 0, 5)
    if kind in (0, 1):
        n = between(rng, 2, 7)
        for i in range(n):
            x, y = left + w * i / n, top + h * i / n
            part = (left, y, right, y + h / n) if kind == 0 else (x, top, x + w / n, bottom)
            pen.rectangle(part, colours[i % between(rng, 2, 4)])
    else:
        pen.rectangle(box, colours[0])
        at, t = pick(rng, (0.35, 0.5)), h * rng.uniform(0.08, 0.2)
        if kind == 2:
            pen.rectangle((left + w * at - t, top, left + w * at + t, bottom), colours[1])
            pen.rectangle((left, top + h / 2 - t, right, top + h / 2 + t), colours[1])
        elif kind == 3:
            pen.disc(left + w / 2, top + h / 2, h * rng.uniform(0.2, 0.35), colours[1])
        elif kind == 4:
            pen.line([(left, top), (right, bottom)], colours[1], t)
            pen.line([(left, bottom), (right, top)], colours[1], t)
        else:
            pen.rectangle((left, top, right, top + h / 2), colours[1])
            pen.polygon([(left, top), (left + w * 0.4, top + h / 2), (left, bottom)], colours[2])
    if chance(rng, 0.4):
        pen.polygon(_star(left + w * rng.uniform(0.2, 0.5), top + h / 2, h * 0.2, between(rng, 5, 8)), colours[3])


def _flags(rng, fonts):
    size, count = random_size(rng), pick(rng, (1, 1, 2, 3, 5))
    sheet = Sheet(size, pick(rng, ((255, 255, 255), (0, 0, 0), vivid(rng))))
    wide, high = size[0] / count, size[1] / count
    with sheet.edges(rng) as pen:
        for i in range(count):
            for j in range(count):
                gap = 0 if count == 1 else 6
                box = (i * wide + gap, j * high + gap, (i + 1) * wide - gap, (j + 1) * high - gap)
                plain = [(255, 255, 255), (0, 0, 0), *(vivid(rng) for _ in range(3))]
                _flag(rng, pen, box, [plain[i] for i in rng.permutation(len(plain))])
    return sheet.image


def _logo(rng, fonts):
    """Simple signs on a plain ground, with a word."""
    size, colours = random_size(rng), palette(rng, 5)
    sheet, n = Sheet(size, pick(rng, ((255, 255, 255), (0, 0, 0), any_colour(rng)))), pick(rng, (1, 1, 2, 3))
    cell, rows = size[0] / n, max(1, round(size[1] / (size[0] / n)))
    high = size[1] / rows
    tongue = words.language(rng, fonts, 0.7)
    face = fonts.face(rng, tongue.script, max(12, round(min(cell, high) * 0.14)))
    for i in range(n):
        for j in range(rows):
            x, y, r = (i + 0.5) * cell, (j + 0.42) * high, min(cell, high) * 0.28
            with sheet.smooth((x - cell / 2, y - high / 2, x + cell / 2, y + high / 2)) as pen:
                for _ in range(between(rng, 2, 5)):
                    colour, q, kind = pick(rng, colours), r * rng.uniform(0.3, 1), between(rng, 0, 4)
                    u, v = x + rng.uniform(-0.3, 0.3) * r, y + rng.uniform(-0.3, 0.3) * r
                    if kind == 0:
                        pen.disc(u, v, q, colour)
                    elif kind == 1:
                        pen.disc(u, v, q, None, colour, q * 0.25)
                    elif kind == 2:
                        pen.polygon(_star(u, v, q, between(rng, 2, 9), rng.uniform(0, 6), rng.uniform(0.3, 0.9)),
                                    colour)
                    elif kind == 3:
                        pen.rectangle((u - q, v - q * 0.6, u + q, v + q * 0.6), colour, None, 1,
                                      q * rng.uniform(0, 0.6))
                    else:
                        pen.slice((u - q, v - q, u + q, v + q), rng.uniform(0, 360), rng.uniform(360, 600), colour)
            sheet.text((x, y + r * 1.15), words.word(rng, tongue), face, pick(rng, colours), "m")
    return sheet.image


def _pattern(rng, fonts):
    """A plane cut by rectangles, stripes, or a repeated shape."""
    size, colours = random_size(rng), palette(rng, between(rng, 2, 6)) + [(255, 255, 255), (0, 0, 0)]
    sheet, kind = Sheet(size, pick(rng, colours)), between(rng, 0, 3)
    with sheet.edges(rng) as pen:
        if kind == 0:
            boxes = [(0, 0, *size)]
            for _ in range(between(rng, 3, 40)):
                left, top, right, bottom = boxes.pop(between(rng, 0, len(boxes) - 1))
                x, y = left + (right - left) * rng.uniform(0.25, 0.75), top + (bottom - top) * rng.uniform(0.25, 0.75)
                boxes += [(left, top, x, bottom), (x, top, right, bottom)] if right - left > bottom - top else \
                    [(left, top, right, y), (left, y, right, bottom)]
            line, width = pick(rng, (None, (0, 0, 0))), between(rng, 1, 8)
            for box in boxes:
                pen.rectangle(box, pick(rng, colours), line, width)
        elif kind == 1:
            step, angle, reach = rng.uniform(3, 60), rng.uniform(0, math.pi), sum(size)
            c, s = math.cos(angle), math.sin(angle)
            for i, at in enumerate(np.arange(-reach, reach, step)):
                x, y = size[0] / 2 + at * c, size[1] / 2 + at * s
                pen.line([(x - reach * s, y + reach * c), (x + reach * s, y - reach * c)], colours[i % 2],
                         step * rng.uniform(0.3, 0.6))
        else:
            step, points, turn = between(rng, 14, 90), between(rng, 3, 8), rng.uniform(0, 3)
            for j, y in enumerate(range(0, size[1] + step, step)):
                for x in range(j % 2 * step // 2, size[0] + step, step):
                    if kind == 2:
                        pen.polygon(_star(x, y, step * 0.45, points, turn, 0.6), colours[(x + j) % len(colours)])
                    else:
                        pen.disc(x, y, step * 0.35, colours[(x // step + j) % 2], colours[2], step * 0.08)
    return sheet.image


def _cartoon(rng, fonts):
    """Hills, houses, trees and clouds of flat colours, with or without outlines."""
    size, line = random_size(rng), pick(rng, (None, (20, 20, 30)))
    sheet = Sheet(size, hsv(rng.uniform(0.5, 0.65), rng.uniform(0.2, 0.7), 1))
    w, h = size
    with sheet.smooth() as pen:
        pen.disc(rng.uniform(0, w), rng.uniform(0, h / 3), h * 0.1, hsv(0.14, 0.7, 1), line, 3)
        for _ in range(between(rng, 1, 4)):
            x, y, r = rng.uniform(0, w), rng.uniform(0, h * 0.35), rng.uniform(15, 40)
            for i in range(3):
                pen.ellipse((x + i * r, y - r * (0.5 + 0.4 * (i == 1)), x + i * r + 2 * r, y + r), (255, 255, 255))
        for i in range(3):
            base = h * (0.5 + 0.17 * i)
            xs = np.linspace(0, w, 40)
            ys = base + h * 0.08 * np.sin(xs / w * rng.uniform(3, 12) + rng.uniform(0, 6))
            green = hsv(rng.uniform(0.2, 0.4), rng.uniform(0.4, 0.8), rng.uniform(0.5, 0.9))
            pen.polygon([*zip(xs, ys), (w, h), (0, h)], green, line, 3)
            for _ in range(between(rng, 1, 5)):
                x, s = rng.uniform(0, w), h * rng.uniform(0.05, 0.12)
                if chance(rng, 0.5):
                    pen.rectangle((x - s, base - s, x + s, base + s), vivid(rng), line, 3)
                    roof = [(x - 1.3 * s, base - s), (x, base - 2 * s), (x + 1.3 * s, base - s)]
                    pen.polygon(roof, vivid(rng), line, 3)
                    pen.rectangle((x - s * 0.3, base + s * 0.2, x + s * 0.3, base + s), vivid(rng), line, 2)
                else:
                    pen.rectangle((x - s * 0.12, base - s * 0.2, x + s * 0.12, base + s), hsv(0.07, 0.6, 0.5), line, 2)
                    pen.disc(x, base - s * 0.6, s * 0.7, hsv(rng.uniform(0.2, 0.4), 0.7, 0.7), line, 3)
    return sheet.image


def flat(rng, fonts):
    return pick(rng, (_flags, _logo, _logo, _pattern, _pattern, _cartoon))(rng, fonts)


# ---- Gradients ----------------------------------------------------------------------------------


def _share(rng, h, w):
    """(h, w) from 0 to 1: along a line, from a point, or around it."""
    y, x = np.mgrid[:h, :w].astype(float)
    cx, cy, angle = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0, 2 * math.pi)
    kind = between(rng, 0, 3)
    if kind < 2:
        values = x * math.cos(angle) + y * math.sin(angle) if kind else pick(rng, (x, y))
    elif kind == 2:
        values = np.hypot(x - cx, (y - cy) * rng.uniform(0.6, 1.6))
    else:
        values = (np.arctan2(y - cy, x - cx) + angle) % (2 * math.pi)
    values = (values - values.min()) / (np.ptp(values) + 1e-9)
    repeats = pick(rng, (1, 1, 1, 2, 5))
    return values if repeats == 1 else 1 - np.abs(values * repeats % 2 - 1)


def _stops(rng, share):
    """(h, w, 3) colours between two to five stops; sometimes hardly different from each other."""
    colours = [any_colour(rng) for _ in range(between(rng, 2, 5))]
    if chance(rng, 0.3):
        colours = [blend(colours[0], colour, rng.uniform(0.02, 0.15)) for colour in colours]
    at = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(share, at, [colour[i] for colour in colours]) for i in range(3)], 2)


def smooth_colours(rng, h, w):
    """(h, w, 3) floats: one of many gradients."""
    kind = between(rng, 0, 5)
    if kind < 3:
        return _stops(rng, _share(rng, h, w))
    if kind == 3:  # a coarse mesh of colours, smooth between them
        coarse = Image.fromarray(rng.integers(0, 256, (between(rng, 2, 5), between(rng, 2, 6), 3), np.uint8))
        return np.asarray(coarse.resize((w, h), Image.BICUBIC), float)
    if kind == 4:  # veils, smooth as smoke
        return np.clip(128 + 60 * np.stack([field(rng, h, w, 3.2) for _ in range(3)], 2), 0, 255)
    y, x = np.mgrid[:h, :w].astype(float)
    lights = np.zeros((h, w, 3)) + any_colour(rng)
    for _ in range(between(rng, 2, 7)):
        r = rng.uniform(0.1, 0.6) * max(h, w)
        share = np.exp(-((x - rng.uniform(0, w)) ** 2 + (y - rng.uniform(0, h)) ** 2) / (2 * r * r))
        lights += (np.array(any_colour(rng), float) - lights) * share[..., None]
    return lights


def gradient(rng, fonts):
    w, h = random_size(rng)
    values = smooth_colours(rng, h, w)
    while np.ptp(np.rint(values), (0, 1)).max() < 2:
        values = smooth_colours(rng, h, w)
    if chance(rng, 0.4) and np.ptp(values, (0, 1)).max() > 32:  # paler
        values = values.mean((0, 1)) + (values - values.mean((0, 1))) * rng.uniform(0.15, 0.8)
    draw = rng.random()
    if draw < 0.2 and np.ptp(values, (0, 1)).max() > 64:
        levels = between(rng, 4, 40)
        values = np.floor(values / 256 * levels) * 255 / (levels - 1)
    elif draw < 0.4:
        values = values + rng.uniform(-0.5, 0.5, values.shape) * rng.uniform(1, 3)
    sheet = Sheet((w, h), to_image(values))
    if chance(rng, 0.5):  # shapes with gradients of their own, in front
        other = to_image(smooth_colours(rng, h, w))
        mask = Sheet((w, h), (0, 0, 0))
        with mask.smooth() as pen:
            for _ in range(between(rng, 1, 6)):
                x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0.05, 0.3) * min(w, h)
                if chance(rng, 0.5):
                    pen.disc(x, y, r, (255, 255, 255))
                else:
                    pen.rectangle((x - r, y - r * 0.7, x + r, y + r * 0.7), (255, 255, 255), None, 1, r * 0.3)
        sheet.image.paste(other, (0, 0), mask.image.convert("L"))
    return sheet.image
