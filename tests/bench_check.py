"""Checks of bench/ that tests/bench.sh runs: bench_check.py BUILD_DIR"""

import csv
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, PngImagePlugin
from skimage.metrics import structural_similarity

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "bench"))
import bdrate  # noqa: E402
import coders  # noqa: E402
import measure  # noqa: E402
import metrics  # noqa: E402

PHOTO = TOP / "testdata" / "photo.png"


def pair(height, width, seed=1):
    """A piece of a photograph, and the same with noise and a shift of brightness."""
    a = metrics.load_rgb(PHOTO)[:height, :width]
    noise = np.random.default_rng(seed).normal(5, 12, a.shape)
    return a, np.clip(a + noise, 0, 255).astype(np.uint8)


def near(value, expected, tolerance):
    assert abs(value - expected) <= tolerance, (value, expected)


# ---- Metrics ------------------------------------------------------------------------------------


def check_psnr():
    a = np.full((5, 7, 3), 100, np.uint8)
    near(metrics.psnr(a, a + np.uint8(10)), 20 * math.log10(25.5), 1e-9)
    near(metrics.psnr(np.zeros_like(a), np.full_like(a, 255)), 0, 1e-9)
    assert metrics.psnr(a, a) == math.inf


def check_ssim():
    for size in ((60, 43), (256, 384), (11, 200)):
        a, b = pair(*size)
        expected = structural_similarity(a, b, channel_axis=2, gaussian_weights=True, sigma=1.5,
                                         use_sample_covariance=False, data_range=255)
        near(metrics.ssim(a, b), expected, 1e-4)
    assert math.isnan(metrics.ssim(a[:10], b[:10]))


def slow_ms_ssim(a, b):
    """The formula of the paper, window by window, one channel at a time."""
    place = np.arange(11) - 5
    weights = np.exp(-(place[:, None] ** 2 + place[None, :] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    result = 1
    exponents = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    for scale, exponent in enumerate(exponents):
        x, y = (np.lib.stride_tricks.sliding_window_view(p, (11, 11)) for p in (a, b))
        mx, my = ((p * weights).sum((2, 3)) for p in (x, y))
        dx, dy = x - mx[..., None, None], y - my[..., None, None]
        vx, vy, cov = ((p * weights).sum((2, 3)) for p in (dx * dx, dy * dy, dx * dy))
        factor = (2 * cov + c2) / (vx + vy + c2)
        if scale == len(exponents) - 1:
            factor *= (2 * mx * my + c1) / (mx * mx + my * my + c1)
        result *= factor.mean() ** exponent
        a, b = (smaller(p) for p in (a, b))
    return result


def smaller(p):
    """Means of 2 x 2; past the end, the last row or column again."""
    rows, columns = ((range(0, n, 2), [min(i + 1, n - 1) for i in range(0, n, 2)]) for n in p.shape)
    return sum(p[np.ix_(r, c)] for r in rows for c in columns) / 4


def check_ms_ssim():
    for size in ((176, 176), (177, 183), (190, 201)):
        a, b = pair(*size)
        expected = np.mean([slow_ms_ssim(a[..., i].astype(float), b[..., i].astype(float)) for i in range(3)])
        near(metrics.ms_ssim(a, b), expected, 1e-6)
        near(metrics.ms_ssim(a, a), 1, 1e-12)
    assert math.isnan(metrics.ms_ssim(a[:175], b[:175]))
    negative = metrics.ms_ssim(a, 255 - a)
    assert 0 <= negative < 0.5, negative


def check_eyes():
    """SSIMULACRA2 and Butteraugli: where equal pictures are on their scales, and which way is better. 90 and 1 are
    where their authors put a difference that begins to be seen."""
    a, b = pair(64, 64)
    slight = (a.astype(int) + (b.astype(int) - a) // 4).astype(np.uint8)
    least = a ^ (np.indices(a.shape).sum(0) % 7 == 0).astype(np.uint8)
    said = []
    if coders.shutil.which("butteraugli_main"):
        near(metrics.butteraugli(a, a), 0, 1e-9)
        assert metrics.butteraugli(a, least) < 1 < metrics.butteraugli(a, b)
        assert 0 < metrics.butteraugli(a, slight) < metrics.butteraugli(a, b)
    else:
        said.append("butteraugli: not installed")
    if coders.shutil.which("ssimulacra2"):
        near(metrics.ssimulacra2(a, a), 100, 1e-6)
        assert metrics.ssimulacra2(a, b) < 90 < metrics.ssimulacra2(a, least)
        assert metrics.ssimulacra2(a, b) < metrics.ssimulacra2(a, slight) < 100
    else:
        said.append("ssimulacra2: not installed")
    return "; ".join(said)


def check_scales():
    """Each metric to its scale and back; more is better on all scales."""
    for metric, worse, better in (("psnr", 20, 40), ("ssim", 0.5, 0.99), ("ms_ssim", 0.5, 0.99),
                                  ("ssimulacra2", -20, 90), ("butteraugli", 5, 0.5)):
        low, high = (bdrate.SCALES[metric](value) for value in (worse, better))
        assert low < high, metric
        near(bdrate.unscaled(metric, low), worse, 1e-9)
        near(bdrate.unscaled(metric, high), better, 1e-9)
    near(bdrate.SCALES["ssimulacra2"](70.5), 70.5, 0)
    near(bdrate.SCALES["butteraugli"](0.1), 10, 1e-9)


def check_load():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x.png"
        grey = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
        Image.fromarray(grey).save(path)
        assert (metrics.load_rgb(path) == (grey >> 8)[..., None]).all()
        rgb, _ = pair(16, 16)
        odd_png(path, rgb)
        assert (metrics.load_rgb(path) == rgb).all()


def odd_png(path, rgb):
    """With gAMA of 1.0, which says that the samples are linear, text, and half-transparent."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"gAMA", (100000).to_bytes(4, "big"))
    chunks.add_text("Comment", "x" * 1000)
    alpha = np.full((*rgb.shape[:2], 1), 128, np.uint8)
    Image.fromarray(np.concatenate([rgb, alpha], axis=2)).save(path, pnginfo=chunks)


# ---- Rate differences ---------------------------------------------------------------------------


def check_bdrate():
    rates = [0.1, 0.2, 0.5, 1.1, 2]
    quality = [27.1, 29.9, 33.3, 37, 41.5]
    other = list(zip(rates, quality))
    for factor in (0.5, 0.9, 1, 1.7):
        own = [(factor * rate, q) for rate, q in other]
        rate, low, high = bdrate.rate_difference(own[::-1], other)
        near(rate, 100 * (factor - 1), 1e-6)
        assert (low, high) == (quality[0], quality[-1])
        near(bdrate.rate_difference(other, own)[0], 100 * (1 / factor - 1), 1e-6)

    # straight lines of log rate, of different slopes and ranges: their mean is at the middle
    own = [(math.exp(0.3 * q), q) for q in (20, 24, 31, 40)]
    other = [(math.exp(0.1 * q + 3), q) for q in (28, 29, 35, 50)]
    rate, low, high = bdrate.rate_difference(own, other)
    assert (low, high) == (28, 40)
    near(rate, 100 * (math.exp(0.2 * 34 - 3) - 1), 1e-6)

    assert bdrate.rate_difference([(1, 20), (2, 30)], [(1, 30), (2, 40)]) is None
    assert bdrate.rate_difference([(1, 20)], [(1, 10), (2, 40)]) is None
    assert bdrate.curve([(1, 20), (3, 25), (5, 26), (2, 26), (4, math.inf)]) == [(1, 20), (2, 26)]

    def rows(codec, factors):
        return [dict(codec=codec, picture=picture, bpp=str(factor * rate), psnr=str(20 + 3 * i), ms_ssim="",
                     ssim=str(0.5 + i / 10), ssimulacra2=str(10 * i - 5), butteraugli=str(5 - i))
                for picture, factor in factors.items() for i, rate in enumerate(rates)]

    made = bdrate.table(rows("ddz", dict.fromkeys("abc", 1)) + rows("x", {"a": 2, "b": 4, "c": 4}))
    found = {row["metric"]: row for row in made}
    assert set(found) == {"psnr", "ssim", "ssimulacra2", "butteraugli"}
    for row in found.values():  # -50 %, -75 % and -75 %
        near(float(row["bd_rate_percent"]), -200 / 3, 0.01)
    for metric, low, high in (("psnr", 20, 32), ("ssim", 0.5, 0.9), ("ssimulacra2", -5, 35), ("butteraugli", 1, 5)):
        near(float(found[metric]["low"]), low, 1e-3)
        near(float(found[metric]["high"]), high, 1e-3)


# ---- Codecs and the cache -----------------------------------------------------------------------


class Sized(coders.Codec):
    """Its files have as many bytes as a function of the setting says."""

    def __init__(self, scale, size):
        super().__init__("sized", "sized", ".bin", encode="x", decode="x", settings=[], scale=scale)
        self.size, self.tries = size, 0

    def encode(self, png, out, setting):
        self.tries += 1
        pathlib.Path(out).write_bytes(bytes(int(self.size(float(setting)))))


def check_encode_near():
    scales = [Sized((63, 0, "int", str), lambda v: 100 * 1.1 ** (63 - v)),
              Sized((0, 100, "linear", str), lambda v: 500 + v**2),
              Sized((25, 0.01, "log", str), lambda v: 20000 / v)]
    for codec in scales:
        for target in (1000, 3000, 10000):
            with tempfile.TemporaryDirectory() as folder:
                codec.tries = 0
                size = os.path.getsize(coders.encode_near(codec, None, target, folder))
                step = 0.1 if codec.scale[2] == "int" else 0.004
                assert (1 - step) * target <= size <= 1.01 * target, (codec.scale, target, size)
                assert codec.tries <= coders.TRIES
        with tempfile.TemporaryDirectory() as folder:
            assert os.path.getsize(coders.encode_near(codec, None, 10, folder)) < 900  # the smallest there is


class Copy(coders.Codec):
    """Clears the lowest bits and copies; counts what it is asked to do."""

    def __init__(self):
        super().__init__("copy", "copy", ".ppm", encode="cp {in} {out}", decode="cp {in} {out}", takes=".ppm",
                         gives=".ppm", settings=["3", "1"])
        self.encode_template.append("{setting}")
        self.number, self.encoded, self.decoded = 1, 0, 0

    def version(self):
        return str(self.number)

    def encode(self, png, out, setting):
        self.encoded += 1
        rgb = metrics.load_rgb(png) >> int(setting) << int(setting)
        Image.fromarray(rgb).save(out)
        return 0.25

    def decode(self, file, png):
        self.decoded += 1
        return super().decode(file, png)


def check_cache():
    with tempfile.TemporaryDirectory() as folder:
        png = pathlib.Path(folder) / "p.png"
        a, _ = pair(30, 40)
        Image.fromarray(a).save(png)
        cache, codec = measure.Cache(pathlib.Path(folder) / "cache"), Copy()

        def row(setting="3", names=("psnr",)):
            return measure.Meter(cache, names).row(codec, setting, png)

        first = row()
        near(float(first["psnr"]), metrics.psnr(a, a >> 3 << 3), 1e-3)
        assert first["ssim"] == first["ms_ssim"] == ""
        assert first["bytes"] == 30 * 40 * 3 + len("P6\n40 30\n255\n")
        near(float(first["bpp"]), 8 * first["bytes"] / 1200, 1e-3)
        assert list(first) == measure.COLUMNS and first["encode_s"] == "0.250"
        assert row() == first and (codec.encoded, codec.decoded) == (1, 1)
        assert row(names=("psnr", "ssim", "ms_ssim"))["ssim"] != ""
        assert (codec.encoded, codec.decoded) == (1, 2)
        row("1")
        codec.number = 2
        row()
        assert codec.encoded == 3
        Image.fromarray(255 - a).save(png)
        row()
        assert codec.encoded == 4


def check_installed():
    """Every codec there is: nothing but samples goes in, and near lossless comes out."""
    report = []
    for name, codec in coders.CODECS.items():
        if isinstance(codec, coders.Ddz) or codec.missing():
            report.append(f"{name}: not here")
            continue
        with tempfile.TemporaryDirectory() as folder:
            bare, odd, one, other, shown = (pathlib.Path(folder) / f"{n}" for n in (
                "bare.png", "odd.png", "one" + codec.suffix, "other" + codec.suffix, "shown.png"))
            rgb, _ = pair(96, 120)
            Image.fromarray(rgb).save(bare)
            odd_png(odd, rgb)
            best = codec.setting_at(1) if codec.scale else codec.settings[0]
            assert codec.encode(bare, one, best) > 0
            codec.encode(odd, other, best)
            assert one.read_bytes() == other.read_bytes(), name
            codec.decode(one, shown)
            quality = metrics.psnr(rgb, metrics.load_rgb(shown))
            assert quality > (10 if not codec.scale else 40 if name == "webp" else 45), (name, quality)
            assert codec.version() and "/" not in codec.encode_command(best) + codec.decode_command()
            report.append(f"{name} {codec.version()}: {quality:.1f} dB")
    return "; ".join(report)


def check_lossless():
    """Without loss the samples come back from every codec there is; another picture is no row."""
    report = []
    with tempfile.TemporaryDirectory() as folder:
        png = pathlib.Path(folder) / "p.png"
        rgb, _ = pair(61, 83)
        odd_png(png, rgb)
        meter = measure.Meter(measure.Cache(pathlib.Path(folder) / "cache"), ["psnr"])
        for name, codec in coders.LOSSLESS.items():
            if not isinstance(codec, coders.Ddz) and not codec.missing():
                size = meter.exact_row(codec, png)["bytes"]
                assert rgb.size / 8 < size < 1.1 * rgb.size, (name, size)
                report.append(name)
        lossy = Copy()
        lossy.encode = lambda _, out, setting: Image.fromarray(rgb & ~np.uint8(1)).save(out) or 0.0
        try:
            meter.exact_row(lossy, png)
        except OSError as error:
            assert "other samples" in str(error), error
        else:
            raise AssertionError("a lossy codec has a row")
    return f"without loss: {', '.join(report)}" if report else ""


# ---- The command --------------------------------------------------------------------------------


def rd(*words, **options):
    return subprocess.run([sys.executable, TOP / "bench" / "rd", *words], capture_output=True, text=True,
                          check=False, **options)


def table(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def check_refusals():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        out = folder / "out"
        (folder / "empty").mkdir()
        (folder / "broken").mkdir()
        (folder / "broken" / "x.png").write_bytes(PHOTO.read_bytes()[:1000])
        usual = ["--no-page", "--out", out, "--metrics", "psnr"]
        cases = [(2, ["--codecs", "gif", folder]), (2, [folder / "nothing"]), (2, ["--jobs", "0", folder]),
                 (2, ["--metrics", "vmaf", folder]), (2, ["--lossless", "--codecs", "jpeg", folder]),
                 (2, ["--ddz-dir", folder, folder]), (2, [])]
        if not coders.CODECS["jpeg"].missing():
            cases += [(1, ["--codecs", "jpeg", folder / name]) for name in ("empty", "broken")]
        for status, words in cases:
            done = rd(*usual, *words)
            assert done.returncode == status, (words, done)
            assert done.stderr.splitlines()[-1].startswith("rd: "), done.stderr
            assert "Traceback" not in done.stderr, done.stderr
        bare = {"PATH": str(folder)}
        done = rd(*usual, "--codecs", "avif", TOP / "testdata", env=bare)
        assert done.returncode == 1 and "avif needs avifenc, avifdec" in done.stderr, done
        # SSIMULACRA2 is left out where it is not there, unless it is asked for
        done = rd("--no-page", "--out", out, "--codecs", "avif", TOP / "testdata", env=bare)
        assert "rd: ssimulacra2 is left out" in done.stderr and "butteraugli needs butteraugli_main" in done.stderr
        done = rd(*usual, "--codecs", "avif", "--metrics", "psnr,ssimulacra2", TOP / "testdata", env=bare)
        assert done.returncode == 1 and "ssimulacra2 needs ssimulacra2" in done.stderr, done
        assert not out.exists()


def check_command(build):
    """On a small picture, with ddz and JPEG if they are there; twice, the second time from the cache."""
    names = [name for name in ("ddz", "jpeg") if name != "jpeg" or not coders.CODECS[name].missing()]
    if not (build / "ddpmenc").exists():
        names.remove("ddz")
    if not names:
        return "neither ddz nor cjpeg here"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "pictures").mkdir()
        original, _ = pair(96, 120)
        Image.fromarray(original).save(folder / "pictures" / "a.png")
        words = ["--codecs", ",".join(names), "--metrics", "psnr,ssim,msssim", "--no-page", "--jobs", "2"]
        words += ["--ddz-dir", build] if "ddz" in names else []
        words += ["--out", folder / "out", folder / "pictures"]
        done = rd(*words)
        assert done.returncode == 0, done.stderr
        assert "\n## Mean at equal quality setting (the convention of published curves)\n" in done.stdout, done.stdout
        tables = [folder / "out" / f"{name}.csv" for name in ("results", "prefixes", "bdrate", "published", "lossless")]
        contents = [path.read_bytes() for path in tables]
        rows = table(folder / "out" / "results.csv")
        assert list(rows[0]) == measure.COLUMNS
        assert [row["setting"] for row in rows] == [s for name in names for s in coders.CODECS[name].settings]
        for row in rows:
            assert row["ms_ssim"] == row["ssimulacra2"] == row["butteraugli"] == "", row
            assert 10 < float(row["psnr"]) < 60, row
            near(float(row["bpp"]), 8 * int(row["bytes"]) / (96 * 120), 1e-4)
        exact = table(folder / "out" / "lossless.csv")
        assert [(row["codec"], row["psnr"]) for row in exact] == [("ddz", "inf")] * names.count("ddz"), exact
        for name in names:
            check_cuts([row for row in table(folder / "out" / "prefixes.csv") if row["codec"] == name])
        assert len(names) == 1 or table(folder / "out" / "bdrate.csv")
        assert rd(*words).returncode == 0
        assert [path.read_bytes() for path in tables] == contents
        # without cut files, and without curves, those of the last run stay
        for less in ("--no-cuts", "--lossless")[: 1 + names.count("ddz")]:
            assert rd(*words, less).returncode == 0
            assert [path.read_bytes() for path in tables] == contents
    return f"measured {' and '.join(names)}"


def check_cuts(rows):
    sizes = [int(row["bytes"]) for row in rows]
    assert sizes[:-1] == [n for n in coders.CUTS if n < sizes[-1]], sizes
    assert [row["whole"] for row in rows] == ["0"] * (len(rows) - 1) + ["1"]
    shown = [float(row["psnr"]) for row in rows if row["psnr"]]
    assert shown[-1] == max(shown) and rows[-1]["psnr"], rows


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    checks = (check_psnr, check_ssim, check_ms_ssim, check_eyes, check_load, check_scales, check_bdrate,
              check_encode_near, check_cache, check_installed, check_lossless, check_refusals)
    for said in [check() for check in checks] + [check_command(build)]:
        if said:
            print(said)


if __name__ == "__main__":
    main()
