#!/usr/bin/env python3
"""The tables of a benchmark: PSNR of each codec at a few rates, the rate of ddz relative to it, and PSNR
of files cut short.

  bench/means.py DIR

Reads DIR/results.csv and DIR/prefixes.csv, writes DIR/table.md. PSNR at a rate is read, picture by picture, off a
piecewise cubic (PCHIP) curve over the logarithm of the rate through the measured files, and is the
mean of the pictures; a codec that has no file so small, or so large, of every picture gets no number,
nor does a length at which it does not show every picture.
"""

import csv
import pathlib
import statistics
import sys

import numpy as np
from scipy.interpolate import PchipInterpolator

import bdrate
import coders

RATES = (0.25, 0.5, 1, 2)
METRICS = {"psnr": "PSNR", "ms_ssim": "MS-SSIM"}


def quality_at(points, rate):
    """Quality at a rate, of (rate, quality) pairs of one picture; None outside of what was measured."""
    kept = bdrate.curve(points)
    # sizes are whole bytes: a file that was asked for may be a little smaller than its rate
    if len(kept) < 2 or not kept[0][0] * 0.999 <= rate <= kept[-1][0] * 1.001:
        return None
    rates, qualities = np.array(kept).T
    return float(PchipInterpolator(np.log(rates), qualities)(np.log(np.clip(rate, rates[0], rates[-1]))))


def means(rows, codec):
    """Mean PSNR of a codec at each of RATES, None where a picture has none."""
    pictures = bdrate.points_by_picture(rows, codec, "psnr")
    each = [[quality_at(points, rate) for points in pictures.values()] for rate in RATES]
    return [statistics.fmean(found) if found and None not in found else None for found in each]


def mean_curve(rows, codec, metric, count=9):
    """[(rate, mean of the metric)] at `count` rates that lie within every picture's files, evenly spaced
    in the logarithm; empty if there are none. Settings are not averaged: one that aims at a quality gives
    the difficult pictures larger files, and their mean would lie below the codec's true curve."""
    pictures = [bdrate.curve(points) for points in bdrate.points_by_picture(rows, codec, metric).values()]
    if not pictures or min(map(len, pictures)) < 2:
        return []
    low, high = max(points[0][0] for points in pictures), min(points[-1][0] for points in pictures)
    if low >= high:
        return []
    return [(rate, statistics.fmean(bdrate.unscaled(metric, quality_at(points, rate)) for points in pictures))
            for rate in np.geomspace(low, high, count).tolist()]


def lines(rows, rates, labels):
    """Markdown lines of the table, in the order of `labels`, {codec: name to show}."""
    head = [*(f"{rate:g}" for rate in RATES), *(f"rate of ddz at equal {name}" for name in METRICS.values())]
    yield "| bits a pixel | " + " | ".join(head) + " |"
    yield "|---" * (1 + len(head)) + "|"
    for codec, label in labels.items():
        numbers = means(rows, codec)
        smaller = {row["metric"]: float(row["bd_rate_percent"]) for row in rates if row["codec"] == codec}
        if any(number is not None for number in numbers):
            cells = ["" if number is None else f"{number:.2f}" for number in numbers]
            cells += [f"{smaller[metric]:+.0f} %" if metric in smaller else "" for metric in METRICS]
            yield f"| {label} | " + " | ".join(cells) + " |"


def cut_lines(rows, labels):
    """Markdown lines: mean PSNR of each codec's files cut short, of those that were cut."""
    pictures = {row["picture"] for row in rows}
    found = {}
    for row in rows:
        length = "all" if row["whole"] == "1" else int(row["bytes"])
        found.setdefault(row["codec"], {}).setdefault(length, {})[row["picture"]] = row["psnr"]
    cut = {name: lengths for name, lengths in found.items() if len(lengths) > 1}
    columns = [*sorted({n for lengths in cut.values() for n in lengths} - {"all"}), "all"]
    yield "| bytes | " + " | ".join(map(str, columns)) + " |"
    yield "|---" * (1 + len(columns)) + "|"
    for name, lengths in cut.items():
        shown = [lengths.get(n, {}) for n in columns]
        cells = [f"{statistics.fmean(map(float, by.values())):.2f}" if set(by) == pictures and all(by.values())
                 else "" for by in shown]
        yield f"| {labels[name]} | " + " | ".join(cells) + " |"


def read(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def table(folder):
    """Write folder/table.md from results.csv and prefixes.csv there; its text."""
    folder = pathlib.Path(folder)
    rows, cuts = read(folder / "results.csv"), read(folder / "prefixes.csv")
    present = {row["codec"] for row in rows}
    labels = {name: codec.label for name, codec in coders.CODECS.items() if name in present}
    parts = [lines(rows, bdrate.table(rows), labels), *([cut_lines(cuts, labels)] if cuts else [])]
    text = "\n\n".join("\n".join(part) for part in parts) + "\n"
    (folder / "table.md").write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(table(sys.argv[1]), end="")
