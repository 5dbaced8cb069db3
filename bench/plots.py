#!/usr/bin/env python3
"""Plots of the measurements that `rd` left in DIR: DIR/plots/*.svg and *.png.

  plots.py DIR

psnr, ssimulacra2, butteraugli and ms_ssim against bits a pixel, time of encoder and decoder, and PSNR of
cut files. Quality is the mean over all pictures at equal rate, read off each picture's own curve. Elsewhere,
and for codecs of one size, a point is the mean over the pictures of one setting: of the bits a pixel across,
of the number up; a setting that was not measured on every picture has no point. So it is in `published`,
which sets ddz's means at equal quality setting beside published ones of the Kodak pictures.
"""

import argparse
import csv
import math
import pathlib

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot, ticker  # noqa: E402  (the backend is chosen first)

import means  # noqa: E402
import published  # noqa: E402
from coders import CODECS  # noqa: E402

# Colours of Okabe and Ito, told apart with any colour vision; the variant of a codec is dashed.
STYLES = {
    "ddz": ("#d55e00", "-", "o"),
    "ddz-small": ("#d55e00", "--", "o"),
    "jpeg": ("#777777", "-", "s"),
    "webp": ("#e69f00", "-", "^"),
    "jxl": ("#009e73", "-", "D"),
    "jxl-progressive": ("#009e73", "--", "d"),
    "avif": ("#0072b2", "-", "v"),
    "heic": ("#56b4e9", "-", "P"),
    "jp2": ("#cc79a7", "-", "X"),
    "thumbhash": ("#000000", "none", "p"),
    "blurhash": ("#000000", "none", "x"),
}
BPP_TICKS = (0.0002, 0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4)
BYTE_TICKS = (8, 25, 100, 400, 1600, 6400, 25600, 102400, 409600)
MS_SSIM_TICKS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995)
BUTTERAUGLI_TICKS = (0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10)
SECOND_TICKS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
PREVIEW_BPP = 0.02  # files below are previews: they get a panel of their own
WIDTH, DPI = 8, 200  # inches; 8 inches are 800 pixels of the README, twice over

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "svg.hashsalt": "ddz",
    "savefig.facecolor": "white",
}


# ---- Reading ------------------------------------------------------------------------------------


def read_rows(path):
    """Rows of a CSV file as dictionaries; an empty list if there is no such file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def by_codec(rows):
    """{codec: its rows} in plot order, of known codecs."""
    groups = {name: [row for row in rows if row["codec"] == name] for name in CODECS}
    return {name: group for name, group in groups.items() if group}


def mean_points(rows, key, columns, pictures):
    """Means of `columns` for each value of `key` that all pictures have, sorted."""
    return sorted(means.by_key(rows, key, columns, pictures).values())


def curves(rows, *columns):
    """{codec: [(mean bpp, mean of each column)]}"""
    pictures = {row["picture"] for row in rows}
    found = {name: mean_points(group, "setting", ("bpp",) + columns, pictures)
             for name, group in by_codec(rows).items()}
    return {name: points for name, points in found.items() if points}


def quality_curves(rows, metric):
    """{codec: [(bpp, mean of the metric at that rate)]}; one point for a codec of one size."""
    points = curves(rows, metric)
    found = {name: means.mean_curve(rows, name, metric) or points.get(name) for name in by_codec(rows)}
    return {name: curve for name, curve in found.items() if curve}


# ---- Drawing ------------------------------------------------------------------------------------


def draw(axes, name, points):
    """One codec's curve, or its single point."""
    colour, dash, marker = STYLES[name]
    own = name == "ddz"
    axes.plot(*zip(*points), color=colour, linestyle=dash, marker=marker, linewidth=3 if own else 1.5,
              markersize=6.5 if own else 4.5, markeredgewidth=1.5 if marker == "x" else 0,
              label=CODECS[name].label, zorder=4 if own else 3)


def plain_ticks(axis, ticks):
    axis.set_major_locator(ticker.FixedLocator(ticks))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(ticker.NullLocator())


def log_across(axes, found, ticks):
    """Logarithmic x axis, limits a little beyond the points of {codec: points}."""
    across = [point[0] for points in found.values() for point in points]
    axes.set_xscale("log")
    plain_ticks(axes.xaxis, ticks)
    axes.set_xlim(min(across) / 1.15, max(across) * 1.15)


def stretch_ms_ssim(axes, up):
    """Distances of log(1 - MS-SSIM), ticks of MS-SSIM itself, limits a little beyond `up`."""
    axes.set_yscale("function", functions=(lambda m: -np.log10(np.maximum(1 - m, 1e-9)),
                                           lambda v: 1 - 10**-v))
    axes.set_ylim(1 - (1 - min(up)) * 1.2, 1 - (1 - max(up)) / 1.2)
    plain_ticks(axes.yaxis, MS_SSIM_TICKS)


def butteraugli_down(axes, up):
    """Logarithmic, better pictures higher up, limits a little beyond `up`."""
    axes.set_yscale("log")
    axes.set_ylim(max(up) * 1.05, min(up) / 1.05)
    plain_ticks(axes.yaxis, BUTTERAUGLI_TICKS)


def name_points(axes, found):
    """Each codec's name above its point, and room for it."""
    for name, points in found.items():
        axes.annotate(CODECS[name].label, points[-1], xytext=(0, 8), textcoords="offset points", ha="center",
                      fontsize=9)
    axes.margins(y=1)
    axes.set_xlim(axes.get_xlim()[0] / 3, axes.get_xlim()[1] * 3)


def legend(axes, found, at, **place):
    """The codecs in the order of their curves at `at`, highest first."""
    def height(name):
        across, up = zip(*found[name])
        return np.interp(math.log(at), np.log(across), up)

    handles = dict(zip(*reversed(axes.get_legend_handles_labels())))
    labels = [CODECS[name].label for name in sorted(found, key=height, reverse=not axes.yaxis_inverted())]
    axes.legend([handles[label] for label in labels], labels, **place)


def save(figure, folder, name):
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.png", dpi=DPI)
    pyplot.close(figure)


# ---- The plots ----------------------------------------------------------------------------------


def split(found):
    """(previews, the others): curves on either side of PREVIEW_BPP."""
    sides = [{name: [point for point in points if (point[0] < PREVIEW_BPP) == below]
              for name, points in found.items()} for below in (True, False)]
    return [{name: points for name, points in side.items() if points} for side in sides]


def quality(rows, column, label, stretch, figure):
    """A metric against bits a pixel; previews of some tens of bytes in a narrow panel of their own."""
    previews, others = split(quality_curves(rows, column))
    panels = [side for side in (previews, others) if side]
    if not panels:
        return False
    grid = figure.subplots(1, len(panels), squeeze=False, width_ratios=[1, 4][-len(panels):])[0]
    for axes, side in zip(grid, panels):
        for name, points in side.items():
            draw(axes, name, points)
        log_across(axes, side, BPP_TICKS)
        if side is previews:
            name_points(axes, side)
            axes.set_title("previews")
        else:
            if stretch:
                stretch(axes, [point[1] for points in side.values() for point in points])
            legend(axes, side, 0.5, loc="upper left")
    grid[0].set_ylabel(label)
    figure.supxlabel("bits a pixel", fontsize=10)
    return True


def psnr(rows, figure):
    return quality(rows, "psnr", "PSNR over R, G and B, dB", None, figure)


def ms_ssim(rows, figure):
    return quality(rows, "ms_ssim", "MS-SSIM", stretch_ms_ssim, figure)


def ssimulacra2(rows, figure):
    return quality(rows, "ssimulacra2", "SSIMULACRA2", None, figure)


def butteraugli(rows, figure):
    return quality(rows, "butteraugli", "Butteraugli, 3-norm (less is better)", butteraugli_down, figure)


def time(rows, figure):
    """CPU seconds a megapixel of encoder and decoder, of the codecs with a curve."""
    for row in rows:
        for side in ("encode", "decode"):
            seconds = means.number(row[f"{side}_s"])
            row[side] = seconds and str(seconds * 1e6 / (int(row["width"]) * int(row["height"])))
    found = split(curves(rows, "encode", "decode"))[1]
    if not found:
        return False
    grid = figure.subplots(1, 2, sharey=True)
    for i, (axes, title) in enumerate(zip(grid, ("encode", "decode")), 1):
        for name, points in found.items():
            draw(axes, name, [(point[0], point[i]) for point in points])
        log_across(axes, found, BPP_TICKS)
        axes.set_yscale("log")
        axes.set_title(title)
    plain_ticks(grid[0].yaxis, SECOND_TICKS)
    grid[0].set_ylabel("CPU seconds a megapixel")
    figure.supxlabel("bits a pixel", fontsize=10)
    grid[1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return True


def prefixes(rows, cut, figure):
    """PSNR of files cut short, and of previews, which are whole files of that size."""
    pictures = {row["picture"] for row in cut}
    found = {}
    for name, group in by_codec(cut).items():
        parts = [row for row in group if row["whole"] != "1"]
        wholes = [row for row in group if row["whole"] == "1"]
        points = (mean_points(parts, "bytes", ("bytes", "psnr"), pictures)
                  + mean_points(wholes, "whole", ("bytes", "psnr"), pictures))
        if points:
            found[name] = points
    for name, points in split(curves(rows, "bytes", "psnr"))[0].items():
        found.setdefault(name, [point[1:] for point in points])
    if not cut or not found:
        return False
    axes = figure.subplots()
    for name, points in found.items():
        draw(axes, name, points)
    log_across(axes, found, BYTE_TICKS)
    axes.set_xlabel("bytes of the file that have arrived")
    axes.set_ylabel("PSNR over R, G and B, dB")
    legend(axes, found, 6400, loc="upper left")
    return True


def published_curves(rows, figure):
    """PSNR against bits a pixel, means at equal quality setting: ddz over published curves."""
    curves = published.beside(rows, [name for name in published.OWN if name in CODECS])
    if not published.comparable(rows) or not curves:
        return False
    axes = figure.subplots()
    others = [name for name in curves if name not in CODECS]
    shades = dict(zip(others, matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(others)))))
    for name, (_, points) in curves.items():
        if name in CODECS:
            draw(axes, name, points)
        else:
            axes.plot(*zip(*points), color=shades[name], marker=".", linewidth=1.2, label=name.rstrip(" *"))
    log_across(axes, {name: points for name, (_, points) in curves.items()}, BPP_TICKS)
    axes.set_xlabel("bits a pixel, mean at equal quality setting")
    axes.set_ylabel("PSNR over R, G and B, dB, mean at equal quality setting")
    axes.legend(loc="upper left")
    return True


def plots(folder):
    """Draw all that DIR has the numbers for; the names of the plots that were made."""
    folder = pathlib.Path(folder)
    rows, cut = read_rows(folder / "results.csv"), read_rows(folder / "prefixes.csv")
    if not rows:
        raise SystemExit(f"plots.py: {folder}: no measurements there (results.csv)")
    (folder / "plots").mkdir(exist_ok=True)
    made = []
    for name, height, plot in (("psnr", 5, lambda figure: psnr(rows, figure)),
                               ("ssimulacra2", 5, lambda figure: ssimulacra2(rows, figure)),
                               ("butteraugli", 5, lambda figure: butteraugli(rows, figure)),
                               ("ms_ssim", 5, lambda figure: ms_ssim(rows, figure)),
                               ("published", 5, lambda figure: published_curves(rows, figure)),
                               ("time", 4.5, lambda figure: time(rows, figure)),
                               ("prefixes", 5, lambda figure: prefixes(rows, cut, figure))):
        with pyplot.rc_context(RC):
            figure = pyplot.figure(figsize=(WIDTH, height), layout="constrained")
            if plot(figure):
                save(figure, folder / "plots", name)
                made.append(name)
            pyplot.close(figure)
    return made


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", metavar="DIR")
    plots(p.parse_args().folder)


if __name__ == "__main__":
    main()
