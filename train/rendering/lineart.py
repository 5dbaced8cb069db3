"""Ink on paper: technical drawings, maps, engravings, comics, sketches."""

import math

import numpy as np
from PIL import Image

from . import words
from .canvas import Sheet, between, blend, chance, hsv, pick, random_size, to_image
from .dithers import screen
from .scenes import field, photograph


def _paper(rng):
    """(paper, ink): black on white, on tinted paper, or white on blue."""
    draw = rng.random()
    if draw < 0.5:
        return (255, 255, 255), (0, 0, 0)
    if draw < 0.85:
        paper = hsv(rng.uniform(0.05, 0.2), rng.uniform(0, 0.2), rng.uniform(0.85, 1))
        return paper, hsv(rng.random(), rng.uniform(0, 0.8), rng.uniform(0, 0.35))
    return hsv(rng.uniform(0.55, 0.65), rng.uniform(0.6, 1), rng.uniform(0.2, 0.6)), (240, 245, 255)


def _arrow(pen, a, b, ink):
    pen.line([a, b], ink)
    angle = math.atan2(b[1] - a[1], b[0] - a[0])
    for end, turn in ((b, angle), (a, angle + math.pi)):
        pen.polygon([end, *((end[0] - 7 * math.cos(turn + d), end[1] - 7 * math.sin(turn + d)) for d in (0.3, -0.3))],
                    ink)


def _hatch(pen, box, ink, gap):
    left, top, right, bottom = box
    for c in np.arange(left - (bottom - top), right, gap):
        x0, x1 = max(left, c), min(right, c + bottom - top)
        if x0 < x1:
            pen.line([(x0, top + x0 - c), (x1, top + x1 - c)], ink)


def _technical(rng, fonts):
    """Parts with axes, hatching and measures."""
    size, (paper, ink) = random_size(rng), _paper(rng)
    sheet, marks = Sheet(size, paper), []
    face, light = fonts.face(rng, "latin", between(rng, 9, 14)), blend(paper, ink, 0.5)
    with sheet.edges(rng) as pen:
        for _ in range(between(rng, 3, 8)):
            cx, cy, r = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(20, min(size) * 0.3)
            wide, high = r * rng.uniform(0.5, 1.5), r * rng.uniform(0.3, 1)
            box = (cx - wide, cy - high, cx + wide, cy + high)
            kind, bold = between(rng, 0, 3), rng.uniform(1, 3)
            if kind == 0:
                for share in sorted(rng.uniform(0.2, 1, between(rng, 1, 4))):
                    pen.disc(cx, cy, r * share, None, ink, bold)
                for a in np.linspace(0, 2 * math.pi, between(rng, 4, 13))[1:]:
                    pen.disc(cx + 0.7 * r * math.cos(a), cy + 0.7 * r * math.sin(a), r * 0.07, None, ink)
            elif kind == 1:
                _hatch(pen, box, light, rng.uniform(4, 9))
                pen.rectangle(box, None, ink, bold)
            elif kind == 2:
                pen.rectangle(box, None, ink, bold, r * 0.2)
                pen.line([(cx - wide, cy), (cx - wide / 2, cy - high), (cx, cy), (cx + wide / 2, cy - high),
                          (cx + wide, cy)], ink, bold)
            else:
                teeth = between(rng, 8, 30)
                pen.polygon([(cx + q * math.cos(a), cy + q * math.sin(a)) for i in range(4 * teeth)
                             for a, q in [(math.pi * i / (2 * teeth), r * (1 if i % 4 < 2 else 0.86))]], None, ink,
                             bold)
                pen.disc(cx, cy, r * 0.3, None, ink, bold)
            for at in np.arange(-r * 1.3, r * 1.3, 14):
                pen.line([(cx + at, cy), (cx + at + 9, cy)], light)
                pen.line([(cx, cy + at), (cx, cy + at + 9)], light)
            y = cy + r * 1.2
            _arrow(pen, (cx - wide, y), (cx + wide, y), ink)
            marks.append((cx, y - face.line - 2))
    for at in marks:
        sheet.text(at, f"{between(rng, 5, 400)}{pick(rng, ('', ' mm', '.5', '°', ' ±0.1'))}", face, ink, "m")
    return sheet.image


def _contours(values, step):
    """True where `values` crosses a multiple of `step`, one pixel wide."""
    level = np.floor(values / step)
    edge = np.zeros(values.shape, bool)
    edge[:, 1:] |= level[:, 1:] != level[:, :-1]
    edge[1:] |= level[1:] != level[:-1]
    return edge


def _relief(rng, fonts):
    """A map of heights: contour lines, tints by height, water."""
    w, h = random_size(rng)
    paper, ink = _paper(rng)
    values = field(rng, 2 * h, 2 * w, rng.uniform(1.8, 2.4))
    picture = np.zeros((2 * h, 2 * w, 3)) + paper
    if chance(rng, 0.6):
        tints = [blend(paper, hsv(0.3 - 0.06 * i, 0.5, 0.85), 0.7) for i in range(6)]
        picture[:] = np.array(tints, float)[np.clip(np.floor(values * 1.5 + 3), 0, 5).astype(int)]
    if chance(rng, 0.6):
        picture[values < -0.8] = hsv(0.57, 0.4, 0.95)
    line = hsv(rng.uniform(0.03, 0.1), 0.6, 0.5) if chance(rng, 0.5) else ink
    step = rng.uniform(0.08, 0.3)
    for every, grow in ((1, False), (5, True)):
        edge = _contours(values, step * every)
        edge[1:] |= edge[:-1]  # two of these pixels make one of the picture
        edge[:, 1:] |= edge[:, :-1]
        if grow:
            edge[2:] |= edge[:-2]
        picture[edge] = line
    sheet = Sheet((w, h), to_image(picture).reduce(2))
    face = fonts.face(rng, "latin", between(rng, 9, 13))
    for _ in range(between(rng, 3, 15)):
        sheet.text((rng.uniform(0, w), rng.uniform(0, h)), words.label(rng, words.LANGUAGES["plain"], 1), face, ink)
    return sheet.image


def _streets(rng, fonts):
    """A town map: blocks, houses, streets with edges, a river, a park, names."""
    size, night = random_size(rng), chance(rng, 0.2)
    ground = (38, 42, 52) if night else hsv(0.12, rng.uniform(0, 0.1), rng.uniform(0.88, 0.97))
    street, edge = pick(rng, ((255, 255, 255), (253, 226, 147))), hsv(0.1, 0.1, 0.7)
    if night:
        street, edge = (90, 96, 110), (60, 64, 76)
    sheet, tongue = Sheet(size, ground), words.language(rng, fonts, 0.7)
    face, reach = fonts.face(rng, tongue.script, between(rng, 9, 13)), sum(size)
    turn, ways = rng.uniform(0, math.pi), []
    for across in (0, math.pi / 2):
        at = -reach / 2
        while at < reach / 2:
            at += rng.uniform(25, 110)
            a, bend = turn + across + rng.normal(0, 0.05), rng.normal(0, 12, 5)
            ways.append(([(size[0] / 2 + at * math.cos(a) - s * math.sin(a) + b,
                           size[1] / 2 + at * math.sin(a) + s * math.cos(a) + b)
                          for s, b in zip(np.linspace(-reach / 2, reach / 2, 5), bend)], pick(rng, (3, 4, 5, 8, 12))))
    with sheet.smooth() as pen:
        for _ in range(between(rng, 1, 4)):
            x, y, r = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(40, 160)
            corners = [(x + r * f * math.cos(i), y + r * f * math.sin(i)) for i, f in enumerate(rng.uniform(0.6, 1, 6))]
            pen.polygon(corners, blend(ground, hsv(0.3, 0.5, 0.8), 0.6))
        river = [(x, size[1] * rng.random()) for x in np.linspace(-50, size[0] + 50, 6)]
        pen.line(river, blend(ground, hsv(0.57, 0.6, 0.9), 0.8), rng.uniform(10, 40))
        for _ in range(between(rng, 40, 300)):
            x, y, u, v = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(4, 14), rng.uniform(4, 14)
            c, s = math.cos(turn), math.sin(turn)
            pen.polygon([(x + p * c - q * s, y + p * s + q * c) for p, q in ((-u, -v), (u, -v), (u, v), (-u, v))],
                        blend(ground, edge, 0.5), edge)
        for colour, more in ((edge, 2), (street, 0)):
            for way, width in ways:
                pen.line(way, colour, width + more)
    for _ in range(between(rng, 4, 20)):
        x, y, name = rng.uniform(0, size[0]), rng.uniform(0, size[1]), words.label(rng, tongue, 2)
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            sheet.text((x + dx, y + dy), name, face, ground)
        sheet.text((x, y), name, face, (220, 220, 230) if night else (70, 70, 80))
    return sheet.image


def _engraving(rng, fonts):
    """A tone rendered by lines that swell, one or two sets across each other."""
    w, h = random_size(rng)
    paper, ink = _paper(rng)
    f = 3
    tone = Image.fromarray(np.uint8(photograph(rng, h, w).mean(2))).resize((w * f, h * f), Image.BILINEAR)
    tone = np.asarray(tone, float) / 255
    tone = (tone - tone.min()) / (np.ptp(tone) + 1e-9)
    y, x = np.mgrid[:h * f, :w * f] / f
    bend = field(rng, h, w, 2.6).repeat(f, 0).repeat(f, 1) * rng.uniform(0, 6)
    black = np.zeros(tone.shape, bool)
    for limit in (1.0, rng.uniform(0.3, 0.6))[:between(rng, 1, 2)]:
        angle = rng.uniform(0, math.pi)
        phase = (x * math.cos(angle) + y * math.sin(angle) + bend) / rng.uniform(3.5, 8)
        black |= np.abs(phase % 1 - 0.5) * 2 < np.clip(1 - tone / limit, 0, 0.95)
    picture = np.where(black[..., None], np.array(ink, float), np.array(paper, float))
    return to_image(picture).reduce(f)


def _figure(pen, rng, x, y, r, ink, skin):
    """A head of a few strokes."""
    pen.ellipse((x - r, y - r * 1.2, x + r, y + r * 1.1), skin, ink, r * 0.06)
    spikes = [(x + r * 1.1 * math.cos(a), y - r * 0.3 - r * (0.7 + 0.5 * (i % 2)) * abs(math.sin(a)) - r * 0.1)
              for i, a in enumerate(np.linspace(math.pi, 2 * math.pi, between(rng, 6, 12)))]
    pen.polygon([*spikes, (x + r * 0.6, y - r * 0.7), (x - r * 0.6, y - r * 0.7)], pick(rng, (ink, skin)), ink,
                r * 0.05)
    for side in (-1, 1):
        pen.ellipse((x + side * r * 0.4 - r * 0.17, y - r * 0.25, x + side * r * 0.4 + r * 0.17, y + r * 0.1),
                    (255, 255, 255), ink, r * 0.05)
        pen.disc(x + side * r * 0.4, y - r * 0.05, r * 0.09, ink)
    pen.arc((x - r * 0.4, y + r * 0.2, x + r * 0.4, y + r * 0.7), 20, 160, ink, r * 0.06)


def _panel(sheet, rng, fonts, tongue, box, ink, colour):
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    if chance(rng, 0.6):  # a screen of dots for the ground
        tone = np.linspace(rng.uniform(0.3, 1), rng.uniform(0.3, 1), high)[:, None] * np.ones((1, wide))
        dots = screen(tone, rng.uniform(3, 7), rng.uniform(0, math.pi / 2))
        paper, dark = np.array((255, 255, 255), float), np.array(colour or ink, float)
        sheet.paste(to_image(paper + (dark - paper) * (1 - dots[..., None])), (left, top))
    elif colour:
        sheet.rectangle(box, colour)
    with sheet.smooth(box) as pen:
        if chance(rng, 0.4):
            cx, cy = left + wide * rng.random(), top + high * rng.random()
            for a in rng.uniform(0, 2 * math.pi, between(rng, 30, 90)):
                near, c, s = rng.uniform(0.3, 0.6) * max(wide, high), math.cos(a), math.sin(a)
                far = [(cx + 2000 * math.cos(b), cy + 2000 * math.sin(b)) for b in (a, a + 0.01)]
                pen.polygon([(cx + near * c, cy + near * s), *far], ink)
        for _ in range(between(rng, 1, 2)):
            r = min(wide, high) * rng.uniform(0.15, 0.32)
            _figure(pen, rng, left + wide * rng.uniform(0.2, 0.8), bottom - r, r, ink,
                    (255, 255, 255) if not colour else hsv(0.07, 0.35, 1))
        if chance(rng, 0.75):
            bw, bh = wide * rng.uniform(0.4, 0.8), high * rng.uniform(0.2, 0.4)
            x, y = left + rng.uniform(0.05, 0.2) * wide, top + 5
            pen.ellipse((x, y, x + bw, y + bh), (255, 255, 255), ink, 1.5)
            pen.polygon([(x + bw * 0.4, y + bh * 0.93), (x + bw * 0.55, y + bh * 0.93), (x + bw * 0.5, y + bh * 1.3)],
                        (255, 255, 255), ink)
            balloon = (x, y, bw, bh)
        else:
            balloon = None
        pen.rectangle(box, None, ink, 2)
    if balloon:
        x, y, bw, bh = balloon
        face, at = fonts.face(rng, tongue.script, between(rng, 9, 15)), y + bh * 0.2
        for line in words.lines(words.tokens(rng, tongue, 12), face, bw * 0.7, tongue.space):
            if at + face.line > y + bh * 0.85:
                break
            sheet.text((x + bw / 2, at), line, face, (0, 0, 0), "m")
            at += face.line + 1


def _comic(rng, fonts):
    """Panels with screens, strokes, figures and balloons."""
    size, ink, coloured = random_size(rng), (0, 0, 0), chance(rng, 0.4)
    sheet, tongue, y = Sheet(size, (255, 255, 255)), words.language(rng, fonts, 0.4), 8
    while y < size[1] - 60:
        high, x = min(between(rng, 130, 300), size[1] - y - 8), 8
        while x < size[0] - 60:
            wide = min(between(rng, 140, 400), size[0] - x - 8)
            colour = hsv(rng.random(), rng.uniform(0.2, 0.7), rng.uniform(0.7, 1)) if coloured else None
            _panel(sheet, rng, fonts, tongue, (x, y, x + wide, y + high), ink, colour)
            x += wide + 8
        y += high + 8
    return sheet.image


def _branch(pen, rng, x, y, angle, length, width, ink):
    if length < 5:
        return
    end = (x + length * math.cos(angle), y + length * math.sin(angle))
    pen.line([(x, y), end], ink, width)
    for _ in range(between(rng, 2, 3)):
        _branch(pen, rng, *end, angle + rng.normal(0, 0.45), length * rng.uniform(0.6, 0.82), max(0.5, width * 0.7),
                ink)


def _sketch(rng, fonts):
    """Trees, blots, loops and hatching of a free hand."""
    size, (paper, ink) = random_size(rng), _paper(rng)
    sheet = Sheet(size, paper)
    with sheet.edges(rng) as pen:
        for _ in range(between(rng, 0, 3)):
            _branch(pen, rng, rng.uniform(0, size[0]), size[1], -math.pi / 2, rng.uniform(40, 80), rng.uniform(2, 7),
                    ink)
        for _ in range(between(rng, 5, 40)):
            n, speed = between(rng, 20, 150), rng.uniform(1, 6)
            angle = rng.uniform(0, 2 * math.pi) + np.cumsum(rng.normal(rng.normal(0, 0.1), rng.uniform(0.02, 0.3), n))
            x = rng.uniform(0, size[0]) + np.cumsum(np.cos(angle)) * speed
            y = rng.uniform(0, size[1]) + np.cumsum(np.sin(angle)) * speed
            pen.line(list(zip(x, y)), ink, rng.uniform(0.6, 3))
        for _ in range(between(rng, 0, 6)):
            x, y, u, v = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(30, 120), rng.uniform(20, 90)
            _hatch(pen, (x, y, x + u, y + v), ink, rng.uniform(2.5, 8))
    return sheet.image


def lineart(rng, fonts):
    return pick(rng, (_technical, _relief, _streets, _engraving, _comic, _comic, _sketch))(rng, fonts)
