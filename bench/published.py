"""Curves that others published of the 24 Kodak pictures, in bench/published/, and ddz beside them.

All are means at equal quality setting (`means.setting_curve`): so is what is set beside them here. Each
file begins with comments: the codec's `name`, what it `needs` to run, the `source` of the numbers, and
perhaps a `note`.
"""

import csv
import pathlib
import re
import typing

import bdrate
import means

FOLDER = pathlib.Path(__file__).resolve().parent / "published"
FIELDS = ("name", "needs", "source")
COLUMNS = "codec,against,bd_rate_percent,low,high".split(",")
OWN = ("ddz", "ddz-small")
KODAK = (24, 768 * 512)  # pictures, pixels of each


class Curve(typing.NamedTuple):
    """A published curve; points are (bits a pixel, PSNR in dB)."""

    name: str
    needs: str
    source: str
    points: list


def fields(comments):
    """{field: text} of comment lines `# field: text`, each of which may go on in lines `#   more`."""
    found, last = {}, None
    for line in comments:
        begun = re.match(r"# (\w+): (.*)", line)
        if begun:
            last = begun[1]
            found[last] = begun[2].strip()
        elif last:
            found[last] += " " + line.lstrip("# ").strip()
    return found


def read(path):
    """The Curve of a file; ValueError, in one line, if it is not one."""
    lines = path.read_text(encoding="utf-8").splitlines()
    about = fields([line for line in lines if line.startswith("#")])
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    try:
        points = [(float(row["bpp"]), float(row["psnr"])) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a table of bpp and psnr") from error
    missing = [name for name in FIELDS if not about.get(name)]
    if missing:
        raise ValueError(f"{path}: no {', '.join(missing)}")
    if len(points) < 2 or bdrate.curve(points) != points:
        raise ValueError(f"{path}: rate and PSNR must grow from line to line")
    return Curve(*(about[name] for name in FIELDS), points)


def curves(folder=FOLDER):
    return [read(path) for path in sorted(folder.glob("*.csv"))]


def comparable(rows):
    """Whether rows of results.csv are of Kodak's pictures, as far as number and sizes tell."""
    sizes = {row["picture"]: int(row["width"]) * int(row["height"]) for row in rows}
    return len(sizes) == KODAK[0] and set(sizes.values()) == {KODAK[1]}


def beside(rows, codecs):
    """{name: (what it needs, points)} of the `codecs` in `rows`, and if the pictures are Kodak's, of the
    published curves, whose names are marked with a star; all by PSNR at equal quality setting."""
    found = {codec: ("a processor", means.setting_curve(rows, codec, "psnr")) for codec in codecs}
    if comparable(rows):
        found |= {f"{curve.name} *": (curve.needs, curve.points) for curve in curves()}
    return {name: entry for name, entry in found.items() if len(entry[1]) > 1}


def table(rows, codecs):
    """Rows of published.csv: each codec of OWN against all others, by PSNR."""
    all_curves, out = beside(rows, codecs), []
    for own in [name for name in OWN if name in all_curves]:
        for name, (_, points) in all_curves.items():
            found = bdrate.rate_difference(all_curves[own][1], points) if name != own else None
            if found:
                rate, low, high = found
                out.append(dict(zip(COLUMNS, [own, name, f"{rate:.2f}", f"{low:.5g}", f"{high:.5g}"])))
    return out
