#!/usr/bin/env python3
"""Draw pictures that no camera takes: text, interfaces, charts, line art, pixel art, dithers, flat colours,
gradients, and pages with photograph-like pictures in them (rendering/ has a module for each).

  render.py OUT_DIR --count N [--seed S] [--kinds text,chart] [--fonts DIR]
  render.py --install          Debian's free fonts for all scripts, through apt-get

Writes N PNG pictures (RGB, 384x256 to 768x768 pixels) named KIND-NUMBER.png, such as text-00012.png. A picture is
a function of seed, kind and number alone: the same bytes with the same Pillow, NumPy and fonts on the
same processor, whatever N and the other kinds are. Pictures that exist already are drawn again.

Whether a picture is held out from training depends on its name (pack.held_out), which does not say the seed: of
numbers 0 to 1,499 the same 66 are held out with any seed, between 2 and 15 of each kind.

A script without a font is left out, and a line says so; without any font text is Latin, in Pillow's own.
Exit status: 0, or 1 if something can't be read, written or installed, 2 for wrong arguments.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import zlib

import numpy as np

import rendering
from rendering.fonts import FOLDER, PACKAGES, Fonts


def draw(seed, kind, number, fonts):
    """The picture (PIL, RGB) of a kind, seed and number; each kind's numbers have draws of their own."""
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), number])
    return rendering.KINDS[kind](rng, fonts)


def order(kinds):
    """The kinds of pictures 0, 1, ... before they repeat."""
    return [kind for kind in rendering.ORDER if kind in kinds]


def render(folder, count, seed, kinds, fonts):
    """Write pictures 0 to count - 1 into a folder, which is made."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cycle = order(kinds)
    for number in range(count):
        kind = cycle[number % len(cycle)]
        name = folder / f"{kind}-{number:05d}.png"
        part = name.with_suffix(".part")
        try:
            draw(seed, kind, number, fonts).save(part, "PNG")
            os.replace(part, name)
        finally:
            part.unlink(missing_ok=True)


def install():
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    command = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends"]
    subprocess.run([*command, *PACKAGES], check=True)


def natural(text):
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def kind_list(text):
    kinds = text.split(",")
    for kind in kinds:
        if kind not in rendering.KINDS:
            raise argparse.ArgumentTypeError(f"no kind {kind!r}: there are {', '.join(rendering.KINDS)}")
    return kinds


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", metavar="OUT_DIR", nargs="?")
    p.add_argument("--count", type=natural, default=500, help="how many pictures (500)")
    p.add_argument("--seed", type=natural, default=1)
    p.add_argument(
    "--kinds",
    type=kind_list,
    default=list(
        rendering.KINDS),
        help="some of " +
        ",".join(
            rendering.KINDS))
    p.add_argument("--fonts", metavar="DIR", default=FOLDER, help=f"where fonts are, in any sub-folder ({FOLDER})")
    p.add_argument("--install", action="store_true", help="install the fonts first: " + " ".join(PACKAGES))
    args = p.parse_args()
    if not args.folder and not args.install:
        p.error("no OUT_DIR")
    try:
        if args.install:
            install()
        if args.folder:
            render(args.folder, args.count, args.seed, args.kinds, Fonts(args.fonts))
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"render.py: {error}")


if __name__ == "__main__":
    main()
