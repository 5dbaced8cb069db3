"""Pages and programs with smooth pictures in them: where text and lines meet what looks like a photograph."""

from . import words
from .canvas import QUALITIES, Sheet, between, blend, chance, pick, random_size, theme, to_image, vivid
from .interface import Screen, web_page
from .scenes import photograph
from .text import paragraph, random_text_size


def _picture(rng, w, h):
    """A picture of a size; the sides are at least 8 while it is drawn."""
    w, h = max(1, round(w)), max(1, round(h))
    return to_image(photograph(rng, max(8, h), max(8, w))).crop((0, 0, w, h))


def _web(rng, fonts):
    screen = Screen(rng, fonts)
    web_page(screen, (0, 0, *screen.size), lambda w, h: _picture(rng, w, h))
    return screen.sheet.image


def _article(rng, fonts):
    """Columns of text with pictures and captions."""
    size, look = random_size(rng), theme(rng)
    sheet, tongue = Sheet(size, look.ground, pick(rng, QUALITIES)), words.language(rng, fonts)
    body = fonts.face(rng, tongue.script, random_text_size(rng, 9, 16))
    caption = fonts.face(rng, tongue.script, max(8, body.size - 2))
    columns = between(rng, 1, 3)
    wide = (size[0] - 12 * (columns + 1)) // columns
    for column in range(columns):
        left, y = 12 + column * (wide + 12), between(rng, 0, 20)
        while y < size[1] - 20:
            if chance(rng, 0.5):
                high = between(rng, 60, 240)
                sheet.paste(_picture(rng, wide, high), (left, y))
                if chance(rng, 0.4):
                    sheet.rectangle((left, y, left + wide, y + high), None, look.text)
                y += high + 3
                below = (left, y, left + wide, y + caption.line * 3)
                y = paragraph(sheet, rng, tongue, caption, below, look.muted) + 6
            below = min(size[1], y + between(rng, 40, 200))
            y = max(y + 8, paragraph(sheet, rng, tongue, body, (left, y, left + wide, below), look.text)) + 6
    return sheet.image


def _captioned(rng, fonts):
    """Text over a picture: a title, subtitles, a watermark, marks."""
    w, h = random_size(rng)
    sheet, tongue = Sheet((w, h), _picture(rng, w, h), "grey"), words.language(rng, fonts)
    for _ in range(between(rng, 1, 4)):
        face = fonts.face(rng, tongue.script, random_text_size(rng, 12, 48) * pick(rng, (1, 1, 2)))
        text, x, y = words.label(rng, tongue, 4), w / 2, rng.uniform(0, h - face.line)
        kind, edge = between(rng, 0, 2), max(1, face.size // 16)
        if kind == 0:
            for dx in (-edge, 0, edge):
                for dy in (-edge, 0, edge):
                    sheet.text((x + dx, y + dy), text, face, (0, 0, 0), "m")
        elif kind == 1:
            band = (0, round(y) - 4, w, round(y) + face.line + 6)
            under = sheet.image.crop(band)
            sheet.paste(under.point(lambda v: v // 3), band[:2])
        sheet.text((x, y), text, face, pick(rng, ((255, 255, 255), (255, 255, 255), (255, 235, 60), vivid(rng))), "m")
    with sheet.edges(rng) as pen:
        for _ in range(between(rng, 0, 4)):
            x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(15, 80)
            kind = between(rng, 0, 2)
            if kind == 0:
                pen.rectangle((x - r, y - r, x + r, y + r), None, vivid(rng), 3)
            elif kind == 1:
                pen.disc(x, y, r, None, vivid(rng), 3)
            else:
                pen.line([(x, y), (x + r, y + r)], vivid(rng), 4)
    return sheet.image


def _viewer(rng, fonts):
    """A program that shows pictures: one large or many small."""
    screen = Screen(rng, fonts)
    w, h = screen.size
    y = screen.toolbar((0, screen.bar((0, 0, w, h), "discs"), w, h))
    left = between(rng, 80, 160) if chance(rng, 0.5) else 0
    if left:
        screen.list((0, y, left, h))
    if chance(rng, 0.5):
        margin = between(rng, 0, 30)
        screen.sheet.rectangle((left, y, w, h), (30, 30, 30))
        screen.sheet.paste(_picture(rng, w - left - 2 * margin, max(9, h - y - 2 * margin)),
                           (left + margin, y + margin))
        return screen.sheet.image
    cell = between(rng, 70, 160)
    for top in range(y + 8, h - cell // 2, cell + screen.small.line + 8):
        for x in range(left + 8, w - cell // 2, cell + 8):
            screen.sheet.paste(_picture(rng, cell, cell * pick(rng, (1, 0.75, 0.66))), (x, top))
            screen.text(x + cell / 2, top + cell + screen.small.line / 2 + 2, screen.label(2), None, screen.small, "m",
                        cell)
    return screen.sheet.image


def _slide(rng, fonts):
    """A slide of a talk: heading, points, a picture."""
    size, look = random_size(rng), theme(rng)
    w, h = size
    sheet, tongue = Sheet(size, look.ground, pick(rng, QUALITIES)), words.language(rng, fonts)
    head, body = (fonts.face(rng, tongue.script, round(h * share)) for share in (0.07, 0.045))
    sheet.rectangle((0, 0, w, round(h * 0.15)), pick(rng, (look.ground, look.accent, look.panel)))
    sheet.text((w * 0.05, h * 0.03), words.label(rng, tongue, 4), head, look.text)
    half, left = between(rng, w // 3, w // 2), chance(rng, 0.5)
    sheet.paste(_picture(rng, half, h * rng.uniform(0.4, 0.75)), (8 if left else w - half - 8, h * 0.2))
    x, y = (half + 24 if left else 16), h * 0.22
    while y + body.line < h * 0.95:
        with sheet.smooth((x, y, x + body.size, y + body.line)) as pen:
            pen.disc(x + body.size * 0.3, y + body.line * 0.55, body.size * 0.16, look.accent)
        point = (x + body.size, y, x + w - half - 40, y + body.line * between(rng, 2, 4))
        y = paragraph(sheet, rng, tongue, body, point, blend(look.text, look.muted, 0.2)) + body.size * 0.5
    return sheet.image


def mixed(rng, fonts):
    return pick(rng, (_web, _web, _article, _article, _captioned, _viewer, _slide))(rng, fonts)
