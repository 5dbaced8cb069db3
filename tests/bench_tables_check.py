"""Checks of bench/means.py, published.py and tables.py, which tests/bench.sh runs: on numbers with known means."""

import math
import pathlib
import re
import statistics
import sys
import tempfile

import numpy as np
from scipy.interpolate import PchipInterpolator

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "bench"))
import bdrate  # noqa: E402
import means  # noqa: E402
import published  # noqa: E402
import tables  # noqa: E402

RATES = [0.1, 0.2, 0.5, 1.1, 2]
LABELS = {"ddz": "ddz", "x": "X"}


def near(value, expected, tolerance):
    assert abs(value - expected) <= tolerance, (value, expected)


def rows(codec, factors):
    """Files of pictures whose curves are alike but for a factor of the rate: setting i has the i-th rate of RATES
    times the factor, and PSNR 20 + 3 i."""
    return [dict(codec=codec, setting=f"s{i}", picture=picture, width="300", height="200", bpp=str(factor * rate),
                 psnr=str(20 + 3 * i), ssimulacra2=str(10 + 20 * i), butteraugli=str(5 - i))
            for picture, factor in factors.items() for i, rate in enumerate(RATES)]


# ---- Means --------------------------------------------------------------------------------------


def check_quality_at():
    near(means.quality_at(list(zip(RATES, [27.1, 29.9, 33.3, 37, 41.5])), 0.5), 33.3, 1e-9)
    straight = [(rate, 30 + 6 * math.log2(rate)) for rate in (0.25, 0.6, 1, 2.5)]
    near(means.quality_at(straight, 0.7), 30 + 6 * math.log2(0.7), 1e-9)
    assert means.quality_at(straight, 0.2) is None and means.quality_at(straight, 2.6) is None
    near(means.quality_at(straight, 0.24999), 18, 1e-9)


def check_equal_rate():
    # the smaller picture's files end at half the rates
    shown = means.at_rates(rows("x", {"a": 0.5, "b": 1}), "x", "psnr", tables.RATES)
    points = list(zip(RATES, (20, 23, 26, 29, 32)))
    for rate, found in zip(tables.RATES[:3], shown):
        near(found, (means.quality_at(points, 2 * rate) + means.quality_at(points, rate)) / 2, 1e-9)
    assert shown[3] is None
    # the mean is that of the metric's own numbers, whatever scale they are interpolated on
    found = means.at_rates(rows("x", {"a": 1, "b": 1 / 2.2}), "x", "butteraugli", [0.5])
    near(found[0], (3 + 2) / 2, 1e-9)


def check_equal_setting():
    """Against a mean by hand; a setting that lacks a picture, or a picture's number, has no point."""
    found = rows("x", {"a": 0.5, "b": 1, "c": 3}) + rows("y", {"a": 1})
    expected = [(statistics.fmean([0.5 * rate, rate, 3 * rate]), 20 + 3 * i) for i, rate in enumerate(RATES)]
    assert np.allclose(means.setting_curve(found, "x", "psnr"), expected)
    assert means.setting_curve(found, "y", "psnr") == []
    # files of a size that ddz was told are points of each picture's curve, but have no quality setting
    sized = [dict(codec="x", setting="--bpp 3", picture=name, bpp="3", psnr="40") for name in "abc"]
    assert np.allclose(means.setting_curve(found + sized, "x", "psnr"), expected)
    assert means.at_rates(found + sized, "x", "psnr", [2.9])[0] and not means.at_rates(found, "x", "psnr", [2.9])[0]
    found[0]["psnr"], found[4]["psnr"] = "inf", ""
    assert np.allclose(means.setting_curve(found, "x", "psnr"), expected[1:-1])
    assert len(means.setting_curve(found, "x", "butteraugli")) == 5


def check_conventions_differ():
    """Pictures whose PSNR is 30 + 6 log2(rate) - d, at a setting that gives each PSNR 30 + s: at equal rate the mean
    is 30 + 6 log2(rate) - mean(d); at equal setting the mean rate is 2^(s / 6) mean(2^(d / 6)), which is more than
    2^((s + mean(d)) / 6), so that the curve lies lower: by 6 log2 of the ratio."""
    offsets = {"easy": -6, "middle": 0, "hard": 9}
    found = [dict(codec="x", setting=str(s), picture=name, bpp=str(2 ** ((s + d) / 6)), psnr=str(30 + s))
             for name, d in offsets.items() for s in range(-18, 19, 3)]
    lower = 6 * math.log2(statistics.fmean(2 ** (d / 6) for d in offsets.values())) - statistics.fmean(offsets.values())
    assert lower > 0.5
    equal_rate = means.at_rates(found, "x", "psnr", [0.5, 1])
    setting = means.setting_curve(found, "x", "psnr")
    for rate, quality in zip([0.5, 1], equal_rate):
        near(quality, 30 + 6 * math.log2(rate) - 1, 1e-9)
        near(means.quality_at(setting, rate), quality - lower, 1e-9)


# ---- Published curves ---------------------------------------------------------------------------

# PSNR at 0.25, 0.5, 0.75, 1 and 2 bits a pixel as others interpolated it, to about 0.02 dB
KNOWN = {
    "vtm": (31.27, 34.36, 36.54, 38.21, 42.53),
    "mlic++": (32.00, 35.03, 36.98),
    "tcm-large": (31.83, 34.94, 37.17),
    "cool-chic-5.0": (31.42, 34.72, None, 39.07),
    "hpcm-base": (32.06, 35.16, 37.28),
    "hpcm-large": (32.22, 35.35, 37.51),
    "hpcm-1b": (32.5, 35.65, None, 39.4),
}


def check_published_files():
    found = {path.stem: published.read(path) for path in published.FOLDER.glob("*.csv")}
    assert len(found) == len(published.curves()) and set(found) >= set(KNOWN)
    assert len({curve.name for curve in found.values()}) == len(found)
    for name, curve in found.items():
        assert curve.needs in ("a processor", "a GPU", "a GPU to encode"), name
        assert re.search(r"github\.com/\S+/\S+, *commit [0-9a-f]{40}|arXiv \d{4}\.\d{5}", curve.source), (name, curve)
    for name, expected in KNOWN.items():
        rates, quality = np.array(found[name].points).T
        reference = PchipInterpolator(np.log(rates), quality)
        for rate, value in zip(tables.PUBLISHED_RATES, expected):
            if value:
                at = means.quality_at(found[name].points, rate)
                near(at, value, 0.03)
                near(at, float(reference(math.log(rate))), 1e-9)


def check_published_refusals():
    good = "# name: N\n# needs: a GPU\n# source: first\n#   and second\nbpp,psnr\n0.5,30\n1,33\n"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "n.csv"
        path.write_text(good, encoding="utf-8")
        assert published.read(path) == ("N", "a GPU", "first and second", [(0.5, 30), (1, 33)])
        for bad in (good.replace("# source: first\n", ""), good.replace("33", "29"), good.replace("1,33\n", ""),
                    good.replace("bpp,", "rate,"), good.replace("33", ""), ""):
            path.write_text(bad, encoding="utf-8")
            try:
                published.read(path)
            except ValueError as error:
                assert str(path) in str(error) and "\n" not in str(error)
            else:
                raise AssertionError(bad)


def kodak_like(factor):
    """Rows of 24 pictures of Kodak's size; all have VTM's curve at `factor` times its rates."""
    vtm = published.read(published.FOLDER / "vtm.csv").points
    return [dict(codec="ddz", setting=f"-q {i}", picture=str(picture), width="768", height="512",
                 bpp=str(factor * rate), psnr=str(psnr)) for picture in range(24) for i, (rate, psnr) in enumerate(vtm)]


def check_published_rates():
    found = published.table(kodak_like(0.8), ["ddz"])
    vtm = [row for row in found if row["against"].startswith("VTM")]
    assert [row["codec"] for row in vtm] == ["ddz"]
    near(float(vtm[0]["bd_rate_percent"]), -20, 0.01)
    assert len(found) == len(published.curves())
    # no published numbers beside other pictures than Kodak's
    assert published.table(kodak_like(0.8)[:-8], ["ddz"]) == []
    found = published.table(rows("ddz", {"a": 1, "b": 1}) + rows("x", {"a": 2, "b": 4}), ["ddz", "x"])
    assert [(row["codec"], row["against"]) for row in found] == [("ddz", "x")]
    near(float(found[0]["bd_rate_percent"]), 100 * (1 / 3 - 1), 0.01)


# ---- Tables -------------------------------------------------------------------------------------


def check_tables():
    found = rows("ddz", {"a": 0.5, "b": 0.5}) + rows("x", {"a": 1, "b": 1})
    text = tables.summary(found, bdrate.table(found), LABELS)
    near(means.quality_at(list(zip(RATES, (20, 23, 26, 29, 32))), 0.5), 26, 1e-9)
    head, _, own, other = text.splitlines()
    assert "SSIMULACRA2, at 0.25 / 0.5 / 1" in head and head.endswith(
        "| rate of ddz at equal PSNR / SSIMULACRA2 / Butteraugli |"), head
    assert re.fullmatch(r"\| ddz \| 26\.00 / \S+ / \S+ \| 50\.0 / .* \| 3\.000 / .* \|  \|", own), own
    assert re.fullmatch(r"\| X \| \S+ / 26\.00 / .* \| -50 % / -50 % / -50 % \|", other), other
    # a rate that the files do not reach, and a metric that was not measured
    short = [{**row, "ssimulacra2": ""} for row in found if row["setting"] != "s0"]
    lines = tables.summary(short, bdrate.table(short), LABELS).splitlines()
    assert "SSIMULACRA2" not in lines[0] and "/ 26.00 /" in lines[3], lines
    assert not tables.detail(found, [], {"x": "X"}, "psnr").splitlines()[2].endswith("% |")

    settings = tables.settings_table(found, LABELS).splitlines()
    assert settings[2] == "| ddz | `s0` | 0.0500 | 20.00 | 10.0 | 5.000 |" and len(settings) == 7, settings

    lines = tables.published_table(kodak_like(0.8), {"ddz": "ddz"}).splitlines()
    order = [line.split(" | ")[0].lstrip("| ") for line in lines[2:]]
    assert order.index("ddz") < order.index("VTM (VVC's reference) *") < order.index("BPG 4:4:4 (HEVC, x265) *"), order
    vtm = next(line for line in lines if line.startswith("| VTM"))
    assert re.search(r"\| 31\.27 \| 34\.36 \| 36\.54 \| 38\.21 \| 42\.53 \| -20\.0 % \| a processor \|", vtm), vtm


def check_cut_lines():
    cuts = [dict(codec=codec, picture=picture, bytes=n, whole=whole, psnr=psnr)
            for codec, picture, n, whole, psnr in [
                ("a", "p", "25", "0", "10"), ("a", "q", "25", "0", "13"), ("a", "p", "90", "1", "20"),
                ("a", "q", "99", "1", "21"), ("a", "p", "50", "0", ""), ("a", "q", "50", "0", "14"),
                ("b", "p", "80", "1", "20"), ("b", "q", "80", "1", "20")]]
    assert tables.cuts(cuts, {"a": "A", "b": "B"}).splitlines() == [
        "| bytes | 25 | 50 | all |", "|---|---|---|---|", "| A | 11.50 |  | 20.50 |"]


def check_lossless():
    """Sums of bytes over the pictures that all have: q has no JPEG XL file."""
    def row(codec, picture, size, width, height):
        return dict(codec=codec, picture=picture, width=str(width), height=str(height), bytes=str(size), encode_s="0.5",
                    decode_s="0.25")

    found = [row("ddz", "p", 600, 20, 10), row("ddz", "q", 1, 9, 9), row("ddz", "r", 900, 40, 20),
             row("webp", "p", 750, 20, 10), row("webp", "q", 1, 9, 9), row("webp", "r", 1250, 40, 20),
             row("jxl", "r", 1000, 40, 20), row("jxl", "p", 500, 20, 10)]
    # bits a sample: 8 * 1500 / (3 * 1000); CPU seconds a megapixel: 1 and 0.5 for 1000 pixels
    assert tables.lossless(found, {"ddz": "ddz", "webp": "WebP", "jxl": "JXL"}).splitlines() == [
        "| 2 pictures | bytes | bits a sample | relative to JXL | relative to WebP | encoding, CPU s a megapixel | "
        "decoding |",
        "|---|---|---|---|---|---|---|",
        "| ddz | 1500 | 4.000 | 1.0000 | 0.7500 | 1000.00 | 500.00 |",
        "| WebP | 2000 | 5.333 | 1.3333 | 1.0000 | 1000.00 | 500.00 |",
        "| JXL | 1500 | 4.000 | 1.0000 | 0.7500 | 1000.00 | 500.00 |",
        "",
        "| bits a sample | ddz | WebP | JXL | ddz, relative to JXL / WebP |",
        "|---|---|---|---|---|",
        "| p | 8.000 | 10.000 | 6.667 | 1.200 / 0.800 |",
        "| r | 3.000 | 4.167 | 3.333 | 0.900 / 0.720 |",
        "| all | 4.000 | 5.333 | 4.000 | 1.000 / 0.750 |"]


def main():
    for check in (check_quality_at, check_equal_rate, check_equal_setting, check_conventions_differ,
                  check_published_files, check_published_refusals, check_published_rates, check_tables,
                  check_cut_lines, check_lossless):
        check()
    print("means, published curves and tables: as they should be")


if __name__ == "__main__":
    main()
