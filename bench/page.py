#!/usr/bin/env python3
"""A page to compare the codecs by eye: DIR/page/index.html, which needs no server.

  page.py DIR PICTURES_DIR [--pictures N] [--jobs N] [--ddz-dir BUILD_DIR]

For each picture, the codecs that DIR/results.csv has are shown at the bytes of ddz's file of 0.1, 0.25,
0.5 and 1 bit a pixel, and their files of 1 bit a pixel cut short. Decoded pictures are kept losslessly,
about 25 MB for a picture of 768x512; what is there already is not made again.
"""

import argparse
import concurrent.futures
import datetime
import hashlib
import html
import json
import math
import os
import pathlib
import re
import shutil
import threading

from PIL import Image

import equal
import means
import metrics
import plots
from coders import CODECS, PROGRESSIVE, CodecError, Ddz

RATES = (0.1, 0.25, 0.5, 1)
CUT_RATE = 1  # of the file that is cut
CUTS = [25 * 2**i for i in range(20)]
PICTURES = 8  # at most, unless told otherwise
TEMPLATE = pathlib.Path(__file__).with_name("page.html")
WEBP = {"lossless": True, "quality": 30}  # quality of lossless WebP is effort
METRICS = {"psnr": "PSNR", "ssim": "SSIM", "ms_ssim": "MS-SSIM", "ssimulacra2": "SSIMULACRA2",
           "butteraugli": "Butteraugli"}
COMMANDS = ("encode_command", "decode_command")
ALT = {
    "psnr": "PSNR against bits a pixel",
    "ssimulacra2": "SSIMULACRA2 against bits a pixel",
    "butteraugli": "Butteraugli against bits a pixel",
    "ms_ssim": "MS-SSIM against bits a pixel",
    "published": "PSNR against bits a pixel, means at equal quality setting, beside published curves",
    "time": "CPU seconds a megapixel of encoder and decoder against bits a pixel",
    "prefixes": "PSNR of files cut short",
}


# ---- Pictures -----------------------------------------------------------------------------------


def rounded(value, digits):
    """For JSON, which knows no infinity."""
    return round(float(value), digits) if value is not None and math.isfinite(value) else None


class Gallery:
    """Decoded pictures in DIR/page/pictures, and notes of what they are in DIR/cache/page. What a
    picture depends on is in its name as a hash, so that a stale one is never shown."""

    def __init__(self, folder):
        self.pictures = folder / "page" / "pictures"
        self.notes = folder / "cache" / "page"
        for path in (self.pictures, self.notes):
            path.mkdir(parents=True, exist_ok=True)
        self.used = set()

    def entries(self, png, what, depends, make):
        """A list of entries for the page, one for each equal.Shown (or None) in the list that
        `make` returns; made only if they are not there already."""
        key = hashlib.sha256(repr((png.read_bytes(), what, depends)).encode()).hexdigest()[:16]
        note = self.notes / f"{key}.json"
        entries = json.loads(note.read_text(encoding="utf-8")) if note.exists() else None
        if entries is None or not self.complete(entries):
            name = re.sub(r"[^A-Za-z0-9.-]", "_", f"{png.stem}-{what}")
            entries = [self.entry(f"{name}-{i}-{key}.webp", *shown) for i, shown in enumerate(make())]
            self.write(note, lambda path: path.write_text(json.dumps(entries), encoding="utf-8"))
        self.used.update(e["image"] for e in entries)
        return entries

    def complete(self, entries):
        return all((self.pictures.parent / e["image"]).exists() for e in entries if e["image"])

    def entry(self, name, size, shown):
        if shown is None:
            return {"image": None, "bytes": size, "psnr": None, "ms_ssim": None}
        self.write(self.pictures / name, lambda path: Image.fromarray(shown.rgb).save(path, "WEBP", **WEBP))
        return {"image": f"{self.pictures.name}/{name}", "bytes": size, "psnr": rounded(shown.psnr, 3),
                "ms_ssim": rounded(shown.ms_ssim, 5)}

    def write(self, path, write):
        """A file is there whole or not at all, even if two threads write it."""
        unfinished = path.with_suffix(f".{threading.get_ident()}")
        write(unfinished)
        os.replace(unfinished, path)

    def remove_unused(self):
        for path in self.pictures.iterdir():
            if f"{self.pictures.name}/{path.name}" not in self.used:
                path.unlink()


def original(gallery, png):
    rgb = metrics.load_rgb(png)
    return gallery.entries(png, "original", None, lambda: [(0, equal.Shown(rgb, math.inf, 1))])[0]


def at_bytes(gallery, png, codec, size):
    return gallery.entries(png, f"{codec.name}-{size}", codec.version(),
                           lambda: [equal.at_bytes(codec, png, size)])[0]


def cut(gallery, png, codec, size):
    return gallery.entries(png, f"{codec.name}-cut-{size}", (codec.version(), CUTS),
                           lambda: equal.cut(codec, png, size, CUTS))


def preview(gallery, png, codec):
    return gallery.entries(png, f"{codec.name}-preview", codec.version(),
                           lambda: [equal.preview(codec, png)])[0]


def picture_data(gallery, png, codecs, pool):
    """One picture's part of the page's data."""
    rgb = metrics.load_rgb(png)
    own, scaled = codecs.get("ddz"), [codec for codec in codecs.values() if codec.continuous]
    at_rates = {}
    for rate in RATES:
        size = equal.bytes_at(rate, rgb)
        if own:
            size = at_bytes(gallery, png, own, size)["bytes"]
        at_rates[f"{rate:g}"] = {c.name: pool.submit(at_bytes, gallery, png, c, size) for c in scaled}
    whole = equal.bytes_at(CUT_RATE, rgb)
    cuts = {name: pool.submit(cut, gallery, png, codec, whole) for name, codec in PROGRESSIVE.items()
            if name in codecs}
    previews = {c.name: pool.submit(preview, gallery, png, c) for c in codecs.values() if not c.continuous}
    return {
        "name": png.stem, "width": rgb.shape[1], "height": rgb.shape[0],
        "original": original(gallery, png)["image"],
        "equal": {rate: results(jobs) for rate, jobs in at_rates.items()},
        "cut": results(cuts),
        "previews": results(previews),
    }


def results(jobs):
    return {name: job.result() for name, job in jobs.items()}


# ---- Tables -------------------------------------------------------------------------------------


def table(head, rows):
    """HTML of rows of cells, each a text or a pair (text, its class)."""
    def cell(tag, content):
        text, kind = content if isinstance(content, tuple) else (content, None)
        return f"<{tag}" + (f' class="{kind}"' if kind else "") + f">{html.escape(text)}</{tag}>"

    def line(tag, row):
        return "<tr>" + "".join(cell(tag, content) for content in row) + "</tr>"

    return "\n".join(["<table>", line("th", head)] + [line("td", row) for row in rows] + ["</table>"])


def bdrate_table(rows):
    if not rows:
        return "<p>Not measured.</p>"
    columns = [name for name in METRICS if any(row["metric"] == name for row in rows)]
    body = []
    for name, group in plots.by_codec(rows).items():
        found = {row["metric"]: row for row in group}
        cells = [cell for metric in columns for cell in bdrate_cells(found.get(metric))]
        body.append([CODECS[name].label] + cells)
    return table(["ddz against"] + [text for name in columns for text in (METRICS[name], "range")], body)


def bdrate_cells(row):
    rate = means.number(row["bd_rate_percent"]) if row else None
    if rate is None:
        return [("\u2013", "number"), ""]
    text = f"{rate:+.1f} %".replace("-", "\u2212")
    return [(text, "number"), f"{float(row['low']):.4g} to {float(row['high']):.4g}"]


def versions_table(rows):
    """What was run, by the row of the middle setting of each codec."""
    body = []
    for name, group in plots.by_codec(rows).items():
        row = group[len(group) // 2]
        body.append([CODECS[name].label, row["version"]] + [(row[key], "command") for key in COMMANDS])
    return table(["Codec", "Version", "Encoder, for example", "Decoder"], body)


# ---- The page -----------------------------------------------------------------------------------


def choose(folder, count):
    """PNGs of a folder: all, or `count` of them spread evenly."""
    found = sorted(pathlib.Path(folder).glob("*.png"))
    if not found:
        raise SystemExit(f"page.py: {folder}: no PNG pictures there")
    return [found[i * len(found) // count] for i in range(count)] if count < len(found) else found


def plot_figures(folder):
    """Copies the plots beside the page; HTML that shows them."""
    target = folder / "page" / "plots"
    target.mkdir(exist_ok=True)
    shown = []
    for name, alt in ALT.items():
        path = folder / "plots" / f"{name}.svg"
        if path.exists():
            shutil.copy(path, target)
            shown.append(f'<a href="plots/{name}.svg"><img src="plots/{name}.svg" alt="{alt}"></a>')
    return "\n".join(shown)


def page(folder, pictures_dir, jobs=1, count=PICTURES):
    """Make DIR/page; the path of its index.html."""
    folder = pathlib.Path(folder)
    rows = plots.read_rows(folder / "results.csv")
    if not rows:
        raise SystemExit(f"page.py: {folder}: no measurements there (results.csv)")
    codecs = {name: CODECS[name] for name in plots.by_codec(rows)}
    gallery = Gallery(folder)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:  # the work is in child processes
        pictures = [picture_data(gallery, png, codecs, pool) for png in choose(pictures_dir, count)]
    gallery.remove_unused()
    data = {"rates": [f"{rate:g}" for rate in RATES], "pictures": pictures,
            "labels": {name: codec.label for name, codec in codecs.items()}}
    measured = datetime.date.fromtimestamp(os.path.getmtime(folder / "results.csv"))
    parts = {
        "data": json.dumps(data).replace("<", "\\u003c"),
        "date": measured.isoformat(),
        "count": str(len({row["picture"] for row in rows})),
        "plots": plot_figures(folder),
        "bdrate": bdrate_table(plots.read_rows(folder / "bdrate.csv")),
        "versions": versions_table(rows),
    }
    index = folder / "page" / "index.html"
    text = re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], TEMPLATE.read_text(encoding="utf-8"))
    gallery.write(index, lambda path: path.write_text(text, encoding="utf-8"))
    return index


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", metavar="DIR")
    p.add_argument("pictures", metavar="PICTURES_DIR")
    p.add_argument("--pictures", dest="count", metavar="N", type=int, default=PICTURES,
                   help=f"at most so many (default {PICTURES})")
    p.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    p.add_argument("--ddz-dir", metavar="BUILD_DIR", type=pathlib.Path, default=Ddz.folder)
    args = p.parse_args()
    Ddz.folder = args.ddz_dir
    if args.count < 1 or args.jobs < 1:
        p.error("--pictures and --jobs take a number of 1 or more")
    try:
        print(page(args.folder, args.pictures, args.jobs, args.count))
    except (OSError, CodecError) as error:
        raise SystemExit(f"page.py: {error}") from error


if __name__ == "__main__":
    main()
