#!/usr/bin/env python3
"""The tables of a benchmark in Markdown: bench/tables.py DIR

Reads DIR/results.csv, DIR/prefixes.csv and DIR/lossless.csv (those that are there), writes DIR/table.md. A codec that has no file so
small, or so large, of every picture gets no number, nor does a length at which it does not show every picture.
"""

import csv
import pathlib
import statistics
import sys

import bdrate
import coders
import means
import published

# {metric: (name, digits to show)}
METRICS = {"psnr": ("PSNR, dB", 2), "ssimulacra2": ("SSIMULACRA2", 1), "butteraugli": ("Butteraugli", 3),
           "ms_ssim": ("MS-SSIM", 4), "ssim": ("SSIM", 4)}
SUMMARY, SUMMARY_RATES = ("psnr", "ssimulacra2", "butteraugli"), (0.25, 0.5, 1)
RATES = (0.25, 0.5, 1, 2)
PUBLISHED_RATES = (0.25, 0.5, 0.75, 1, 2)
LOSSLESS_OTHERS = ("jxl", "webp")  # what files without loss are held to
ORDER_RATE = 0.5  # the published curves' table is in the order of quality there

EQUAL_RATE = """## Mean at equal rate

Each picture's quality at a rate is read off its own curve, and the mean taken of that. Rates are those of ddz at
equal quality relative to the codec's (Bjontegaard; negative: ddz is smaller), means over the pictures."""
EQUAL_SETTING = """## Mean at equal quality setting (the convention of published curves)

Bits a pixel and quality are averaged, each by itself, over all pictures at one setting of the encoder. Difficult
pictures have larger files there, and so the numbers are lower than those at equal rate; neither may be held to the
other. For a codec that is told a size, such as JPEG 2000, both are the same."""
PUBLISHED = """PSNR in dB at a few rates, read off the curves through those means, and the rate of ddz at equal
PSNR relative to each codec's (Bjontegaard, of the two curves). The numbers of codecs marked * are not measured here
but published ones, from `bench/published/`."""
LOSSLESS = """## Files without loss

The programs' smallest files, each of which was decoded to the picture's own samples. Ratios are of whole files."""
CUTS = "## Files cut short\n\nPSNR in dB of one file of each, of about 1 bit a pixel, after its first bytes."


def line(cells):
    return "| " + " | ".join(cells) + " |"


def markdown(head, rows):
    return "\n".join([line(head), "|---" * len(head) + "|", *map(line, rows)])


def shown(value, digits):
    return "" if value is None else f"{value:.{digits}f}"


def present(rows, metrics):
    """Those of `metrics` that `rows` have."""
    return [name for name in metrics if any(row.get(name) for row in rows)]


def percent(value, digits=0):
    return "" if value is None else f"{value:+.{digits}f} %"


# ---- At equal rate ------------------------------------------------------------------------------


def differences(rates, codec):
    """{metric: per cent} from rows of bdrate.csv"""
    return {row["metric"]: float(row["bd_rate_percent"]) for row in rates if row["codec"] == codec}


def joined(cells):
    """Cells of one kind in a single one; empty if all are."""
    return " / ".join(cell or "-" for cell in cells) if any(cells) else ""


def summary(rows, rates, labels):
    """A line for each codec with all the metrics that matter, each at a few rates."""
    metrics = present(rows, SUMMARY)
    names = [METRICS[metric][0] for metric in metrics]
    at = " / ".join(f"{rate:g}" for rate in SUMMARY_RATES)
    head = ["bits a pixel", *(f"{name}, at {at}" for name in names),
            "rate of ddz at equal " + " / ".join(name.split(",")[0] for name in names)]
    body = []
    for codec, label in labels.items():
        cells = [joined([shown(value, METRICS[metric][1])
                         for value in means.at_rates(rows, codec, metric, SUMMARY_RATES)]) for metric in metrics]
        smaller = differences(rates, codec)
        if any(cells):
            body.append([label, *cells, joined([percent(smaller.get(metric)) for metric in metrics])])
    return markdown(head, body)


def detail(rows, rates, labels, metric):
    """One metric at all RATES."""
    name, digits = METRICS[metric]
    body = []
    for codec, label in labels.items():
        cells = [shown(value, digits) for value in means.at_rates(rows, codec, metric, RATES)]
        if any(cells):
            body.append([label, *cells, percent(differences(rates, codec).get(metric), 1)])
    return markdown([f"{name}, at bits a pixel:", *(f"{rate:g}" for rate in RATES), "rate of ddz"], body)


# ---- At equal quality setting -------------------------------------------------------------------


def settings(rows, codec):
    """[(setting, mean bits a pixel, mean of each metric or None)] of one codec, in order of rate"""
    columns = ["bpp", *present([row for row in rows if row["codec"] == codec], METRICS)]
    found = means.setting_means(rows, codec, columns)
    return sorted(((setting, dict(zip(columns, values))) for setting, values in found.items()),
                  key=lambda entry: entry[1]["bpp"])


def settings_table(rows, labels):
    """What each setting of ddz gives."""
    metrics = present(rows, METRICS)
    head = ["", "setting", "bits a pixel", *(METRICS[metric][0] for metric in metrics)]
    body = [[labels[codec], f"`{setting}`", f"{found['bpp']:.4f}",
             *(shown(found.get(metric), METRICS[metric][1]) for metric in metrics)]
            for codec in published.OWN if codec in labels for setting, found in settings(rows, codec)]
    return markdown(head, body)


def published_table(rows, labels):
    """All curves of that convention, best first, and the rates of ddz relative to them."""
    curves = published.beside(rows, labels)
    smaller = {(row["codec"], row["against"]): float(row["bd_rate_percent"])
               for row in published.table(rows, labels)}
    own = [codec for codec in published.OWN if codec in curves]
    head = ["bits a pixel", *(f"{rate:g}" for rate in PUBLISHED_RATES), *(f"rate of {labels[name]}" for name in own),
            "needs"]
    at = {name: [means.quality_at(points, rate) for rate in PUBLISHED_RATES] for name, (_, points) in curves.items()}
    order = sorted(curves, key=lambda name: at[name][PUBLISHED_RATES.index(ORDER_RATE)] or 0, reverse=True)
    return markdown(head, [[labels.get(name, name), *(shown(value, 2) for value in at[name]),
                            *(percent(smaller.get((codec, name)), 1) for codec in own), curves[name][0]]
                           for name in order])


# ---- Files cut short ----------------------------------------------------------------------------


def cuts(rows, labels):
    """Mean PSNR of each codec's files cut short, of those that were cut."""
    pictures = {row["picture"] for row in rows}
    found = {}
    for row in rows:
        length = "all" if row["whole"] == "1" else int(row["bytes"])
        found.setdefault(row["codec"], {}).setdefault(length, {})[row["picture"]] = row["psnr"]
    cut = {name: lengths for name, lengths in found.items() if len(lengths) > 1}
    columns = [*sorted({n for lengths in cut.values() for n in lengths} - {"all"}), "all"]
    body = []
    for name, lengths in cut.items():
        each = [lengths.get(n, {}) for n in columns]
        body.append([labels[name], *(f"{statistics.fmean(map(float, by.values())):.2f}"
                                     if set(by) == pictures and all(by.values()) else "" for by in each)])
    return markdown(["bytes", *map(str, columns)], body)


# ---- Files without loss -------------------------------------------------------------------------


def complete(rows):
    """{picture: {codec: row}} of the pictures that all codecs have"""
    found = {}
    for row in rows:
        found.setdefault(row["picture"], {})[row["codec"]] = row
    codecs = {row["codec"] for row in rows}
    return {picture: by_codec for picture, by_codec in found.items() if set(by_codec) == codecs}


def total(pictures, codec, column):
    return sum(float(by_codec[codec][column]) for by_codec in pictures)


def a_pixel(pictures, codec, column):
    pixels = sum(int(by_codec[codec]["width"]) * int(by_codec[codec]["height"]) for by_codec in pictures)
    return total(pictures, codec, column) / pixels


def bits_a_sample(pictures, codec):
    return 8 * a_pixel(pictures, codec, "bytes") / 3


def ratio(pictures, codec, other):
    return total(pictures, codec, "bytes") / total(pictures, other, "bytes")


def lossless(rows, labels):
    """Two tables: each codec's files in sum, and each picture's."""
    by_picture = complete(rows)
    pictures = list(by_picture.values())
    labels = {codec: label for codec, label in labels.items() if pictures and codec in pictures[0]}
    held_to = [codec for codec in LOSSLESS_OTHERS if codec in labels]
    own = [codec for codec in published.OWN if codec in labels]
    sums = [[label, f"{total(pictures, codec, 'bytes'):.0f}", f"{bits_a_sample(pictures, codec):.3f}",
             *(f"{ratio(pictures, codec, other):.4f}" for other in held_to),
             *(f"{1e6 * a_pixel(pictures, codec, column):.2f}" for column in ("encode_s", "decode_s"))]
            for codec, label in labels.items()]
    each = [[picture, *(f"{bits_a_sample(some, codec):.3f}" for codec in labels),
             *(" / ".join(f"{ratio(some, codec, other):.3f}" for other in held_to) for codec in own)]
            for picture, some in [*((name, [by_codec]) for name, by_codec in by_picture.items()), ("all", pictures)]]
    to = " / ".join(labels[codec] for codec in held_to)
    return "\n\n".join([
        markdown([f"{len(pictures)} pictures", "bytes", "bits a sample",
                  *(f"relative to {labels[other]}" for other in held_to), "encoding, CPU s a megapixel", "decoding"], sums),
        markdown(["bits a sample", *labels.values(), *(f"{labels[codec]}, relative to {to}" for codec in own)], each)])


# ---- All of it ----------------------------------------------------------------------------------


def read(path):
    """Rows of a CSV file; none if it is not there."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def labels_of(rows):
    """{codec: label} of those that have rows, in the order of coders.CODECS"""
    codecs = {row["codec"] for row in rows}
    return {name: codec.label for name, codec in coders.CODECS.items() if name in codecs}


def curves(rows):
    labels, rates = labels_of(rows), bdrate.table(rows)
    own = set(labels) & set(published.OWN)
    return [EQUAL_RATE, summary(rows, rates, labels),
            *(detail(rows, rates, labels, metric) for metric in present(rows, METRICS)),
            EQUAL_SETTING, *([settings_table(rows, labels)] if own else []), PUBLISHED, published_table(rows, labels)]


def table(folder):
    """Write folder/table.md from results.csv, prefixes.csv and lossless.csv there; its text."""
    folder = pathlib.Path(folder)
    rows, cut, exact = (read(folder / f"{name}.csv") for name in ("results", "prefixes", "lossless"))
    parts = [*(curves(rows) if rows else []),
             *([CUTS, cuts(cut, labels_of(cut))] if cut else []),
             *([LOSSLESS, lossless(exact, labels_of(exact))] if exact else [])]
    text = "\n\n".join(parts) + "\n"
    (folder / "table.md").write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(table(sys.argv[1]), end="")
