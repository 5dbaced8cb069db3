#!/usr/bin/env python3
"""The pixel coder beside WebP and JPEG XL, both lossless and as slow as they can be, on the pictures of synthetic.py.

  synthetic_table.py BUILD [--seed N] [--folder FOLDER]

Builds bench/graphics in the build tree, makes the pictures in FOLDER (default: a temporary one), and prints a table.
OVERHEAD bytes are added to what the coder makes, for what a stream has around it. A last line has the two figures that
the project holds itself to: the sum over all pictures against that of the smaller of the others, and the worst picture.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import synthetic

OVERHEAD = 30
OTHERS = {
    "WebP": "cwebp -quiet -lossless -exact -z 9 -m 6 {0} -o {1}",
    "JPEG XL": "cjxl --quiet -d 0 -e 9 --num_threads=0 {0} {1}",
}


def size_with(command, picture, scratch):
    out = scratch / ("out.webp" if command.startswith("cwebp") else "out.jxl")
    subprocess.run([part.format(picture, out) for part in command.split()], check=True, stderr=subprocess.DEVNULL)
    return out.stat().st_size


def coder_figures(build, pictures):
    """Bytes, and seconds of coding and decoding, of each picture; the program checks that it comes back."""
    subprocess.run(["make", "-C", build, "bench/graphics"], check=True, stdout=subprocess.DEVNULL)
    lines = subprocess.run([build / "bench/graphics", *pictures], check=True, stdout=subprocess.PIPE, text=True).stdout
    figures = [line.split(maxsplit=3) for line in lines.splitlines()]
    return [(int(size) + OVERHEAD, float(code), float(decode)) for size, code, decode, _ in figures]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        folder = options.folder or scratch / "pictures"
        subprocess.run([sys.executable, synthetic.__file__, folder, "--seed", str(options.seed)], check=True)
        pictures = [folder / f"{make.__name__}.png" for make in synthetic.PICTURES]
        print("| picture | " + " | ".join(OTHERS) + " | ddz | of the smaller | coding, s | decoding, s |")
        print("|---|" + "---:|" * (len(OTHERS) + 4))
        total = total_smaller = worst = 0
        for picture, (size, code, decode) in zip(pictures, coder_figures(options.build, pictures)):
            others = [size_with(command, picture, scratch) for command in OTHERS.values()]
            smaller = min(others)
            total += size
            total_smaller += smaller
            worst = max(worst, size / smaller)
            columns = [f"{value:,}" for value in others + [size]]
            columns += [f"{size / smaller:.3f}", f"{code:.2f}", f"{decode:.2f}"]
            print(f"| {picture.stem.replace('_', ' ')} | " + " | ".join(columns) + " |", flush=True)
        print(f"\nsum {total:,} of {total_smaller:,}: {total / total_smaller:.3f}; worst picture {worst:.3f}")


if __name__ == "__main__":
    main()
