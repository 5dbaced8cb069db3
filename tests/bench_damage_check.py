"""Checks of bench/damage that tests/bench_damage.sh runs: bench_damage_check.py BUILD_DIR"""

import csv
import math
import pathlib
import subprocess
import sys
import tempfile
import types
import xml.etree.ElementTree

import numpy as np
from PIL import Image

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "bench"))
import coders  # noqa: E402
import damage_trials as damage  # noqa: E402
import metrics  # noqa: E402

SMALL = TOP / "testdata" / "small.png"


# ---- Which bits ---------------------------------------------------------------------------------


def bits(data):
    return np.unpackbits(np.frombuffer(data, np.uint8))


def check_flip():
    data = np.random.default_rng(1).integers(0, 256, 999, np.uint8).tobytes()
    for count, skip in ((1, 0), (10, 0.02), (100, 0.5), (500, 0)):
        changed = bits(damage.flip(data, count, skip, "seed")) != bits(data)
        assert changed.sum() == count, (count, changed.sum())
        assert not changed[:8 * math.ceil(999 * skip)].any(), f"a bit of the first {skip} is flipped"
        assert damage.flip(data, count, skip, "seed") == damage.flip(data, count, skip, "seed")
        assert damage.flip(data, count, skip, "seed") != damage.flip(data, count, skip, "other")
    assert damage.flip(data, 0, 0.02, "seed") == data
    assert (bits(damage.flip(data, 8 * 999, 0, "seed")) != bits(data)).all(), "all bits of a file"
    assert (bits(damage.flip(data, 8, 0.998, "seed")) != bits(data))[-8:].all(), "all bits after what is spared"
    try:
        damage.flip(data, 9, 0.998, "seed")
    except coders.CodecError:
        return
    raise AssertionError("more bits than there are")


def check_bits_are_spread():
    """Over 400 seeds each quarter of the payload gets a quarter of the flips, within five sigma."""
    data = bytes(1000)
    changed = sum(bits(damage.flip(data, 10, 0.2, seed)).astype(int) for seed in range(400))
    quarters = changed[8 * 200:].reshape(4, -1).sum(axis=1)
    assert quarters.sum() == 4000
    assert abs(quarters - 1000).max() < 5 * math.sqrt(4000 * 0.25 * 0.75), quarters


# ---- What becomes of a file ---------------------------------------------------------------------


def toy(folder, script):
    """A codec whose decoder is a shell script, run with the file and the picture that it should write."""
    path = folder / "toy"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return damage.limited(coders.Codec("toy", "Toy", ".png", encode="true", decode=f"{path} {{in}} {{out}}",
                                       settings=[""]), 1)


def check_outcomes(folder):
    png = SMALL.read_bytes()
    original = metrics.load_rgb(SMALL)
    larger = folder / "larger.png"
    Image.new("RGB", (original.shape[1] + 1, original.shape[0])).save(larger)
    for script, expected in (
            ('cp "$1" "$2"', damage.SHOWN),
            ('exit 3', damage.REFUSED),
            ('exit 255', damage.REFUSED),
            ('cp "$1" "$2"; exit 1', damage.REFUSED),
            ('exit 0', damage.REFUSED),  # and no picture there
            ('echo no picture > "$2"', damage.REFUSED),
            ('kill -SEGV $$', damage.CRASHED),
            ('kill -ABRT $$', damage.CRASHED),
            ('while :; do :; done', damage.SLOW),
            (f'cp "{larger}" "$2"', damage.SIZE)):
        outcome, psnr = damage.show(toy(folder, script), png, original)
        assert outcome == expected, (script, outcome)
        assert psnr == (math.inf if expected == damage.SHOWN else None), (script, psnr)


def check_summary():
    rows = [{"codec": "a", "flips": 1, "psnr": psnr} for psnr in (None, 30, 20, 40, None, 25, 35, 31, 32, 33)]
    rows.append({"codec": "b", "flips": 10, "psnr": None})
    assert damage.summary(rows) == {("a", 1): (0.8, 30, None), ("b", 10): (0, None, None)}
    assert [damage.quantile([3, 1, 2], share) for share in (0, 0.1, 0.5, 0.67, 1)] == [1, 1, 2, 3, 3]


# ---- The command --------------------------------------------------------------------------------


def command(build, out, *words):
    return subprocess.run([sys.executable, TOP / "bench" / "damage", "--ddz-dir", build, "--out", out, *words],
                          capture_output=True, text=True, check=False)


def check_digest(build):
    """A flip in the digest, which says nothing of the picture, changes nothing that is shown."""
    coders.Ddz.folder = pathlib.Path(build)
    args = types.SimpleNamespace(bpp=2, seconds=60, flips=[], trials=1, skip=0.02, seed=1)
    codec = damage.codecs()["ddz"]
    (whole,) = damage.trials(codec, SMALL, args)
    assert whole["outcome"] == damage.SHOWN and whole["bytes"] == 2 * 48 * 40 / 8, whole
    with tempfile.TemporaryDirectory() as folder:
        data = bytearray(coders.encode_near(codec, SMALL, whole["bytes"], folder).read_bytes())
    data[-1] ^= 1
    assert damage.show(damage.limited(codec, 60), data, metrics.load_rgb(SMALL)) == (damage.SHOWN, whole["psnr"])


def check_command(build, folder):
    words = ["--bpp", "4", "--flips", "10,1", "--trials", "2", "--codecs", "ddz-small,jpeg,webp", SMALL]
    texts = []
    for out in (folder / "first", folder / "second"):
        done = command(build, out, *words)
        assert done.returncode == 0, done.stderr
        assert done.stdout == (out / "damage.md").read_text(encoding="utf-8")
        texts.append((out / "damage.csv").read_text(encoding="utf-8"))
    assert texts[0] == texts[1], "the same command, and other damage"
    rows = list(csv.DictReader(texts[0].splitlines()))
    codecs = list(dict.fromkeys(row["codec"] for row in rows))
    assert "ddz-small" in codecs
    for name in codecs:
        each = [row for row in rows if row["codec"] == name]
        assert [(row["flips"], row["trial"]) for row in each] == [
            ("0", "0"), ("1", "0"), ("1", "1"), ("10", "0"), ("10", "1")], each
        assert each[0]["outcome"] == damage.SHOWN
        assert all(row["outcome"] in damage.OUTCOMES for row in each)
        assert all((row["psnr"] != "") == (row["outcome"] == damage.SHOWN) for row in each)
        if name != "ddz-small":  # the others may have too few settings for a picture of this size
            continue
        assert int(each[0]["bytes"]) == 4 * 48 * 40 / 8
    assert len(done.stdout.splitlines()) == 2 + len(codecs)
    xml.etree.ElementTree.parse(out / "damage.svg")
    with Image.open(out / "damage.png") as image:
        image.load()


def check_refusals(build, folder):
    bad = folder / "bad.png"
    bad.write_bytes(b"no picture")
    for words, status in ((["--codecs", "ddz", folder / "none.png"], 1), (["--codecs", "ddz", bad], 1),
                          (["--codecs", "none", SMALL], 2), (["--flips", "0", SMALL], 2),
                          (["--skip", "1", SMALL], 2), (["--codecs", "ddz-small", SMALL, SMALL], 1),
                          (["--codecs", "ddz-small", "--flips", "999999", SMALL], 1)):
        done = command(build, folder / "refused", *words)
        assert done.returncode == status, (words, done.returncode, done.stderr)
        assert done.stderr.splitlines()[-1].startswith("damage: "), done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        assert not (folder / "refused").exists(), "a table of nothing"


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    check_flip()
    check_bits_are_spread()
    check_summary()
    check_digest(build)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        check_outcomes(folder)
        check_command(build, folder)
        check_refusals(build, folder)
    print("damage: as it should be")


if __name__ == "__main__":
    main()
