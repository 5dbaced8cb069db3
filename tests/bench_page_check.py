"""Checks of bench/plots.py, page.py and comparison.py, which tests/bench_page.sh runs: on toy codecs,
which need no program, and numbers with known means."""

import csv
import json
import math
import pathlib
import re
import sys
import tempfile
import types
import xml.etree.ElementTree

import numpy as np
from PIL import Image

RESULT = ("codec,setting,picture,width,height,bytes,bpp,psnr,ssim,ms_ssim,ssimulacra2,butteraugli,encode_s,decode_s,"
          "version,encode_command,decode_command").split(",")
HOSTILE = "</script><b>&{{data}}"


class ToyError(Exception):
    pass


class Toy:
    """A codec whose file is a PNG of the picture with its lowest bits cleared; its decoder refuses
    anything but whole files, and counts."""

    suffix, settings = ".toy", ["4"]

    def __init__(self, name, label, continuous=(0, 7, "int")):
        self.name, self.label, self.continuous, self.decoded = name, label, continuous, 0

    def version(self):
        return f"{self.name} {HOSTILE}"

    def encode(self, png, out, setting):
        with Image.open(png) as image:
            coarse = np.asarray(image.convert("RGB")) >> int(setting) << int(setting)
        Image.fromarray(coarse).save(out, "PNG")

    def decode(self, file, png):
        self.decoded += 1
        if pathlib.Path(file).read_bytes()[-8:-4] != b"IEND":
            raise ToyError
        with Image.open(file) as image:
            image.convert("RGB").save(png)


TOYS = {toy.name: toy for toy in (Toy("ddz", "ddz"), Toy("jpeg", "JPEG"), Toy("avif", f"AVIF {HOSTILE}"),
                                  Toy("thumbhash", "ThumbHash", None))}


def toy_encode_near(codec, png, size, folder):
    """The least bits cleared that fit `size`, or the coarsest."""
    for setting in range(8):
        out = pathlib.Path(folder) / f"near{setting}.toy"
        codec.encode(png, out, str(setting))
        if out.stat().st_size <= size:
            break
    return out


def psnr(a, b):
    return 10 * math.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def load_rgb(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


sys.modules["coders"] = types.SimpleNamespace(
    CODECS=TOYS, PROGRESSIVE={name: TOYS[name] for name in ("ddz", "jpeg")}, CodecError=ToyError, Ddz=Toy,
    encode_near=toy_encode_near)
sys.modules["metrics"] = types.SimpleNamespace(psnr=psnr, ms_ssim=lambda a, b: math.nan, load_rgb=load_rgb)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
import comparison  # noqa: E402  (on the toys)
import means  # noqa: E402
import page  # noqa: E402
import plots  # noqa: E402


def write(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([columns, *rows])


def toy_results(folder):
    """Two pictures: PSNR 30 + 6 log2(bpp) + 1 or - 1; one setting of JPEG lacks a picture."""
    rows = []
    for name in ("ddz", "jpeg", "avif"):
        for setting, bpp in (("a", 0.25), ("b", 0.5), ("c", 1)):
            for picture, offset in (("p.png", 1), ("q.png", -1)):
                if (name, setting, picture) != ("jpeg", "b", "q.png"):
                    rows.append([name, setting, picture, 100, 50, 0, bpp * (1 + offset / 10),
                                 30 + 6 * math.log2(bpp) + offset, "", 0.9 + bpp / 20, 50 + 40 * bpp,
                                 3 - 2 * bpp, 0.01, 0.02, HOSTILE, HOSTILE, HOSTILE])
    rows += [["thumbhash", "", picture, 100, 50, 25, 0.004, 15, "", 0.5, -300, 30, 0, 0, "", "", ""] for picture in
             ("p.png", "q.png")]
    write(folder / "results.csv", RESULT, rows)
    cut = [[name, picture, n, whole, psnr, 0.5] for name, psnr in (("ddz", 20), ("jpeg", "")) for picture in
           ("p.png", "q.png") for n, whole in ((25, 0), (100, 0))]
    cut += [[name, picture, 1000, 1, 40, 0.9] for name in ("ddz", "jpeg") for picture in ("p.png", "q.png")]
    write(folder / "prefixes.csv", ["codec", "picture", "bytes", "whole", "psnr", "ms_ssim"], cut)
    write(folder / "bdrate.csv", ["codec", "metric", "bd_rate_percent", "low", "high"],
          [["jpeg", "psnr", -12.345, 25, 40], ["avif", "psnr", "", "", ""]])


def check_means(folder):
    found = plots.curves(plots.read_rows(folder / "results.csv"), "psnr")
    assert np.allclose(found["ddz"], [(0.25, 18), (0.5, 24), (1, 30)]), found["ddz"]
    assert [point[0] for point in found["jpeg"]] == [0.25, 1], "a setting without all pictures has no mean"
    # at equal rate: of 30 + 6 log2(bpp / 1.1) + 1 and 30 + 6 log2(bpp / 0.9) - 1
    found = plots.quality_curves(plots.read_rows(folder / "results.csv"), "psnr")
    for name in ("ddz", "jpeg"):
        rates = [rate for rate, _ in found[name]]
        assert np.allclose([rates[0], rates[-1]], [0.275, 0.9]), rates
        assert np.allclose([q for _, q in found[name]], 30 + 6 * np.log2(rates) - 3 * math.log2(0.99)), found[name]
    assert np.allclose(found["thumbhash"], [(0.004, 15)]), found["thumbhash"]
    assert means.number("inf") is None and means.number("nan") is None and means.number("") is None


def check_plots(folder):
    names = ["psnr", "ssimulacra2", "butteraugli", "ms_ssim", "time", "prefixes"]
    assert plots.plots(folder) == names
    for name in names:
        xml.etree.ElementTree.parse(folder / "plots" / f"{name}.svg")
        with Image.open(folder / "plots" / f"{name}.png") as image:
            assert image.width == plots.WIDTH * plots.DPI
            drawn = np.asarray(image.convert("RGB")).astype(int)
        ddz = np.array([int(plots.STYLES["ddz"][0][i:i + 2], 16) for i in (1, 3, 5)])
        assert (np.abs(drawn - ddz).max(axis=2) < 8).sum() > 1000, f"{name}: no curve of ddz"


def check_published_plot(folder):
    """Beside published curves there is a plot of pictures of Kodak's number and size, and of no others."""
    row = dict.fromkeys(RESULT, "")
    rows = [{**row, "codec": "ddz", "setting": bpp, "picture": picture, "width": 768, "height": 512, "bpp": bpp,
             "psnr": 35 + 6 * math.log2(bpp)} for bpp in (0.25, 0.5, 1) for picture in range(24)]
    for count, made in ((24, True), (23, False)):
        write(folder / "results.csv", RESULT, [list(r.values()) for r in rows if r["picture"] < count])
        assert ("published" in plots.plots(folder)) == made, count


def page_data(index):
    """The page's data, found as a browser finds it: up to the first end tag."""
    text = index.read_text(encoding="utf-8")
    return text, json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', text, re.S)[1])


def check_page(folder, pictures):
    index = page.page(folder, pictures, 2)
    text, data = page_data(index)
    assert HOSTILE not in text and "&lt;/script&gt;" in text
    assert "\u221212.3 %" in text
    assert not re.search(r"\{\{(?!data\}\})", text)
    original = load_rgb(pictures / "p.png")
    shown = data["pictures"][0]
    assert list(shown["equal"]) == ["0.1", "0.25", "0.5", "1"]
    assert list(shown["equal"]["1"]) == ["ddz", "jpeg", "avif"]
    assert np.array_equal(load_rgb(index.parent / shown["original"]), original)
    for entry in (shown["equal"]["1"]["avif"], shown["cut"]["ddz"][-1], shown["previews"]["thumbhash"]):
        assert abs(entry["psnr"] - psnr(original, load_rgb(index.parent / entry["image"]))) < 1e-3, entry
        assert entry["ms_ssim"] is None, "JSON has no NaN"
    cuts = shown["cut"]["ddz"]
    assert [e["bytes"] for e in cuts[:-1]] == [n for n in page.CUTS if n < cuts[-1]["bytes"]]
    assert all(e["image"] is None for e in cuts[:-1]) and "avif" not in shown["cut"]
    return data


def check_again(folder, pictures, before):
    """Nothing is made twice; what a change makes stale is made anew and removed."""
    def kinds():
        return sorted(re.sub("-[0-9a-f]{16}", "", path.name) for path in images.iterdir())

    images = folder / "page" / "pictures"
    kinds_before = kinds()
    names, decoded = {path.name for path in images.iterdir()}, sum(toy.decoded for toy in TOYS.values())
    _, data = page_data(page.page(folder, pictures, 1))
    assert data == before and sum(toy.decoded for toy in TOYS.values()) == decoded
    TOYS["avif"].version = lambda: "newer"
    page.page(folder, pictures, 1)
    assert sum(toy.decoded for toy in TOYS.values()) == decoded + sum("-avif-" in name for name in names)
    assert kinds() == kinds_before and not names >= {path.name for path in images.iterdir()}
    assert [path.name for path in page.choose(pictures, 1)] == ["p.png"]


def check_comparison(folder, pictures):
    found = comparison.panels(pictures / "p.png", 4, ["ddz", "avif"])
    assert [title for title, _, _ in found] == ["Original", "ddz", TOYS["avif"].label]
    sheet = np.asarray(comparison.compose(found, (10, 5, 40, 20)))
    scale = (sheet.shape[1] - 2 * comparison.GAP) // (3 * 40)
    assert np.array_equal(sheet[:20 * scale:scale, :40 * scale:scale], found[0][2][5:25, 10:50])
    assert comparison.parse_crop("0,0,200,100", 200, 100) == (0, 0, 200, 100)
    for bad in ("1,0,200,100", "0,0,0,1", "-1,0,5,5", "0,0,5", "a,b,c,d"):
        assert comparison.parse_crop(bad, 200, 100) is None, bad


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder, pictures = pathlib.Path(scratch) / "out", pathlib.Path(scratch) / "pictures"
        folder.mkdir()
        pictures.mkdir()
        rng = np.random.default_rng(1)
        for name in ("p.png", "q.png"):
            blotches = Image.fromarray(rng.integers(0, 256, (8, 9, 3), np.uint8))
            blotches.resize((200, 180), Image.BICUBIC).save(pictures / name)
        toy_results(folder)
        check_means(folder)
        check_plots(folder)
        check_again(folder, pictures, check_page(folder, pictures))
        check_comparison(folder, pictures)
        (folder / "kodak").mkdir()
        check_published_plot(folder / "kodak")
    print("plots, page and comparison: as they should be")


if __name__ == "__main__":
    main()
