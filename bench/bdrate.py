"""Bjontegaard's rate difference: how much smaller one codec's files are than another's at equal
quality, as a mean over the range of quality that both reach.

For each picture, the logarithm of the rate is a piecewise cubic (PCHIP) function of the metric; the
mean of the difference of two such functions over their common range is a ratio of rates. The mean
over the pictures is that of the per cents.
"""

import math
import statistics

import numpy as np
from scipy.interpolate import PchipInterpolator

COLUMNS = "codec,metric,bd_rate_percent,low,high".split(",")
# A metric as a quantity that grows with quality, on a scale where equal steps are of like importance.
SCALES = {
    "psnr": lambda v: v,
    "ssim": lambda v: -10 * math.log10(1 - v) if v < 1 else math.inf,
    "ms_ssim": lambda v: -10 * math.log10(1 - v) if v < 1 else math.inf,
    "ssimulacra2": lambda v: v,
    "butteraugli": lambda v: -10 * math.log10(v) if v > 0 else math.inf,
}


def curve(points):
    """(rate, quality) pairs in order of rate, without those that a smaller file matches."""
    kept = []
    for rate, quality in sorted(points):
        if math.isfinite(quality) and (not kept or quality > kept[-1][1]):
            kept.append((rate, quality))
    return kept


def common(a, b):
    """Range of quality that both curves cover, or None."""
    if min(len(a), len(b)) < 2:
        return None
    low, high = max(a[0][1], b[0][1]), min(a[-1][1], b[-1][1])
    return (low, high) if low < high else None


def mean_log_rate(points, low, high):
    rates, qualities = np.array(points).T
    return PchipInterpolator(qualities, np.log(rates)).integrate(low, high) / (high - low)


def rate_difference(own, other):
    """(per cent, low, high): the rate of `own` relative to `other`, negative where it is smaller; None
    if the curves share no quality. Both are lists of (rate, quality)."""
    own, other = curve(own), curve(other)
    span = common(own, other)
    if not span:
        return None
    ratio = math.exp(mean_log_rate(own, *span) - mean_log_rate(other, *span))
    return 100 * (ratio - 1), *span


def unscaled(metric, quality):
    """The metric's own number again."""
    if metric in ("psnr", "ssimulacra2"):
        return quality
    part = 10 ** (-quality / 10)
    return part if metric == "butteraugli" else 1 - part


def points_by_picture(rows, codec, metric):
    """{picture: [(bits a pixel, quality)]} from rows of results.csv"""
    found = {}
    for row in rows:
        if row["codec"] == codec and row.get(metric):
            point = float(row["bpp"]), SCALES[metric](float(row[metric]))
            found.setdefault(row["picture"], []).append(point)
    return found


def table(rows, own="ddz"):
    """Rows of bdrate.csv: `own` against every other codec in `rows`. low and high are means over the
    pictures, too."""
    out = []
    for codec in dict.fromkeys(row["codec"] for row in rows if row["codec"] != own):
        for metric in SCALES:
            mine, theirs = (points_by_picture(rows, name, metric) for name in (own, codec))
            each = [rate_difference(mine[name], theirs[name]) for name in sorted(mine.keys() & theirs.keys())]
            each = [found for found in each if found]
            if each:
                rate, low, high = (statistics.fmean(column) for column in zip(*each))
                low, high = sorted(unscaled(metric, quality) for quality in (low, high))
                out.append(dict(zip(COLUMNS, [codec, metric, f"{rate:.2f}", f"{low:.5g}", f"{high:.5g}"])))
    return out
