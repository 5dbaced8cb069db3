#!/usr/bin/env python3
"""One picture decoded from growing beginnings of its stream, side by side, each with its bits.

  strip.py PICTURE.png OUT.png [--model FILE] [--programs DIR] [--bits N N ...]
"""

import argparse
import os
import pathlib
import subprocess
import tempfile

from PIL import Image, ImageDraw

GAP, LINE = 6, 14


def decode(programs, model, picture, bits, folder):
    """PIL pictures for each number of bits (0: all), from one stream of 1 bit a pixel."""
    stream = folder / "x.ddz"
    subprocess.run([programs / "ddpmenc", *model, "--quiet", "--bpp", "1", picture, stream], check=True)
    total = 8 * os.path.getsize(stream)
    for n in bits:
        out = folder / "x.png"
        subprocess.run([programs / "ddpmdec", *model, "--quiet", "--bits", str(n or total), stream, out], check=True)
        with Image.open(out) as image:
            yield n or total, image.convert("RGB")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("picture")
    p.add_argument("out")
    p.add_argument("--model")
    p.add_argument("--programs", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "build")
    p.add_argument("--bits", type=int, nargs="+", default=[100, 200, 800, 3200, 12800, 0])
    p.add_argument("--columns", type=int, default=3)
    args = p.parse_args()
    model = ["--model", args.model] if args.model else []
    with tempfile.TemporaryDirectory() as folder:
        tiles = list(decode(args.programs, model, args.picture, args.bits, pathlib.Path(folder)))
    w, h = tiles[0][1].size
    rows = -(-len(tiles) // args.columns)
    strip = Image.new("RGB", (args.columns * (w + GAP) - GAP, rows * (h + LINE + GAP) - GAP), "white")
    draw = ImageDraw.Draw(strip)
    for i, (n, tile) in enumerate(tiles):
        x, y = i % args.columns * (w + GAP), i // args.columns * (h + LINE + GAP)
        strip.paste(tile, (x, y))
        draw.text((x + 2, y + h + 1), f"{n} bits = {(n + 7) // 8} bytes, {n / (w * h):.4f} bits a pixel", fill="black")
    strip.save(args.out, optimize=True)


if __name__ == "__main__":
    main()
