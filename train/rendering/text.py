"""Pages of text: paragraphs, columns, posters, program text, lists of many scripts."""

import numpy as np

from . import words
from .canvas import QUALITIES, Sheet, any_colour, between, blend, chance, hsv, pick, random_size, theme, vivid


def _inks(rng):
    """(paper, ink, accent) of a page: mostly dark on light, some light on dark, some coloured."""
    draw = rng.random()
    if draw < 0.35:
        return (255, 255, 255), (0, 0, 0), vivid(rng)
    if draw < 0.6:
        paper = hsv(rng.uniform(0.05, 0.2), rng.uniform(0, 0.15), rng.uniform(0.88, 1))
        return paper, hsv(rng.random(), rng.uniform(0, 0.4), rng.uniform(0, 0.3)), vivid(rng)
    if draw < 0.8:
        look = theme(rng)
        return look.ground, look.text, look.accent
    if draw < 0.9:
        return (0, 0, 0), pick(rng, ((255, 255, 255), (0, 255, 0), (255, 176, 0), (200, 200, 200))), vivid(rng)
    paper = any_colour(rng)
    far = (0, 0, 0) if sum(paper) > 380 else (255, 255, 255)
    return paper, blend(far, any_colour(rng), rng.uniform(0, 0.25)), far


def random_text_size(rng, low=8, high=48):
    """In pixels; small ones more often."""
    return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))


def paragraph(sheet, rng, tongue, face, box, fill, spread=1.3, justify=False):
    """Fill a box with lines of text; returns the y below the last."""
    left, top, right, bottom = box
    step = max(face.line + 1, round(face.line * spread))
    count = int((right - left) * (bottom - top) / (step * max(1, face.size) * 2)) + 8
    entries = words.tokens(rng, tongue, count)
    y = top
    for line in words.lines(entries, face, right - left, tongue.space):
        if y + step > bottom:
            break
        if justify and tongue.space and not tongue.leftward and line.count(" ") > 1:
            parts = line.split(" ")
            free = right - left - sum(face.width(part) for part in parts)
            gap, x = min(free / (len(parts) - 1), face.size * 1.2), left
            for part in parts:
                sheet.text((x, y), part, face, fill)
                x += face.width(part) + gap
        else:
            sheet.text((right if tongue.leftward else left, y), line, face, fill, "r" if tongue.leftward else "l")
        y += step
    return y


def _page(rng, fonts):
    """Headings and paragraphs in one to three columns."""
    size, (paper, ink, accent) = random_size(rng), _inks(rng)
    sheet, tongue = Sheet(size, paper, pick(rng, QUALITIES)), words.language(rng, fonts)
    body = fonts.face(rng, tongue.script, random_text_size(rng, 8, 26))
    head = fonts.face(rng, tongue.script, min(48, round(body.size * rng.uniform(1.2, 2.4))))
    columns = between(rng, 1, max(1, min(3, size[0] // (body.size * 14))))
    margin, gap = between(rng, 8, 48), between(rng, body.size, body.size * 2)
    wide = (size[0] - 2 * margin - gap * (columns - 1)) / columns
    spread, justify, rule = rng.uniform(1.05, 1.7), chance(rng, 0.5), chance(rng, 0.3)
    for column in range(columns):
        left, y = margin + column * (wide + gap), between(rng, -body.size, margin)
        while y < size[1]:
            if chance(rng, 0.35):
                title = words.lines(words.label(rng, tongue, 5).split(" "), head, wide, " ")
                colour = accent if chance(rng, 0.3) else ink
                for line in title:
                    sheet.text((left + wide, y) if tongue.leftward else (left, y), line, head, colour,
                               "r" if tongue.leftward else "l")
                    y += round(head.line * 1.2)
                if rule:
                    sheet.rectangle((left, y, left + wide, y + between(rng, 1, 2)), accent)
                    y += 4
            below = y + between(rng, 2, 9) * body.line * spread
            y = paragraph(sheet, rng, tongue, body, (left, y, left + wide, min(below, size[1] + body.line * 2)), ink,
                          spread, justify)
            y += between(rng, 2, body.line)
            if y + body.line * spread > size[1]:
                break
    return sheet.image


def code_lines(sheet, rng, face, box, colours, number=None):
    """Program text in a box, with line numbers in the colour `number` if given."""
    left, top, right, bottom = box
    step = round(face.line * rng.uniform(1.1, 1.45))
    first, gutter = between(rng, 1, 900), face.width("00000") if number else 0
    for i, line in enumerate(words.code(rng, int((bottom - top) // step))):
        x, y = left + gutter, top + i * step
        if number:
            sheet.text((left + gutter - face.size, y), str(first + i), face, number, "r")
        for text, kind in line:
            if x + face.width(text) > right:
                break
            sheet.text((x, y), text, face, colours[kind])
            x += face.width(text)


def code_colours(rng, look):
    """A colour a class of program text, on a theme."""
    shade = (lambda: hsv(rng.random(), rng.uniform(0.25, 0.6), rng.uniform(0.8, 1))) if look.dark else \
        (lambda: hsv(rng.random(), rng.uniform(0.6, 1), rng.uniform(0.3, 0.7)))
    colours = {kind: shade() for kind in words.CLASSES}
    return {**colours, "plain": look.text, "comment": look.muted}


def _code(rng, fonts):
    size, look = random_size(rng), theme(rng)
    sheet = Sheet(size, look.ground, pick(rng, QUALITIES))
    face = fonts.face(rng, "mono", random_text_size(rng, 9, 28))
    colours = code_colours(rng, look) if chance(rng, 0.8) else dict.fromkeys(words.CLASSES, look.text)
    code_lines(sheet, rng, face, (between(rng, 0, 20), between(rng, -8, 8), *size), colours,
               look.muted if chance(rng, 0.5) else None)
    return sheet.image


def _poster(rng, fonts):
    """Lines of many sizes, weights and colours."""
    size, (paper, ink, accent) = random_size(rng), _inks(rng)
    sheet, y = Sheet(size, paper, pick(rng, QUALITIES)), 0
    centred = chance(rng, 0.6)
    while y < size[1]:
        tongue = words.language(rng, fonts, 0.6)
        face = fonts.face(rng, tongue.script, random_text_size(rng, 10, 48) * pick(rng, (1, 1, 1, 2, 3)))
        text = words.label(rng, tongue, max(1, min(12, 2 * size[0] // (face.size * 6))))
        colour = pick(rng, (ink, ink, accent, vivid(rng)))
        if chance(rng, 0.2):
            sheet.rectangle((0, y, size[0], y + round(face.line * 1.3)), colour)
            colour = paper
        sheet.text((size[0] / 2 if centred else 12, y), text, face, colour, "m" if centred else "l")
        y += round(face.line * rng.uniform(1.2, 1.6))
    return sheet.image


def _scripts(rng, fonts):
    """A list with a line or a paragraph in each of many scripts."""
    size, (paper, ink, accent) = random_size(rng), _inks(rng)
    sheet, y = Sheet(size, paper, pick(rng, QUALITIES)), 4
    tongues = [tongue for tongue in words.LANGUAGES.values() if tongue.script in fonts.scripts]
    points = random_text_size(rng, 9, 30)
    while y < size[1]:
        tongue = pick(rng, tongues)
        face = fonts.face(rng, tongue.script, points)
        heading = fonts.face(rng, "latin", max(8, points * 2 // 3))
        sheet.text((10, y), words.label(rng, words.LANGUAGES["plain"], 3), heading, accent)
        y += heading.line + 2
        y = paragraph(sheet, rng, tongue, face, (10, y, size[0] - 10, y + face.line * between(rng, 2, 5)), ink) + 4
        sheet.rectangle((0, y - 3, size[0], y - 2), blend(paper, ink, 0.3))
    return sheet.image


def _form(rng, fonts):
    """A letter, bill or schedule: short lines at set places, ruled lines, boxes."""
    size, (paper, ink, accent) = random_size(rng), _inks(rng)
    sheet, tongue = Sheet(size, paper, pick(rng, QUALITIES)), words.language(rng, fonts)
    face = fonts.face(rng, tongue.script, random_text_size(rng, 9, 20))
    step, y = round(face.line * rng.uniform(1.3, 2)), 10
    columns = sorted(int(x) for x in rng.uniform(0.02, 0.9, between(rng, 2, 4)) * size[0])
    while y < size[1]:
        draw = rng.random()
        if draw < 0.15:
            sheet.rectangle((8, y, size[0] - 8, y + between(rng, 1, 3)), pick(rng, (ink, accent)))
            y += step // 2
            continue
        if draw < 0.25:
            sheet.rectangle((8, y, size[0] - 8, y + step * 2), None, ink)
        for x, right in zip(columns, [*columns[1:], size[0]]):
            text = words.number(rng) if chance(rng, 0.4) else words.label(rng, tongue, 3)
            if x + face.width(text) < right - 4:
                sheet.text((x + 4, y + 3), text, face, ink)
        y += step
    return sheet.image


def text(rng, fonts):
    return pick(rng, (_page, _page, _page, _code, _poster, _scripts, _form))(rng, fonts)
