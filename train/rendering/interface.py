"""Programs on a screen: windows, dialogs, lists, terminals, editors, web pages, telephones."""

from . import words
from .canvas import QUALITIES, Sheet, between, blend, chance, palette, pick, random_size, theme, to_image, vivid
from .scenes import photograph
from .text import code_colours, code_lines, paragraph


class Screen:
    """A sheet with what a program's look consists of: theme, faces, language, roundness of corners."""

    def __init__(self, rng, fonts, size=None):
        self.rng, self.fonts, self.look = rng, fonts, theme(rng)
        self.size = size or random_size(rng)
        self.sheet = Sheet(self.size, self.look.ground, pick(rng, QUALITIES))
        self.tongue = words.language(rng, fonts, 0.6)
        plain = chance(rng, 0.85)
        self.face = fonts.face(rng, self.tongue.script, between(rng, 10, 16), plain)
        self.small = fonts.face(rng, self.tongue.script, max(8, self.face.size - 3), plain)
        self.large = fonts.face(rng, self.tongue.script, between(rng, 18, 34))
        self.radius = pick(rng, (0, 0, 3, 4, 8, 12))
        self.row = round(self.face.line * rng.uniform(1.5, 2.2))

    def label(self, most=2):
        return words.label(self.rng, self.tongue, most)

    def text(self, x, middle, string, fill=None, face=None, align="l", room=None):
        """A line centred on the height `middle`, cut to `room` pixels."""
        face = face or self.face
        while room is not None and string and face.width(string) > room:
            string = string[:-1]
        self.sheet.text((x, middle - face.line / 2), string, face, self.look.text if fill is None else fill, align)

    def box(self, box, fill=None, outline=None, radius=None):
        radius = self.radius if radius is None else radius
        if radius:
            with self.sheet.smooth(box) as pen:
                pen.rectangle(box, fill, outline, 1, radius)
        else:
            self.sheet.rectangle(box, fill, outline)

    def button(self, box, string=None, strong=False):
        look = self.look
        fill = look.accent if strong else blend(look.panel, look.text, 0.06)
        self.box(box, fill, None if strong else look.line)
        colour = (255, 255, 255) if strong and sum(fill) < 500 else (0, 0, 0) if strong else look.text
        self.text((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, string or self.label(), colour, align="m",
                  room=box[2] - box[0] - 4)

    def icon(self, x, y, side, colour=None):
        """A simple sign in a square."""
        rng, look = self.rng, self.look
        colour = colour or pick(rng, (look.text, look.muted, look.accent, vivid(rng)))
        with self.sheet.smooth((x, y, x + side, y + side)) as pen:
            kind, m = between(rng, 0, 7), side * 0.15
            inner = (x + m, y + m, x + side - m, y + side - m)
            if kind == 0:
                pen.ellipse(inner, None, colour, max(1, side / 10))
            elif kind == 1:
                pen.rectangle(inner, colour, None, 1, side / 6)
                pen.rectangle((x + m, y + side * 0.4, x + side - m, y + side * 0.5), self.look.ground)
            elif kind == 2:
                pen.polygon([(x + side / 2, y + m), (x + side - m, y + side - m), (x + m, y + side - m)], colour)
            elif kind == 3:
                for i in range(3):
                    pen.rectangle((x + m, y + side * (0.2 + 0.25 * i), x + side - m, y + side * (0.3 + 0.25 * i)),
                                  colour)
            elif kind == 4:
                pen.disc(x + side * 0.42, y + side * 0.42, side * 0.25, None, colour, max(1, side / 9))
                pen.line([(x + side * 0.6, y + side * 0.6), (x + side - m, y + side - m)], colour, max(1, side / 8))
            elif kind == 5:
                pen.line([(x + m, y + side * 0.55), (x + side * 0.4, y + side - m), (x + side - m, y + m)], colour,
                         max(1, side / 8))
            elif kind == 6:
                pen.disc(x + side / 2, y + side * 0.35, side * 0.2, colour)
                pen.slice((x + m, y + side * 0.55, x + side - m, y + side * 1.4), 180, 360, colour)
            else:
                pen.rectangle((x + side * 0.42, y + m, x + side * 0.58, y + side - m), colour)
                pen.rectangle((x + m, y + side * 0.42, x + side - m, y + side * 0.58), colour)

    def bar(self, box, buttons=None):
        """A title bar with the window's buttons; returns the y below."""
        left, top, right, _ = box
        look, high = self.look, self.row + 4
        self.sheet.rectangle((left, top, right, top + high), pick(self.rng, (look.panel, look.panel, look.accent)))
        self.text((left + right) / 2, top + high / 2, self.label(4), align="m", room=right - left - 150)
        for i in range(3):
            side = high * 0.4
            if buttons == "discs":
                x = left + 8 + i * side * 1.6
                with self.sheet.smooth((x - 2, top, x + side + 2, top + high)) as pen:
                    pen.disc(x + side / 2, top + high / 2, side / 2,
                             ((255, 95, 87), (254, 188, 46), (40, 200, 64))[i])
            else:
                x, y = right - 8 - (3 - i) * side * 2, top + (high - side) / 2
                strokes = ([(x, y + side), (x + side, y + side)],
                           [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)],
                           [(x, y), (x + side, y + side)])[i]
                self.sheet.line([(round(a), round(b)) for a, b in strokes], look.text)
        return top + high

    def toolbar(self, box):
        left, top, right, _ = box
        high, side = self.row + 8, between(self.rng, 14, 24)
        self.sheet.rectangle((left, top, right, top + high), self.look.panel)
        self.sheet.rectangle((left, top + high - 1, right, top + high), self.look.line)
        x = left + 6
        while x + side < right - 8:
            if chance(self.rng, 0.15):
                self.sheet.rectangle((x, top + 4, x + 1, top + high - 4), self.look.line)
                x += 7
            self.icon(x, top + (high - side) / 2, side)
            x += side + between(self.rng, 4, 14)
            if chance(self.rng, 0.06):
                break
        return top + high

    def tabs(self, box):
        left, top, right, _ = box
        high, x, active = self.row + 4, left, between(self.rng, 0, 3)
        self.sheet.rectangle((left, top, right, top + high), blend(self.look.panel, self.look.text, 0.08))
        for i in range(between(self.rng, 2, 6)):
            wide = between(self.rng, 70, 140)
            if x + wide > right:
                break
            self.box((x, top + 2, x + wide, top + high), self.look.ground if i == active else self.look.panel,
                     self.look.line)
            self.text(x + 8, top + high / 2 + 1, self.label(2), None if i == active else self.look.muted,
                      room=wide - 22)
            x += wide
        return top + high

    def list(self, box, columns=1, icons=True):
        """Rows of entries, one of them chosen, perhaps striped, with a scroll bar."""
        left, top, right, bottom = box
        look, rng = self.look, self.rng
        self.sheet.rectangle(box, look.field)
        chosen, striped, y, i = between(rng, 0, 12), chance(rng, 0.4), top, 0
        while y + self.row <= bottom:
            if i == chosen:
                self.sheet.rectangle((left, y, right, y + self.row), blend(look.field, look.accent, 0.7))
            elif striped and i % 2:
                self.sheet.rectangle((left, y, right, y + self.row), blend(look.field, look.text, 0.04))
            side = self.face.size
            if icons:
                self.icon(left + 6, y + (self.row - side) / 2, side, look.accent if chance(rng, 0.6) else None)
            for column in range(columns):
                x = left + 12 + (side if icons and not column else 0) + (right - left) * column / columns
                string = words.number(rng) if column else self.label(3)
                self.text(x, y + self.row / 2, string, look.muted if column else None,
                          room=(right - left) / columns - side - 20)
            y, i = y + self.row, i + 1
        if chance(rng, 0.6):
            self.sheet.rectangle((right - 10, top, right, bottom), look.panel)
            start, length = rng.uniform(0, 0.6), rng.uniform(0.1, 0.4)
            self.box((right - 8, top + start * (bottom - top), right - 2, top + (start + length) * (bottom - top)),
                     look.muted, None, min(3, self.radius))

    def controls(self, box):
        """Fields, boxes to tick, sliders and buttons one below the other."""
        left, top, right, bottom = box
        look, rng, y = self.look, self.rng, top
        while y + self.row < bottom:
            kind, middle, x = between(rng, 0, 5), y + self.row / 2, left + (right - left) * 0.4
            side = round(self.row * 0.5)
            if kind == 0:
                self.text(left, middle, self.label(2), room=x - left - 6)
                self.box((x, y + 2, right, y + self.row - 2), look.field, look.line)
                self.text(x + 5, middle, self.label(4), room=right - x - 10)
            elif kind in (1, 2):
                tick = chance(rng, 0.5)
                square = (left, middle - side // 2, left + side, middle - side // 2 + side)
                with self.sheet.smooth((square[0] - 1, square[1] - 1, square[2] + 1, square[3] + 1)) as pen:
                    pen.rectangle(square, look.accent if tick else look.field, look.line, 1,
                                  side / 2 if kind == 1 else self.radius / 2)
                    if tick:
                        pen.line([(left + side * 0.2, middle), (left + side * 0.45, middle + side * 0.25),
                                  (left + side * 0.8, middle - side * 0.25)], look.field, 1.5)
                self.text(left + side + 8, middle, self.label(5), room=right - left - side - 8)
            elif kind == 3:
                self.text(left, middle, self.label(2), room=x - left - 6)
                at = x + (right - x) * rng.random()
                self.box((x, middle - 2, right, middle + 2), look.line, None, 2)
                self.box((x, middle - 2, at, middle + 2), look.accent, None, 2)
                with self.sheet.smooth((at - 8, middle - 8, at + 8, middle + 8)) as pen:
                    pen.disc(at, middle, 6, look.field, look.muted)
            elif kind == 4:
                wide = (right - left) / between(rng, 2, 4)
                for i in range(between(rng, 1, 3)):
                    if left + (i + 1) * wide <= right:
                        self.button((left + i * wide, y + 1, left + (i + 1) * wide - 8, y + self.row - 1),
                                    strong=chance(rng, 0.3))
            else:
                heading = self.label(2)
                self.text(left, middle, heading, look.muted, self.small)
                self.sheet.rectangle((left + self.small.width(heading) + 8, middle, right, middle + 1), look.line)
            y += self.row + between(rng, 2, 8)

    def shadow(self, box, depth=10):
        for i in range(depth, 0, -1):
            grown = (box[0] - i, box[1] - i + 3, box[2] + i, box[3] + i + 3)
            left, top, right, bottom = (round(c) for c in grown)
            under = self.sheet.image.crop((left, top, right, bottom))
            self.sheet.paste(under.point(lambda v: v * 31 // 32), (left, top))


def _window(screen, box, contents):
    left, top, right, bottom = box
    screen.shadow(box)
    screen.sheet.rectangle(box, screen.look.ground, screen.look.line)
    y = screen.bar((left + 1, top + 1, right - 1, bottom), pick(screen.rng, ("discs", "signs")))
    contents(screen, (left + 1, y, right - 1, bottom - 1))


def _files(screen, box):
    left, top, right, bottom = box
    y = screen.toolbar(box)
    side = left + (right - left) // between(screen.rng, 3, 5)
    screen.list((left, y, side, bottom))
    if chance(screen.rng, 0.5):
        screen.list((side + 1, y, right, bottom), between(screen.rng, 2, 4))
        return
    screen.sheet.rectangle((side + 1, y, right, bottom), screen.look.field)
    cell = between(screen.rng, 64, 110)
    for cy in range(y + 6, bottom - cell, cell):
        for cx in range(side + 8, right - cell, cell):
            screen.icon(cx + cell * 0.25, cy, cell * 0.5, screen.look.accent if chance(screen.rng, 0.5) else None)
            screen.text(cx + cell / 2, cy + cell * 0.65, screen.label(2), None, screen.small, "m", cell - 4)


def _form(screen, box):
    left, top, right, bottom = box
    y = screen.tabs(box) if chance(screen.rng, 0.5) else top
    screen.controls((left + 14, y + 10, right - 14, bottom - screen.row - 12))
    wide = min(90, (right - left) // 4)
    for i in range(2):
        x = right - (i + 1) * (wide + 10)
        screen.button((x, bottom - screen.row - 8, x + wide, bottom - 8), strong=i == 1)


def _editor(screen, box):
    left, top, right, bottom = box
    rng, look = screen.rng, screen.look
    y = screen.tabs(box)
    side = left + (right - left) // between(rng, 4, 6) if chance(rng, 0.6) else left
    if side > left:
        screen.list((left, y, side, bottom - 18), icons=chance(rng, 0.7))
    screen.sheet.rectangle((side, y, right, bottom - 18), look.field)
    mono = screen.fonts.face(rng, "mono", between(rng, 10, 17))
    code_lines(screen.sheet, rng, mono, (side + 4, y + 4, right - 60, bottom - 20), code_colours(rng, look), look.muted)
    screen.sheet.rectangle((left, bottom - 18, right, bottom), look.accent)
    screen.text(left + 8, bottom - 9, screen.label(4), look.ground, screen.small)


def _terminal(screen, box):
    left, top, right, bottom = box
    rng = screen.rng
    paper, ink = pick(rng, (((0, 0, 0), (204, 204, 204)), ((30, 30, 46), (205, 214, 244)),
                            ((255, 255, 255), (40, 40, 40)),
                            ((0, 43, 54), (131, 148, 150)), ((48, 10, 36), (238, 238, 236))))
    screen.sheet.rectangle(box, paper)
    face, colours = screen.fonts.face(rng, "mono", between(rng, 9, 18)), palette(rng, 6)
    step, plain, y = face.line + between(rng, 1, 3), words.LANGUAGES["plain"], top + 3
    while y + step < bottom:
        x = left + 4
        if chance(rng, 0.2):
            prompt = f"{words.word(rng, plain)}@{words.word(rng, plain)}:~$ "
            screen.text(x, y + step / 2, prompt, colours[0], face)
            x += face.width(prompt)
        for entry in words.tokens(rng, plain, between(rng, 0, 9)):
            if x + face.width(entry) > right:
                break
            if chance(rng, 0.05):
                screen.sheet.rectangle((x, y, x + face.width(entry), y + step), colours[1])
            screen.text(x, y + step / 2, entry, pick(rng, colours) if chance(rng, 0.15) else ink, face)
            x += face.width(entry + " ") if chance(rng, 0.8) else face.width(" " * between(rng, 6, 14))
        y += step


def web_page(screen, box, picture=None):
    """A page with a bar, a banner and cards; `picture(w, h)` gives the images in them."""
    left, top, right, bottom = box
    rng, look, sheet = screen.rng, screen.look, screen.sheet
    sheet.rectangle(box, look.ground)
    sheet.rectangle((left, top, right, top + 40), look.panel)
    screen.text(left + 16, top + 20, screen.label(1), look.accent, screen.large)
    for i in range(between(rng, 2, 5)):
        screen.text(right - 20 - i * 90, top + 20, screen.label(1), align="r", room=80)
    y = top + 40
    if chance(rng, 0.7):
        high = between(rng, 60, 180)
        sheet.rectangle((left, y, right, y + high), blend(look.accent, look.ground, rng.uniform(0, 0.7)))
        if picture and chance(rng, 0.7):
            sheet.paste(picture(right - left, high), (left, y))
        screen.text((left + right) / 2, y + high * 0.4, screen.label(5), look.ground, screen.large, "m",
                    right - left - 20)
        screen.button(((left + right) / 2 - 50, y + high * 0.65, (left + right) / 2 + 50, y + high * 0.65 + screen.row),
                      strong=True)
        y += high
    columns = between(rng, 1, 4)
    wide = (right - left - 16 * (columns + 1)) // columns
    while y < bottom - 60:
        high = between(rng, 110, 240)
        for i in range(columns):
            x = left + 16 + i * (wide + 16)
            screen.box((x, y + 12, x + wide, min(bottom, y + high)), look.field, look.line)
            cover = between(rng, 30, high // 2)
            if picture:
                sheet.paste(picture(wide - 2, min(cover, bottom - y - 13)), (x + 1, y + 13))
            else:
                sheet.rectangle((x + 1, y + 13, x + wide - 1, y + 13 + cover), vivid(rng))
                screen.icon(x + wide / 2 - 12, y + 12 + cover / 2 - 12, 24, (255, 255, 255))
            screen.text(x + 8, y + 13 + cover + screen.row / 2, screen.label(3), room=wide - 16)
            inside = (x + 8, y + 13 + cover + screen.row, x + wide - 8, min(bottom, y + high - 4))
            paragraph(sheet, rng, screen.tongue, screen.small, inside, look.muted)
        y += high + 4


def _phone(screen, box):
    """A list of messages, or a grid of signs, below a status bar."""
    left, top, right, bottom = box
    rng, look, sheet = screen.rng, screen.look, screen.sheet
    screen.text(left + 10, top + 10, words.number(rng), None, screen.small)
    screen.text(right - 10, top + 10, f"{between(rng, 1, 100)} %", None, screen.small, "r")
    screen.text(left + 14, top + 44, screen.label(2), None, screen.large)
    y, colours = top + 70, palette(rng, 6)
    if chance(rng, 0.4):
        cell = (right - left) // between(rng, 3, 6)
        for cy in range(y, bottom - cell, cell):
            for cx in range(left, right - cell + 1, cell):
                screen.box((cx + cell * 0.2, cy, cx + cell * 0.8, cy + cell * 0.6), pick(rng, colours), None,
                           cell * 0.14)
                screen.icon(cx + cell * 0.3, cy + cell * 0.1, cell * 0.4, (255, 255, 255))
                screen.text(cx + cell / 2, cy + cell * 0.74, screen.label(1), None, screen.small, "m", cell - 4)
        return
    while y + 30 < bottom:
        mine, lines = chance(rng, 0.45), between(rng, 1, 4)
        high, wide = lines * round(screen.face.line * 1.3) + 14, (right - left) * rng.uniform(0.35, 0.75)
        x = right - wide - 12 if mine else left + 12
        screen.box((x, y, x + wide, min(bottom, y + high)), look.accent if mine else look.panel, None, 12)
        paragraph(sheet, rng, screen.tongue, screen.face, (x + 10, y + 7, x + wide - 10, y + high + 4),
                  look.field if mine else look.text)
        y += high + 10


def _desk(rng, fonts):
    """One to three windows on a desk with a bar of tasks."""
    screen = Screen(rng, fonts)
    w, h = screen.size
    if chance(rng, 0.3):
        screen.sheet.paste(to_image(photograph(rng, h, w)), (0, 0))
    else:
        screen.sheet.rectangle((0, 0, w, h), vivid(rng))
    for _ in range(between(rng, 1, 3)):
        wide, high = between(rng, w // 2, w), between(rng, h // 2, h)
        x, y = between(rng, -20, w - wide + 20), between(rng, -10, h - high + 10)
        _window(screen, (x, y, x + wide, y + high), pick(rng, (_files, _form, _editor, _terminal, web_page)))
    if chance(rng, 0.6):
        screen.toolbar((0, h - screen.row - 8, w, h))
    return screen.sheet.image


def interface(rng, fonts):
    if chance(rng, 0.35):
        return _desk(rng, fonts)
    contents = pick(rng, (_files, _form, _editor, _terminal, web_page, _phone, _phone))
    narrow = contents is _phone and chance(rng, 0.7)
    screen = Screen(rng, fonts, (between(rng, 384, 420), between(rng, 640, 768)) if narrow else None)
    w, h = screen.size
    top = screen.bar((0, 0, w, h), pick(rng, ("discs", "signs"))) if contents is not _phone and chance(rng, 0.5) else 0
    contents(screen, (0, top, w, h))
    return screen.sheet.image
