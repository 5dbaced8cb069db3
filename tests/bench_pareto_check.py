"""Checks of bench/speed --pareto and --codecs that tests/bench_pareto.sh runs: bench_pareto_check.py BUILD_DIR"""

import csv
import math
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from PIL import Image

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "bench"))
import speed_pareto as pareto  # noqa: E402

SMALL = TOP / "testdata" / "small.png"
TARGET = 0.5


def near(value, expected, tolerance=1e-9):
    assert abs(value - expected) <= tolerance, (value, expected)


# ---- Closed forms -------------------------------------------------------------------------------


def files(picture, pixels, model, effort, gain, speed, rates=pareto.RATES):
    """Rows of pareto_files.csv whose PSNR is 6 dB an octave of the rate, `gain` dB above 30 at TARGET, and whose
    seconds grow with it by one a dB from `speed`, 2 `speed` ... at 30 dB."""
    for factor in rates:
        psnr = 30 + 6 * math.log2(factor) + gain
        seconds = [n * speed + psnr - 30 for n in (1, 2, 3, 4)]
        yield dict(zip(pareto.FILES, [picture, pixels, model, effort, factor * TARGET, psnr, *seconds]))


def check_table():
    """At the quality of effort 5, whatever that is, effort 9 takes 2^(-gain / 6) of the rate, the seconds of that
    quality, and pictures count by their size."""
    rows = []
    for picture, pixels, level in (("p", 200000, 0), ("q", 600000, 1.5)):
        rows += files(picture, pixels, "default", 5, level, 10)
        rows += files(picture, pixels, "default", 9, level + (0.3 if picture == "p" else 0.6), 40)
        rows += files(picture, pixels, "small", 5, level - 1.2, 5)
        rows += files(picture, pixels, "small", 1, level - 9, 1)  # never as good
    found = {(row["model"], row["effort"]): row for row in pareto.table(rows, TARGET)}
    assert list(found) == [("default", 5), ("default", 9), ("small", 5)], list(found)
    near(found["default", 5]["rate_percent"], 0)
    near(found["default", 9]["rate_percent"], 100 * (2 ** (-0.45 / 6) - 1))
    near(found["small", 5]["rate_percent"], 100 * (2 ** (1.2 / 6) - 1))
    for (_, effort), speed in ((("default", 5), 10), (("default", 9), 40)):
        for n, name in enumerate(pareto.SECONDS, 1):
            near(found["default", effort][f"{name}_per_mpixel"], (n * speed + n * speed + 1.5) / 0.8)


def check_curve():
    """A file that a smaller one matches is left out, and nothing is read beyond the ends."""
    rows = list(files("p", 1000, "default", 5, 0, 10))
    low, high = rows[0]["psnr"], rows[-1]["psnr"]
    worse = {**rows[-1], "bpp": 9 * TARGET}
    for psnr in (low, (low + high) / 2, high):
        expected = [TARGET * 2 ** ((psnr - 30) / 6), *(n * 10 + psnr - 30 for n in (1, 2, 3, 4))]
        for value, number in zip(pareto.at_quality([worse, *reversed(rows)], psnr), expected):
            near(value, number)
    assert pareto.at_quality(rows, low - 0.01) is None and pareto.at_quality(rows, high + 0.01) is None
    assert pareto.at_quality(rows[:1], low) is None


def check_front():
    rows = [{"rate_percent": rate, "decode_cpu_s_per_mpixel": seconds} for rate, seconds in
            ((0, 10), (-2, 20), (-2, 25), (5, 10), (8, 3), (8, 3), (9, 4))]
    assert pareto.front(rows, "decode") == [rows[0], rows[1], rows[4], rows[5]]
    assert pareto.front(rows[:1], "decode") == rows[:1]


# ---- The commands -------------------------------------------------------------------------------


def speed(build, out, *words):
    return subprocess.run([sys.executable, TOP / "bench" / "speed", "--build", build, "--out", out, *words],
                          capture_output=True, text=True, check=False)


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def check_pareto(build, out):
    done = speed(build, out, "--pareto", "--bpp", "1", "--efforts", "1,5", SMALL)
    assert done.returncode == 0, done.stderr
    rows, made = read(out / "pareto.csv"), read(out / "pareto_files.csv")
    groups = [(model, effort) for model in ("default", "small") for effort in ("1", "5")]
    assert [(row["model"], row["effort"]) for row in made] == [each for each in groups for _ in pareto.RATES]
    for row, factor in zip(made, pareto.RATES * len(groups)):
        near(float(row["bpp"]), math.floor(factor * 48 * 40 / 8) * 8 / (48 * 40), 1e-6)
        assert float(row["decode_cpu_s"]) > 0 and float(row["psnr"]) > 20, row
    assert {(row["model"], row["effort"]): row for row in rows}["default", "5"]["rate_percent"] == "0.000"
    assert {(row["model"], row["effort"]) for row in rows} <= set(groups)
    assert done.stdout.count("\n| default |") + done.stdout.count("\n| small |") == len(rows)
    xml.etree.ElementTree.parse(out / "pareto.svg")
    with Image.open(out / "pareto.png") as image:
        image.load()


def check_codecs(build, out):
    done = speed(build, out, "--codecs", "--bpp", "4", "--efforts", "1", "--models", "small", "--repeats", "1",
                 SMALL)
    assert done.returncode == 0, done.stderr
    rows = read(out / "codecs.csv")
    assert rows[0]["codec"] == "ddpmenc --effort 1 --model small" and float(rows[0]["bpp"]) == 4
    assert len(rows) + done.stderr.count(" is left out: no ") == 5, (rows, done.stderr)
    assert all(float(row["psnr"]) > 20 for row in rows), rows


def check_refusals(build, out):
    for words in (["--pareto", "--against", build], ["--pareto", "--efforts", "1"], ["--pareto", "--bpp", "1,2"],
                  ["--codecs", "--threads", "2"], ["--efforts", "10", "--codecs"], ["--bpp", "1"],
                  ["--against", build, "--quick"]):
        done = speed(build, out, *words)
        assert done.returncode == 2 and "Traceback" not in done.stderr, (words, done.stderr)
        assert done.stderr.splitlines()[-1].startswith("speed: error: "), done.stderr
        assert not out.exists()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    check_table()
    check_curve()
    check_front()
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        check_refusals(build, folder / "refused")
        check_pareto(build, folder / "pareto")
        check_codecs(build, folder / "codecs")
    print("pareto and codecs: as they should be")


if __name__ == "__main__":
    main()
