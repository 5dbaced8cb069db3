#!/usr/bin/env python3
"""One PNG: the same part of a picture, as it is and from several codecs at equal bytes.

  comparison.py PICTURE RATE OUT.png [--crop X,Y,W,H] [--codecs ddz,avif,webp,jpeg] [--ddz-dir BUILD_DIR]

RATE is in bits a pixel of the whole picture; bytes and PSNR below each part are those of the whole,
too. The codecs get the bytes of the first one's file.
"""

import argparse
import math
import os
import pathlib

from PIL import Image, ImageDraw, ImageFont

import equal
import metrics
from coders import CODECS, CodecError, Ddz

WIDTH, COLUMNS, GAP, LINE = 1200, 3, 9, 21  # pixels, but for the columns
FONT_SIZE = 15


def fonts():
    """(bold, regular) as the system has them."""
    try:
        return [ImageFont.truetype(name, FONT_SIZE) for name in ("DejaVuSans-Bold.ttf", "DejaVuSans.ttf")]
    except OSError:
        return [ImageFont.load_default()] * 2


def panels(png, rate, names):
    """[(title, caption, whole picture)]"""
    rgb = metrics.load_rgb(png)
    found = [("Original", f"{rgb.shape[1]} × {rgb.shape[0]}", rgb)]
    size = equal.bytes_at(rate, rgb)
    for i, name in enumerate(names):
        bytes_made, shown = equal.at_bytes(CODECS[name], png, size)
        if i == 0:
            size = bytes_made
        found.append((CODECS[name].label, f"{bytes_made:,} bytes, {shown.psnr:.2f} dB", shown.rgb))
    return found


def compose(found, crop):
    """The panels in rows of COLUMNS, cropped to (x, y, w, h) and enlarged by a whole number that
    fits WIDTH."""
    x, y, w, h = crop
    columns = min(COLUMNS, len(found))
    scale = max(1, (WIDTH - (columns - 1) * GAP) // (columns * w))
    rows = -(-len(found) // columns)
    across, down = w * scale + GAP, h * scale + 2 * LINE + GAP
    sheet = Image.new("RGB", (columns * across - GAP, rows * down - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    bold, regular = fonts()
    for i, (title, caption, rgb) in enumerate(found):
        left, top = i % columns * across, i // columns * down
        part = Image.fromarray(rgb).crop((x, y, x + w, y + h))
        sheet.paste(part.resize((w * scale, h * scale), Image.NEAREST), (left, top))
        draw.text((left + 1, top + h * scale + 2), title, "black", bold)
        draw.text((left + 1, top + h * scale + LINE), caption, "black", regular)
    return sheet


def default_crop(width, height):
    """From the middle, as large as the sheet shows without shrinking."""
    w = min(width, (WIDTH - (COLUMNS - 1) * GAP) // COLUMNS)
    h = min(height, w * 3 // 4)
    return (width - w) // 2, (height - h) // 2, w, h


def parse_crop(text, width, height):
    """(x, y, w, h), or None if that is no part of the picture."""
    try:
        x, y, w, h = map(int, text.split(","))
    except ValueError:
        return None
    inside = 0 <= x and 0 <= y and 0 < w and 0 < h and x + w <= width and y + h <= height
    return (x, y, w, h) if inside else None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("picture", type=pathlib.Path)
    p.add_argument("rate", type=float)
    p.add_argument("out")
    p.add_argument("--crop", metavar="X,Y,W,H")
    p.add_argument("--codecs", default="ddz,avif,webp,jpeg")
    p.add_argument("--ddz-dir", metavar="BUILD_DIR", type=pathlib.Path, default=Ddz.folder)
    args = p.parse_args()
    names = args.codecs.split(",")
    unknown = [name for name in names if name not in CODECS or not CODECS[name].continuous]
    if unknown:
        p.error(f"no codec of any size: {', '.join(unknown)}")
    if not (math.isfinite(args.rate) and args.rate > 0):
        p.error("RATE is a number above 0")
    try:
        with Image.open(args.picture) as image:
            size = image.size
    except OSError as error:
        p.error(f"{args.picture}: {error}")
    crop = parse_crop(args.crop, *size) if args.crop else default_crop(*size)
    if crop is None:
        p.error(f"--crop {args.crop}: not within the picture of {size[0]} x {size[1]}")
    Ddz.folder = args.ddz_dir
    try:
        compose(panels(args.picture, args.rate, names), crop).save(args.out, "PNG", optimize=True)
    except (OSError, CodecError) as error:
        raise SystemExit(f"comparison.py: {error}") from error
    print(f"{args.out}: {os.path.getsize(args.out)} bytes")


if __name__ == "__main__":
    main()
