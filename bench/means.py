"""Means over the pictures of a benchmark, in two conventions that must not be mixed:

  at equal rate               the quality at a rate is read, picture by picture, off the picture's own curve, a
                              piecewise cubic (PCHIP) one over the logarithm of the rate through its files;
                              the mean over the pictures is that of qualities at one and the same rate
  at equal quality setting    bits a pixel and quality are averaged, each by itself, over all pictures at one
                              setting of the encoder, and the curve goes through these means: the convention
                              of published curves

At equal setting, difficult pictures have larger files than easy ones. The mean rate follows the former, the
mean quality both: such a curve lies lower than that at equal rate, and can only be held to its like.
"""

import collections
import math
import statistics

import numpy as np
from scipy.interpolate import PchipInterpolator

import bdrate

SIZED = "--bpp"  # how settings of ddz begin that tell it a size


def quality_at(points, rate):
    """Quality at a rate, of (rate, quality) pairs; None outside of what was measured."""
    kept = bdrate.curve(points)
    # sizes are whole bytes: a file that was asked for may be a little smaller than its rate
    if len(kept) < 2 or not kept[0][0] * 0.999 <= rate <= kept[-1][0] * 1.001:
        return None
    rates, qualities = np.array(kept).T
    return float(PchipInterpolator(np.log(rates), qualities)(np.log(np.clip(rate, rates[0], rates[-1]))))


# ---- At equal rate ------------------------------------------------------------------------------


def at_rates(rows, codec, metric, rates):
    """Mean of a metric at each of `rates`, None where a picture has none."""
    pictures = bdrate.points_by_picture(rows, codec, metric)
    each = [[quality_at(points, rate) for points in pictures.values()] for rate in rates]
    return [statistics.fmean(bdrate.unscaled(metric, quality) for quality in found)
            if found and None not in found else None for found in each]


def mean_curve(rows, codec, metric, count=9):
    """[(rate, mean of the metric)] at `count` rates that lie within every picture's files, evenly spaced
    in the logarithm; empty if there are none."""
    pictures = [bdrate.curve(points) for points in bdrate.points_by_picture(rows, codec, metric).values()]
    if not pictures or min(map(len, pictures)) < 2:
        return []
    low, high = max(points[0][0] for points in pictures), min(points[-1][0] for points in pictures)
    if low >= high:
        return []
    return [(rate, statistics.fmean(bdrate.unscaled(metric, quality_at(points, rate)) for points in pictures))
            for rate in np.geomspace(low, high, count).tolist()]


# ---- At equal quality setting -------------------------------------------------------------------


def number(text):
    """A finite float, or None for an empty field, NaN and the infinite PSNR of equal pictures."""
    value = float(text) if text else math.nan
    return value if math.isfinite(value) else None


def by_key(rows, key, columns, pictures):
    """{value of `key`: means of `columns` over the pictures}, of those values at which all pictures have
    all of them."""
    groups = collections.defaultdict(dict)
    for row in rows:
        groups[row[key]][row["picture"]] = [number(row.get(column)) for column in columns]
    return {value: tuple(map(statistics.fmean, zip(*group.values()))) for value, group in groups.items()
            if set(group) == pictures and all(None not in found for found in group.values())}


def setting_means(rows, codec, columns):
    """{setting: means of `columns`} of one codec. Settings that tell ddz a size have no place here: all pictures get
    the same rate there, and the curve would jump from one convention to the other."""
    pictures = {row["picture"] for row in rows}
    own = [row for row in rows if row["codec"] == codec and not row["setting"].startswith(SIZED)]
    return by_key(own, "setting", columns, pictures)


def setting_curve(rows, codec, metric):
    """[(mean of bits a pixel, mean of the metric)] of one codec, a point for each setting, in order of rate."""
    return sorted(setting_means(rows, codec, ("bpp", metric)).values())
