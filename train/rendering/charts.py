"""Charts with axes, labels and keys, and tables."""

import math

import numpy as np
from PIL import Image

from . import words
from .canvas import QUALITIES, Sheet, between, blend, chance, palette, pick, random_size, theme, to_image
from .scenes import field


class Plot:
    """A sheet with axes: the plot's box, a colour a series, and the scale of values."""

    def __init__(self, rng, fonts):
        self.rng, self.look, self.size = rng, theme(rng), random_size(rng)
        ground = (255, 255, 255) if chance(rng, 0.5) else self.look.ground
        self.ink = (20, 20, 20) if sum(ground) > 380 else (235, 235, 235)
        self.sheet, self.ground = Sheet(self.size, ground, pick(rng, QUALITIES)), ground
        self.tongue = words.language(rng, fonts, 0.7)
        self.face = fonts.face(rng, self.tongue.script, between(rng, 9, 15), chance(rng, 0.7))
        self.title = fonts.face(rng, self.tongue.script, between(rng, 15, 26))
        w, h = self.size
        self.box = (between(rng, 40, 70), between(rng, 36, 60), w - between(rng, 12, 40), h - between(rng, 36, 60))
        greys = [blend(ground, self.ink, 0.25 + 0.1 * i) for i in range(8)]
        self.colours = palette(rng, 8) if chance(rng, 0.8) else greys

    def label(self, most=2):
        return words.label(self.rng, self.tongue, most)

    def heading(self):
        (line, *_) = words.lines(self.label(5).split(" "), self.title, self.size[0] - 10)
        self.sheet.text((self.size[0] / 2, 8), line, self.title, self.ink, "m")

    def frame(self, names=None):
        """Grid, ticks, numbers and names along both axes."""
        rng, (left, top, right, bottom), sheet = self.rng, self.box, self.sheet
        grid = blend(self.ground, self.ink, rng.uniform(0.08, 0.3))
        if chance(rng, 0.3):
            sheet.rectangle(self.box, blend(self.ground, self.ink, 0.06))
            grid = self.ground
        step, ticks, high = 10 ** between(rng, -2, 3), between(rng, 3, 9), chance(rng, 0.8)
        for i in range(ticks + 1):
            y = round(bottom + (top - bottom) * i / ticks)
            if high:
                self.rule([(left, y), (right, y)], grid)
            sheet.line([(left - 4, y), (left, y)], self.ink)
            sheet.text((left - 6, y - self.face.line / 2), f"{i * step:g}", self.face, self.ink, "r")
        count = len(names) if names else between(rng, 3, 9)
        for i in range(count):
            x = round(left + (right - left) * (i + (0.5 if names else 0)) / (count if names else max(1, count - 1)))
            if not names and high:
                self.rule([(x, top), (x, bottom)], grid)
            sheet.line([(x, bottom), (x, bottom + 4)], self.ink)
            name = names[i] if names else str(i * 10 ** between(rng, 0, 1))
            sheet.text((x, bottom + 5), name, self.face, self.ink, "m")
        sheet.line([(left, top), (left, bottom), (right, bottom)], self.ink)
        if chance(rng, 0.5):
            sheet.line([(left, top), (right, top), (right, bottom)], self.ink)
        sheet.text(((left + right) / 2, self.size[1] - self.face.line - 3), self.label(3), self.face, self.ink, "m")

    def rule(self, ends, fill):
        """A whole or dotted line of the grid."""
        (x0, y0), (x1, y1) = ends
        if chance(self.rng, 0.5):
            self.sheet.line(ends, fill)
            return
        for at in range(0, max(x1 - x0, y1 - y0), 4):
            x, y = (x0 + at, y0) if x1 > x0 else (x0, y0 + at)
            self.sheet.line([(x, y), (x + (x1 > x0), y + (y1 > y0))], fill)

    def key(self, count):
        """Names of the series in a corner."""
        rng, (left, top, right, bottom) = self.rng, self.box
        names, step = [self.label(2) for _ in range(count)], self.face.line + 4
        wide = max(self.face.width(name) for name in names) + 30
        x, y = pick(rng, (left + 8, right - wide - 8)), pick(rng, (top + 8, bottom - step * count - 12))
        self.sheet.rectangle((x, y, x + wide, y + step * count + 4), self.ground, blend(self.ground, self.ink, 0.5))
        for i, name in enumerate(names):
            self.sheet.rectangle((x + 5, y + 6 + i * step, x + 17, y + 2 + (i + 1) * step - 4), self.colours[i])
            self.sheet.text((x + 22, y + 3 + i * step), name, self.face, self.ink)


def _series(rng, count):
    """A curve of `count` values, 0 to 1."""
    x = np.linspace(0, 1, count)
    draw = between(rng, 0, 3)
    if draw == 0:
        values = np.cumsum(rng.standard_normal(count))
    elif draw == 1:
        values = np.sin(2 * np.pi * (x * rng.uniform(0.5, 6) + rng.random())) * np.exp(-x * rng.uniform(0, 3))
    elif draw == 2:
        values = 1 - np.exp(-x * rng.uniform(1, 8)) + rng.normal(0, rng.uniform(0, 0.05), count)
    else:
        values = x ** rng.uniform(0.3, 4) * rng.choice((-1, 1)) + rng.normal(0, 0.02, count)
    values = (values - values.min()) / (np.ptp(values) + 1e-9)
    low, high = np.sort(rng.uniform(0, 1, 2))
    return low + (high - low) * values


def _lines(plot):
    rng, (left, top, right, bottom) = plot.rng, plot.box
    plot.frame()
    count, marks = between(rng, 1, 6), chance(rng, 0.4)
    points = between(rng, 5, 14) if marks else between(rng, 20, 400)
    width, area = rng.uniform(1, 3.5), chance(rng, 0.2)
    with plot.sheet.edges(rng) as pen:
        for i in range(count):
            path = list(zip(np.linspace(left, right, points), bottom + (top - bottom) * _series(rng, points)))
            if area:
                pen.polygon([*path, (right, bottom), (left, bottom)], blend(plot.ground, plot.colours[i], 0.4))
            pen.line(path, plot.colours[i], width)
            for x, y in path if marks else ():
                if i % 2:
                    pen.disc(x, y, 3.5, plot.colours[i])
                else:
                    pen.rectangle((x - 3, y - 3, x + 4, y + 4), plot.colours[i], plot.ink)
    if count > 1:
        plot.key(count)


def _bars(plot):
    rng, (left, top, right, bottom) = plot.rng, plot.box
    groups, count, stacked = between(rng, 3, 12), between(rng, 1, 4), chance(rng, 0.3)
    plot.frame([plot.label(1)[:8] for _ in range(groups)])
    wide, outline = (right - left) / groups, plot.ink if chance(rng, 0.4) else None
    with plot.sheet.edges(rng) as pen:
        for g in range(groups):
            x, base = left + wide * (g + 0.12), 0.0
            for i in range(count):
                value = rng.uniform(0.02, 0.98 / (count if stacked else 1))
                bar = wide * 0.76 / (1 if stacked else count)
                at = x + (0 if stacked else i * bar)
                pen.rectangle((at, bottom + (top - bottom) * (base + value), at + bar, bottom + (top - bottom) * base),
                              plot.colours[i], outline)
                base += value if stacked else 0
    if count > 1:
        plot.key(count)


def _shares(plot):
    rng, (w, h) = plot.rng, plot.size
    r = min(w, h) * rng.uniform(0.25, 0.38)
    cx, cy, count = w * rng.uniform(0.35, 0.55), h * 0.55, between(rng, 3, 8)
    parts = np.cumsum(np.concatenate([[0], rng.dirichlet(np.full(count, 2.0))])) * 360 - 90
    edge = plot.ground if chance(rng, 0.6) else plot.ink
    with plot.sheet.edges(rng) as pen:
        for i in range(count):
            pen.slice((cx - r, cy - r, cx + r, cy + r), parts[i], parts[i + 1], plot.colours[i], edge, 1.5)
        if chance(rng, 0.4):
            pen.disc(cx, cy, r * rng.uniform(0.4, 0.7), plot.ground)
    for a, b in zip(parts, parts[1:]):
        middle, far = math.radians((a + b) / 2), r * pick(rng, (0.75, 1.12))
        plot.sheet.text((cx + far * math.cos(middle), cy + far * math.sin(middle) - 6), f"{(b - a) / 3.6:.0f} %",
                        plot.face, plot.ink, "m")
    plot.box = (8, 40, w - 8, h - 8)
    plot.key(count)


def _points(plot):
    rng, (left, top, right, bottom) = plot.rng, plot.box
    plot.frame()
    count = between(rng, 1, 5)
    with plot.sheet.edges(rng) as pen:
        for i in range(count):
            n, r = between(rng, 20, 250), rng.uniform(1, 5)
            centre, shape = rng.uniform(0.2, 0.8, 2), rng.normal(0, 0.12, (2, 2))
            for u, v in np.clip(centre + rng.standard_normal((n, 2)) @ shape, 0, 1):
                x, y = left + u * (right - left), bottom + v * (top - bottom)
                if i % 3 == 2:
                    pen.line([(x - r, y - r), (x + r, y + r)], plot.colours[i])
                    pen.line([(x - r, y + r), (x + r, y - r)], plot.colours[i])
                else:
                    pen.disc(x, y, r, plot.colours[i] if i % 3 == 0 else None, plot.colours[i])
    if count > 1:
        plot.key(count)


def _heat(plot):
    """Cells coloured by value, with or without the values in them, or a smooth map."""
    rng, (left, top, right, bottom) = plot.rng, plot.box
    rows, columns = between(rng, 4, 24), between(rng, 4, 32)
    values = field(rng, rows, columns, rng.uniform(0, 2)) / 5 + 0.5
    stops = np.array([plot.ground, *plot.colours[:between(rng, 1, 3)]], float)
    at = np.clip(values, 0, 1) * (len(stops) - 1)
    low = np.minimum(at.astype(int), len(stops) - 2)
    cells = to_image(stops[low] + (stops[low + 1] - stops[low]) * (at - low)[..., None])
    plot.frame()
    size = (right - left, bottom - top)
    plot.sheet.paste(cells.resize(size, pick(rng, (Image.NEAREST, Image.NEAREST, Image.BICUBIC))), (left, top))
    wide, high = size[0] / columns, size[1] / rows
    if wide > plot.face.width("0.00") + 2 and high > plot.face.line:
        for (row, column), value in np.ndenumerate(values):
            plot.sheet.text((left + (column + 0.5) * wide, top + (row + 0.5) * high - plot.face.line / 2),
                            f"{value:.2f}", plot.face, plot.ink, "m")


def _table(plot):
    rng, (w, h), sheet = plot.rng, plot.size, plot.sheet
    columns, step = between(rng, 3, 7), round(plot.face.line * rng.uniform(1.3, 2))
    edges = np.concatenate([[8], 8 + np.cumsum(rng.dirichlet(np.full(columns, 6.0))) * (w - 16)])
    grid, striped, y, row = blend(plot.ground, plot.ink, rng.uniform(0.15, 1)), chance(rng, 0.4), 40, 0
    upright, header = chance(rng, 0.6), pick(rng, (plot.colours[0], blend(plot.ground, plot.ink, 0.15)))
    while y + step < h:
        if row == 0 or striped and row % 2:
            sheet.rectangle((8, y, w - 8, y + step), header if row == 0 else blend(plot.ground, plot.ink, 0.08))
        for left, right in zip(edges, edges[1:]):
            number = row and left > 8
            text = words.number(rng) if number else plot.label(1)
            if plot.face.width(text) < right - left - 6:
                sheet.text((right - 4 if number else left + 4, y + (step - plot.face.line) / 2), text, plot.face,
                           plot.ink, "r" if number else "l")
            if upright:
                sheet.line([(round(left), y), (round(left), y + step)], grid)
        if not striped:
            sheet.line([(8, y), (w - 8, y)], grid)
        y, row = y + step, row + 1


def chart(rng, fonts):
    plot = Plot(rng, fonts)
    pick(rng, (_lines, _lines, _bars, _bars, _shares, _points, _heat, _table))(plot)
    plot.heading()
    return plot.sheet.image
