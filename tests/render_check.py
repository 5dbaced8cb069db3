"""Checks of train/render.py, train/rendering and measure.py --rendered; exits with an error if something is wrong."""

import contextlib
import io
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image

TRAIN = pathlib.Path(__file__).resolve().parent.parent / "train"
sys.path.insert(0, str(TRAIN))
import pack  # noqa: E402
import measure  # noqa: E402
import render  # noqa: E402
import rendering  # noqa: E402
from rendering import canvas, dithers, fonts, scenes, words  # noqa: E402

torch.set_num_threads(1)


def run(*arguments):
    """(exit status, lines of output, of errors) of render.py."""
    done = subprocess.run([sys.executable, TRAIN / "render.py", *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def pixels(image):
    return np.asarray(image).reshape(-1, 3)


def every_kind_draws(found, count):
    """Pictures are RGB, of sizes within bounds, odd and even, differ from each other and are never of one colour."""
    sizes, seen = [], set()
    for kind in rendering.KINDS:
        assert kind in rendering.ORDER, kind
        for number in range(count):
            image = render.draw(5, kind, number, found)
            assert image.mode == "RGB" and len(np.unique(pixels(image), axis=0)) > 1, (kind, number)
            sizes.append(image.size)
            seen.add(image.tobytes())
    assert len(seen) == len(sizes)
    assert all(384 <= w <= 768 and 256 <= h <= 768 for w, h in sizes)
    assert {side % 2 for size in sizes for side in size} == {0, 1}


def files(folder):
    """What the program writes depends on seed, kind and number alone."""
    some = ["--kinds", "flat,chart"]
    for name, words_ in (("a", ["--count", 36]), ("b", ["--count", 36]), ("some", ["--count", 12, *some]),
                         ("other", ["--count", 12, *some, "--seed", 2])):
        assert run(folder / name, *words_)[0] == 0, name
    a, b, few, other = ({path.name: path.read_bytes() for path in (folder / name).iterdir()}
                        for name in ("a", "b", "some", "other"))
    assert a == b and len(set(a.values())) == 36
    kinds = {name.rpartition("-")[0] for name in a}
    assert kinds == set(rendering.KINDS)
    assert sorted(name.rpartition("-")[2] for name in a) == [f"{number:05d}.png" for number in range(36)]
    shared = a.keys() & few.keys()
    assert shared and all(a[name] == few[name] for name in shared)
    assert few.keys() == other.keys() and all(few[name] != other[name] for name in few)


def split():
    """Of the names of 1,500 pictures some of each kind are held out, most are not, and 100 pictures have some, too."""
    cycle = render.order(rendering.KINDS)
    names = [f"{cycle[number % len(cycle)]}-{number:05d}.png" for number in range(1500)]
    out = [name for name in names if pack.held_out(name)]
    assert {name.rpartition("-")[0] for name in out} == set(rendering.KINDS) and len(out) < 100
    assert 0 < sum(map(pack.held_out, names[:100])) < 20


def missing_fonts(folder):
    """What lacks a font is said, a line each, and left out."""
    empty = folder / "empty"
    empty.mkdir()
    status, said, errors = run(folder / "bare", "--count", 9, "--fonts", empty)
    assert status == 0 and not errors and len(list((folder / "bare").iterdir())) == 9
    assert [line.split()[3] for line in said] == list(fonts.FONTS)
    assert all(str(empty) in line and "fonts-" in line for line in said)
    lines = []
    bare = fonts.Fonts(empty, lines.append)
    assert lines == said and bare.scripts == {"latin"}
    rng = np.random.default_rng(1)
    assert all(words.language(rng, bare).script == "latin" for _ in range(50))
    every_kind_draws(bare, 3)


def letters(found):
    """Every font has a shape of its own for the letters of its script, digits and stops: no boxes in their place."""
    checked = 0
    for script in sorted(found.scripts - {"mono"}):
        own = {letter for tongue in words.LANGUAGES.values() if tongue.script == script
               for parts in (tongue.onsets[:400], tongue.nuclei, tongue.codas, tongue.stops) for part in parts
               for letter in part}
        for seed in range(12):
            face = found.face(np.random.default_rng(seed), script, 20)
            if face.scalable:
                box = bytes(face.font.getmask("\U0010fffd"))
                lacking = [letter for letter in sorted(own | set("0123456789.,:()%"))
                           if bytes(face.font.getmask(letter)) == box]
                assert not lacking, (script, face.font.path, lacking)
                checked += 1
    return checked


def text_qualities(found):
    """One bit has two colours, grey only greys between them, sub-pixels colours, and these three as much ink."""
    face = found.face(np.random.default_rng(0), "latin", 30)
    shades = {}
    for quality in ("mono", "grey", "lcd"):
        sheet = canvas.Sheet((300, 60), (255, 255, 255), quality)
        sheet.text((150, 5), "Hamburgefonts", face, (0, 0, 0), "m")
        shades[quality] = pixels(sheet.image).astype(int)
    assert set(shades["mono"].flat) == {0, 255}
    assert len(set(shades["grey"].flat)) > 20 and (np.ptp(shades["grey"], 1) == 0).all()
    assert (np.ptp(shades["lcd"], 1) > 40).sum() > 100
    ink = [255 - shade.mean() for shade in shades.values()]
    assert max(ink) < 1.25 * min(ink), ink


def smooth_edges():
    """A smooth disc covers the area that its radius says; pens agree on boxes; parts outside do no harm."""
    sheet = canvas.Sheet((64, 48), (0, 0, 0))
    with sheet.smooth() as pen:
        pen.disc(30, 20, 15, (255, 255, 255))
    assert abs(pixels(sheet.image)[:, 0].sum() / 255 / (np.pi * 15**2) - 1) < 0.03
    hard = canvas.Sheet((64, 48), (0, 0, 0))
    soft = canvas.Sheet((64, 48), (0, 0, 0))
    hard.rectangle((3, 5, 20, 9), (200, 10, 0))
    with soft.smooth((0, 0, 30, 30)) as pen:
        pen.rectangle((3, 5, 20, 9), (200, 10, 0))
    with soft.smooth((70, 10, 90, 20)) as pen:
        pen.disc(75, 15, 5, (1, 2, 3))
    assert hard.image.tobytes() == soft.image.tobytes()
    assert (pixels(hard.image)[:, 0] > 0).sum() == 17 * 4


def dithering():
    assert (dithers.bayer(2) * 16 - 0.5 == [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]).all()
    for tone in (0.2, 0.5, 0.8):
        dots = dithers.screen(np.full((200, 200), tone), 7.3, 0.4)
        assert dots.min() == 0 and dots.max() == 1
    assert abs(dithers.screen(np.full((200, 200), 0.5), 7.3, 0.4).mean() - 0.5) < 0.01
    rough, even = (scenes.field(np.random.default_rng(2), 99, 130, slope) for slope in (0, 2))
    for values in (rough, even):
        assert values.shape == (99, 130) and abs(values.mean()) < 1e-9 and abs(values.std() - 1) < 1e-9
    assert np.diff(even).std() < 0.3 * np.diff(rough).std()


def wrong_arguments(folder):
    (folder / "file").write_text("")
    for status, said, arguments in ((2, "no kind 'photo'", [folder / "x", "--kinds", "text,photo"]),
                                    (2, "--count", [folder / "x", "--count", "-1"]), (2, "OUT_DIR", []),
                                    (1, "file", [folder / "file", "--count", 1])):
        found, _, errors = run(*arguments)
        assert found == status and said in errors[-1] and "Traceback" not in "".join(errors), (arguments, errors)
    assert not (folder / "x").exists()


def measured(folder):
    """A flat picture's PSNR stays finite in a mean; the table counts the kinds and gives the errors of a denoiser
    that leaves all noise as it is, 1 everywhere."""
    flat = [np.full((16, 16, 3), 200, np.uint8)]
    curve, _ = measure.measure(lambda y, sigma, label: torch.full_like(y, 200 / 127.5 - 1), flat, 1)
    assert all(db == 60 for _, _, db in curve)

    photographs = folder / "photographs"
    photographs.mkdir()
    for number in range(2):
        noise = np.random.default_rng(number).integers(0, 256, (70, 90, 3), np.uint8)
        Image.fromarray(noise).save(photographs / f"{number}.png")
    measure.load_denoiser = lambda *_: lambda y, sigma, label: y
    sys.argv = ["measure.py", "none", str(photographs), "--rendered", str(folder / "a"), "--count", "20",
                "--crop", "64", "--per-octave", "1"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        measure.main()
    text = printed.getvalue()
    assert text.startswith("none: 2 pictures, crop 64\n") and "\nnone: 20 rendered pictures, crop 64\n" in text
    assert len(re.findall("^ideal bpp at 28 dB", text, re.M)) == 2
    rows = {title: (int(count), [float(v) for v in numbers.split()[-6:]])
            for title, count, numbers in re.findall(r"^ *(\w+) \((\d+)\) (.*)$", text, re.M)}
    assert rows["photographs"][0] == 2 and rows["rendered"][0] == 20
    kinds = {title: row for title, row in rows.items() if title in rendering.KINDS}
    assert len(kinds) > 5 and sum(count for count, _ in kinds.values()) == 20 and len(rows) == len(kinds) + 2
    mean = sum(count * np.array(numbers) for count, numbers in kinds.values()) / 20
    assert np.abs(mean - rows["rendered"][1]).max() < 2e-4
    assert all(abs(error - 1) < 0.05 for _, numbers in rows.values() for error in numbers[3:])


def main():
    found = fonts.Fonts()
    every_kind_draws(found, 6)
    scalable = letters(found)
    if scalable:
        text_qualities(found)
    smooth_edges()
    dithering()
    split()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files(folder)
        missing_fonts(folder)
        wrong_arguments(folder)
        measured(folder)
    print(f"{len(rendering.KINDS)} kinds of picture, fonts for {', '.join(sorted(found.scripts))}")


if __name__ == "__main__":
    main()
