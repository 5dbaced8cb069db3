#!/usr/bin/env python3
"""Twenty pictures that are not photographs: text, user interfaces, charts, pixel art, dithers, maps, gradients, line
art, and pages with a photograph in them. The same ones for the same seed.

  synthetic.py FOLDER [--seed N] [--only NAME ...]

The published set has seed 0; coders are tuned on other seeds. What stands for photographs is a texture made here; type
is DejaVu (Debian's fonts-dejavu-core).
"""

import argparse
import math
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONTS = pathlib.Path("/usr/share/fonts/truetype/dejavu")
SYLLABLES = ("ba con der el fi gra hu in jo ka lu men nor o pra qui ra ster ti un ver wo xi yan ze th ing al en sh "
             "at or is re ly ment tion").split()


# ---- Parts ----------------------------------------------------------------------------------------

def font(size, name="DejaVuSans"):
    return ImageFont.truetype(str(FONTS / f"{name}.ttf"), size)


def word(rng):
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.integers(1, 5)))


def words(rng, count):
    return " ".join(word(rng) for _ in range(count))


def colour(rng, low=0, high=256):
    return tuple(int(v) for v in rng.integers(low, high, 3))


def canvas(width, height, background=(255, 255, 255)):
    picture = Image.new("RGB", (width, height), background)
    return picture, ImageDraw.Draw(picture)


def paragraph(draw, rng, box, face, fill):
    """Words, in lines that fill the box."""
    left, top, right, bottom = box
    height = int(sum(face.getmetrics()) * 1.15)
    while top + height <= bottom:
        line = word(rng).capitalize()
        while draw.textlength(line, face) < (right - left) * rng.uniform(0.8, 1.0):
            line += " " + word(rng)
        while draw.textlength(line, face) > right - left:
            line = line.rpartition(" ")[0]
        draw.text((left, top), line, fill, face)
        top += height


def smooth(rng, width, height, cells):
    """Random values at a grid's points, from 0 to 1, and between them cubic interpolation."""
    grid = rng.random((max(2, height // cells + 2), max(2, width // cells + 2))).astype(np.float32)
    field = Image.fromarray(grid).resize((width, height), Image.BICUBIC)
    return np.clip(np.asarray(field), 0, 1)


def texture(rng, width, height):
    """Something like a photograph: smooth shapes of all sizes, light from one side, a sensor's noise in a picture of
    twice the size."""
    size = 2 * width, 2 * height
    relief = sum(smooth(rng, *size, cells) * cells for cells in (7, 14, 33, 80, 170)) / 170
    light = np.clip(np.gradient(relief)[0] * 30 + 0.5, 0, 1)
    tint = np.stack([smooth(rng, *size, 120) for _ in range(3)], -1)
    values = 255 * (0.25 + 0.5 * tint) * (0.4 + 0.8 * light)[..., None]
    values += rng.normal(0, 3, (2 * height, 2 * width, 1)) + rng.normal(0, 1.5, values.shape)
    picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    return picture.resize((width, height), Image.BOX)


# ---- Pictures ---------------------------------------------------------------------------------------

def text_page(rng):
    picture, draw = canvas(640, 480)
    draw.text((30, 20), words(rng, 3).title(), (0, 0, 0), font(24, "DejaVuSerif-Bold"))
    paragraph(draw, rng, (30, 60, 610, 470), font(13, "DejaVuSerif"), (0, 0, 0))
    return picture


def text_columns(rng):
    picture, draw = canvas(512, 384, (250, 246, 235))
    for left in (16, 264):
        paragraph(draw, rng, (left, 14, left + 230, 376), font(11), (40, 30, 60))
    return picture


def terminal(rng):
    picture, draw = canvas(640, 400, (12, 12, 24))
    face, shades = font(12, "DejaVuSansMono"), [colour(rng, 90) for _ in range(6)]
    for row in range(26):
        left = 4 + 7 * int(rng.integers(0, 5))
        for _ in range(rng.integers(2, 10)):
            numbers = f"{rng.integers(0, 99999)}", f"0x{rng.integers(0, 65536):04x}"
            piece = str(rng.choice([word(rng), *numbers, "->", "{", "};"]))
            draw.text((left, 4 + 15 * row), piece, shades[rng.integers(0, 6)], face)
            left += 7 * (len(piece) + 1)
    return picture


def bilevel_text(rng):
    picture = Image.new("1", (640, 480), 1)
    draw = ImageDraw.Draw(picture)
    paragraph(draw, rng, (20, 20, 620, 460), font(14), 0)
    return picture


def window(draw, rng, box, face):
    """A window with a title, buttons and a list."""
    left, top, right, bottom = box
    draw.rectangle(box, (240, 240, 242), (90, 90, 100))
    for row in range(22):
        shade = 70 + 4 * row
        draw.line((left + 1, top + 1 + row, right - 1, top + 1 + row), (shade // 2, shade, min(255, shade + 80)))
    draw.text((left + 8, top + 4), words(rng, 2).title(), (255, 255, 255), face)
    for place in range(3):
        draw.rounded_rectangle((right - 20 * place - 18, top + 4, right - 20 * place - 4, top + 18), 3,
                               (220, 80 + 60 * place, 70))
    for row, y in enumerate(range(top + 32, bottom - 50, 18)):
        draw.rectangle((left + 8, y, right - 8, y + 17), (255, 255, 255) if row % 2 else (232, 238, 250))
        draw.ellipse((left + 12, y + 4, left + 20, y + 12), colour(rng))
        draw.text((left + 26, y + 2), words(rng, int(rng.integers(1, 4))), (20, 20, 20), face)
    for place, name in enumerate(("OK", "Cancel", "Help")):
        x = right - 90 * (place + 1)
        draw.rounded_rectangle((x, bottom - 34, x + 78, bottom - 10), 5, (225, 225, 230), (120, 120, 130))
        draw.text((x + 39, bottom - 22), name, (0, 0, 0), face, "mm")


def interface(rng):
    picture, draw = canvas(640, 480, (58, 110, 165))
    face = font(11)
    window(draw, rng, (30, 30, 380, 400), face)
    window(draw, rng, (250, 120, 610, 440), face)
    draw.rectangle((0, 456, 640, 480), (45, 45, 52))
    for place in range(5):
        draw.rectangle((6 + 100 * place, 459, 100 + 100 * place, 476), (70, 70, 80))
        draw.text((12 + 100 * place, 461), word(rng), (230, 230, 230), face)
    return picture


def icons(rng):
    picture = Image.new("RGBA", (512, 384), (0, 0, 0, 0))
    for row in range(6):
        for column in range(8):
            icon = Image.new("RGBA", (192, 192), (0, 0, 0, 0))
            draw = ImageDraw.Draw(icon)
            draw.rounded_rectangle((12, 12, 180, 180), 30, colour(rng) + (255,))
            for _ in range(rng.integers(1, 4)):
                x, y, size = (int(v) for v in rng.integers(40, 110, 3))
                shape = draw.ellipse if rng.integers(0, 2) else draw.rectangle
                shape((x, y, x + size // 2, y + size // 2), colour(rng) + (int(rng.integers(100, 256)),))
            picture.paste(icon.resize((48, 48), Image.LANCZOS), (8 + 64 * column, 8 + 64 * row))
    return picture


def chart(rng):
    picture, draw = canvas(640, 480)
    face = font(10)
    for step in range(11):
        y = 430 - 38 * step
        draw.line((50, y, 620, y), (220, 220, 220))
        draw.text((44, y), f"{step * 10}", (60, 60, 60), face, "rm")
    for line in range(4):
        shade, level = colour(rng, 0, 200), rng.uniform(100, 400)
        points = []
        for x in range(50, 621, 6):
            level = min(425, max(60, level + rng.normal(0, 9)))
            points.append((x, level))
        draw.line(points, shade, 2)
        draw.line((70, 20 + 14 * line, 100, 20 + 14 * line), shade, 2)
        draw.text((108, 20 + 14 * line), words(rng, 2), (0, 0, 0), face, "lm")
    draw.rectangle((50, 50, 620, 430), None, (0, 0, 0))
    return picture


def bars(rng):
    large, draw = canvas(1280, 960, (252, 252, 252))
    shades = [colour(rng, 40, 230) for _ in range(5)]
    for group in range(7):
        for bar in range(3):
            x, height = 100 + 160 * group + 40 * bar, int(rng.integers(60, 600))
            draw.rectangle((x, 860 - height, x + 34, 860), shades[bar])
    start = 0
    for piece in range(5):
        end = start + int(rng.integers(40, 90))
        draw.pieslice((960, 40, 1240, 320), start, 360 if piece == 4 else end, shades[piece], (255, 255, 255), 4)
        start = end
    picture = large.resize((640, 480), Image.LANCZOS)
    draw = ImageDraw.Draw(picture)
    draw.text((20, 12), words(rng, 4).title(), (30, 30, 30), font(18, "DejaVuSans-Bold"))
    for group in range(7):
        draw.text((80 + 80 * group, 440), word(rng)[:9], (80, 80, 80), font(10), "mm")
    return picture


def sprite(rng, size, shades):
    """Mirrored blots of a few colours."""
    half = rng.random((size, size // 2))
    filled = (half + np.roll(half, 1, 0) + np.roll(half, 1, 1)) > 1.4
    index = np.where(filled, 1 + (half * (len(shades) - 1)).astype(int), 0)
    return np.concatenate([index, index[:, ::-1]], 1)


def pixel_art(rng):
    shades = np.array([(24, 20, 40)] + [colour(rng) for _ in range(15)], np.uint8)
    scene = np.zeros((96, 128), int)
    tiles = [rng.integers(1, 4, (8, 8)) + 4 * kind for kind in range(3)]
    for row in range(12):
        for column in range(16):
            kind = 0 if row < 4 else 1 if row < 8 else 2
            if rng.random() < 0.85:
                scene[8 * row:8 * row + 8, 8 * column:8 * column + 8] = tiles[kind]
    for _ in range(14):
        blot = sprite(rng, 12, shades[:8])
        y, x = int(rng.integers(0, 84)), int(rng.integers(0, 116))
        part = scene[y:y + 12, x:x + 12]
        part[blot > 0] = blot[blot > 0] + 7
    return Image.fromarray(shades[scene]).resize((512, 384), Image.NEAREST)


def tile_map(rng):
    """A game's level in its own size: tiles of 16 by 16, of 64 colours."""
    shades = [colour(rng) for _ in range(64)]
    tiles = [np.asarray(Image.fromarray(rng.integers(0, 64, (16, 16)).astype(np.uint8))) for _ in range(4)]
    for kind in range(20):
        base, tile = int(rng.integers(0, 60)), np.zeros((16, 16), np.uint8)
        tile[:] = base + (smooth(rng, 16, 16, 5) * 4).astype(np.uint8)
        tiles.append(tile)
    level = np.clip((smooth(rng, 32, 24, 5) * 28 - 2).astype(int), 0, len(tiles) - 1)
    index = np.concatenate([np.concatenate([tiles[kind] for kind in row], 1) for row in level])
    picture = Image.fromarray(index).convert("P")
    picture.putpalette([value for shade in shades for value in shade])
    return picture


def dither_diffused(rng):
    return texture(rng, 512, 384).quantize(16, dither=Image.FLOYDSTEINBERG)


def dither_bilevel(rng):
    return texture(rng, 512, 384).convert("1")


def dither_ordered(rng):
    order = np.array([[0]])
    for _ in range(3):
        order = np.block([[4 * order, 4 * order + 2], [4 * order + 3, 4 * order + 1]])
    values = np.asarray(texture(rng, 512, 384)) / 255
    threshold = np.tile((order + 0.5) / 64, (48, 64))[..., None]
    return Image.fromarray((np.floor(values * 5 + threshold) * 51).astype(np.uint8))


def street_map(rng):
    large, draw = canvas(1280, 960, (242, 239, 233))
    for _ in range(14):
        x, y = (int(v) for v in rng.integers(0, 1200, 2))
        corners = [(x + 180 * math.cos(a) * rng.uniform(0.4, 1), y + 140 * math.sin(a) * rng.uniform(0.4, 1))
                   for a in np.linspace(0, 2 * math.pi, 9)[:-1]]
        draw.polygon(corners, [(170, 211, 223), (205, 235, 176), (173, 209, 158)][rng.integers(0, 3)])
    for _ in range(40):
        x, y = rng.uniform(0, 1280), rng.uniform(0, 960)
        angle, points = rng.uniform(0, 2 * math.pi), []
        for _ in range(30):
            points.append((x, y))
            angle += rng.normal(0, 0.15)
            x, y = x + 40 * math.cos(angle), y + 40 * math.sin(angle)
        wide = int(rng.choice([6, 6, 10, 16]))
        draw.line(points, (190, 180, 170), wide + 4, "curve")
        draw.line(points, (255, 255, 255) if wide < 16 else (252, 214, 164), wide, "curve")
    picture = large.resize((640, 480), Image.LANCZOS)
    draw = ImageDraw.Draw(picture)
    for _ in range(25):
        draw.text(tuple(int(v) for v in rng.integers(0, 440, 2)), words(rng, 2).title(), (90, 70, 60), font(9))
    return picture


def contours(rng):
    """Heights in bands of colour, with lines between them."""
    height = smooth(rng, 512, 384, 60) + 0.3 * smooth(rng, 512, 384, 22)
    band = (height * 14).astype(int)
    shades = np.array([(30 + 11 * k, 120 + 7 * k, 70 + 9 * k) for k in range(19)], np.uint8)
    values = shades[band]
    edge = (band != np.roll(band, 1, 0)) | (band != np.roll(band, 1, 1))
    values[edge] = (96, 64, 32)
    return Image.fromarray(values)


def gradients(rng):
    x, y = np.meshgrid(np.linspace(0, 1, 512), np.linspace(0, 1, 384))
    values = np.zeros((384, 512, 3))
    for channel in range(3):
        a, b, c = rng.uniform(-120, 120, 3)
        values[..., channel] = 128 + a * (x - 0.5) + b * (y - 0.5) + c * np.hypot(x - 0.6, y - 0.4)
    picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        left, top = (int(v) for v in rng.integers(0, 300, 2))
        first, last = np.array(colour(rng)), np.array(colour(rng))
        for row in range(60):
            shade = first + (last - first) * row // 60
            draw.line((left, top + row, left + 150, top + row), tuple(int(v) for v in shade))
    return picture


def line_art(rng):
    large = Image.new("L", (1536, 1152), 255)
    draw = ImageDraw.Draw(large)
    for _ in range(60):
        x, y, size = rng.uniform(0, 1536), rng.uniform(0, 1152), rng.uniform(40, 300)
        if rng.integers(0, 2):
            draw.arc((x - size, y - size, x + size, y + size), *rng.uniform(0, 360, 2), 0, 5)
        else:
            angle = rng.uniform(0, math.pi)
            draw.line((x, y, x + 2 * size * math.cos(angle), y + 2 * size * math.sin(angle)), 0, 4)
    for left in range(200, 600, 18):
        draw.line((left, 300, left + 240, 700), 0, 3)
    return large.resize((512, 384), Image.BOX)


def web_page(rng):
    """Text, a menu, and a photograph."""
    picture, draw = canvas(640, 480)
    draw.rectangle((0, 0, 640, 40), colour(rng, 20, 120))
    for place in range(5):
        draw.text((30 + 110 * place, 20), word(rng).title(), (255, 255, 255), font(13, "DejaVuSans-Bold"), "lm")
    picture.paste(texture(rng, 240, 180), (380, 60))
    paragraph(draw, rng, (20, 60, 360, 240), font(12), (34, 34, 34))
    paragraph(draw, rng, (20, 260, 620, 470), font(12), (34, 34, 34))
    return picture


def slide(rng):
    """A title, points, and a texture like a photograph, on a gradient."""
    shades = np.linspace(0, 1, 480)[:, None, None] * np.array([-40, -30, 60]) + np.array([60, 50, 90])
    picture = Image.fromarray(np.broadcast_to(shades, (480, 640, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.text((40, 30), words(rng, 3).title(), (255, 255, 255), font(32))
    for row in range(5):
        draw.ellipse((44, 132 + 56 * row, 54, 142 + 56 * row), (255, 200, 60))
        draw.text((70, 124 + 56 * row), words(rng, 3), (235, 235, 245), font(19))
    picture.paste(texture(rng, 200, 200), (410, 140))
    return picture


def patterns(rng):
    """A desktop's backgrounds: checkerboards, stripes, hatchings."""
    y, x = np.mgrid[:384, :512]
    values = np.zeros((384, 512), int)
    kinds = [(x + y) % 2, x % 2, y % 3 == 0, (x // 8 + y // 8) % 2, (x + y) % 5 == 0, (x % 7 == 0) | (y % 7 == 0),
             (x - y) % 8 < 4, (x * y) % 16 < 5]
    for place, kind in enumerate(rng.permutation(len(kinds))):
        row, column = divmod(place, 4)
        part = np.s_[192 * row:192 * row + 192, 128 * column:128 * column + 128]
        values[part] = 2 * place + kinds[kind][part]
    shades = np.array([colour(rng) for _ in range(16)], np.uint8)
    return Image.fromarray(shades[values])


PICTURES = [text_page, text_columns, terminal, bilevel_text, interface, icons, chart, bars, pixel_art, tile_map,
            dither_diffused, dither_bilevel, dither_ordered, street_map, contours, gradients, line_art, web_page, slide,
            patterns]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=[make.__name__ for make in PICTURES])
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for number, make in enumerate(PICTURES):
        if not options.only or make.__name__ in options.only:
            picture = make(np.random.default_rng([options.seed, number]))
            picture.save(options.folder / f"{make.__name__}.png")


if __name__ == "__main__":
    main()
