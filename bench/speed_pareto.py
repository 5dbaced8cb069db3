"""bench/speed --pareto: the rate that each effort and model needs for equal quality, over the seconds
that it takes.

Each picture is encoded at some rates about the target. Its quality P is what the default model reaches
at the target and effort 5. For each effort and model, bits a pixel and seconds at P are read off
curves through the measured files: a piecewise cubic (PCHIP) of the logarithm of the rate over PSNR,
as in bdrate.py, and straight lines for the seconds.
"""

import csv
import math
import pathlib
import statistics
import tempfile

import numpy as np
from scipy.interpolate import PchipInterpolator

import bdrate
import means
import metrics
from speed_run import best, run
from speed_tables import markdown, png_size, write_csv

REFERENCE = ("default", 5)  # model, effort
RATES = (0.8, 1.1, 1.5)  # times the target: the small model needs a quarter more for equal PSNR
SECONDS = ("encode_wall_s", "encode_cpu_s", "decode_wall_s", "decode_cpu_s")
FILES = ("picture", "pixels", "model", "effort", "bpp", "psnr", *SECONDS)
WORKS = ("encode", "decode")


# ---- Measurement ----------------------------------------------------------------------------------


def measure(build, picture, model, effort, rate, threads, repeats):
    """A row of pareto_files.csv."""
    pixels = math.prod(png_size(picture))
    with tempfile.TemporaryDirectory() as folder:
        stream, shown = pathlib.Path(folder) / "x.ddz", pathlib.Path(folder) / "x.png"
        commands = [build.encoder(model, threads, f"{rate:.5g}", effort, picture, stream),
                    build.decoder(model, threads, stream, shown)]
        costs = [best([run(command, build.environment) for _ in range(repeats)]) for command in commands]
        psnr = metrics.psnr(metrics.load_rgb(picture), metrics.load_rgb(shown))
        size = stream.stat().st_size
    seconds = [value for cost in costs for value in (cost.wall, cost.cpu)]
    return dict(zip(FILES, [pathlib.Path(picture).stem, pixels, model, effort, 8 * size / pixels, psnr, *seconds]))


def measure_all(args, build):
    """All rows; each is in the file when it is made, for this takes long."""
    rows = []
    with open(args.out / "pareto_files.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FILES, lineterminator="\n")
        writer.writeheader()
        for picture in args.pictures:
            for model in args.models:
                for effort in args.efforts:
                    for factor in RATES:
                        rows.append(measure(build, picture, model, effort, factor * float(args.bpp[0]),
                                            args.threads[0], args.repeats))
                        writer.writerow(rows[-1])
                        file.flush()
    return rows


# ---- At equal quality -----------------------------------------------------------------------------


def points(rows):
    return [(row["bpp"], row["psnr"]) for row in rows]


def at_quality(rows, psnr):
    """[bits a pixel, *SECONDS] where the files of one picture reach `psnr`; None outside of them."""
    kept = set(bdrate.curve(points(rows)))
    rows = sorted((row for row in rows if (row["bpp"], row["psnr"]) in kept), key=lambda row: row["psnr"])
    qualities = [row["psnr"] for row in rows]
    if len(rows) < 2 or not qualities[0] <= psnr <= qualities[-1]:
        return None
    rate = math.exp(PchipInterpolator(qualities, np.log([row["bpp"] for row in rows]))(psnr))
    return [rate, *(float(np.interp(psnr, qualities, [row[name] for row in rows])) for name in SECONDS)]


def table(files, target):
    """Rows of pareto.csv. The rate is the geometric mean over the pictures of the ratio to REFERENCE, in
    per cent more or less; seconds are sums over the pictures, per megapixel."""
    groups = {}
    for row in files:
        groups.setdefault((row["model"], row["effort"]), {}).setdefault(row["picture"], []).append(row)
    wanted = {picture: means.quality_at(points(rows), target) for picture, rows in groups[REFERENCE].items()}
    base = {picture: at_quality(rows, wanted[picture]) for picture, rows in groups[REFERENCE].items()}
    out = []
    for (model, effort), pictures in groups.items():
        found = {picture: at_quality(rows, wanted[picture]) for picture, rows in pictures.items()}
        if None in found.values():
            continue
        ratio = statistics.geometric_mean(found[picture][0] / base[picture][0] for picture in found)
        megapixels = sum(rows[0]["pixels"] for rows in pictures.values()) * 1e-6
        sums = [sum(values) / megapixels for values in list(zip(*found.values()))[1:]]
        out.append({"model": model, "effort": effort, "rate_percent": 100 * (ratio - 1),
                    **{f"{name}_per_mpixel": value for name, value in zip(SECONDS, sums)}})
    return out


def front(rows, work):
    """Those of the rows that no other beats in rate and processor seconds of `work` both."""
    def pair(row):
        return row["rate_percent"], row[f"{work}_cpu_s_per_mpixel"]

    def beaten(row):
        return any(a <= b and c <= d and (a, c) != (b, d) for (a, c), (b, d) in
                   ((pair(other), pair(row)) for other in rows))

    return [row for row in rows if not beaten(row)]


# ---- Report ---------------------------------------------------------------------------------------


def rounded(row):
    return {name: f"{value:.3f}" if isinstance(value, float) else value for name, value in row.items()}


def lines(rows):
    """Cells of the table in Markdown."""
    fronts = {work: front(rows, work) for work in WORKS}
    for row in rows:
        cells = [row["model"], row["effort"], f"{row['rate_percent']:+.1f} %"]
        for work in WORKS:
            cells += [f"{row[f'{work}_cpu_s_per_mpixel']:.1f}", f"{row[f'{work}_wall_s_per_mpixel']:.1f}",
                      "yes" if row in fronts[work] else ""]
        yield cells


def plot(rows, folder):
    """folder/pareto.svg and .png"""
    import plots
    from matplotlib import pyplot

    colours = dict(zip(dict.fromkeys(row["model"] for row in rows), ("#d55e00", "#0072b2", "#009e73", "#777777")))
    with pyplot.rc_context(plots.RC):
        figure = pyplot.figure(figsize=(plots.WIDTH, 4.2), layout="constrained")
        for axes, work in zip(figure.subplots(1, 2, sharey=True), WORKS):
            for model, colour in colours.items():
                found = [(row[f"{work}_cpu_s_per_mpixel"], row["rate_percent"], row["effort"]) for row in rows
                         if row["model"] == model]
                axes.plot(*list(zip(*found))[:2], color=colour, marker="o", label=f"--model {model}")
                for x, y, effort in found:
                    axes.annotate(effort, (x, y), xytext=(3, 3), textcoords="offset points", fontsize=8)
            axes.set_xscale("log")
            plots.plain_ticks(axes.xaxis, (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
            axes.set_title(work)
            axes.set_xlabel("processor seconds a megapixel")
        figure.axes[0].set_ylabel("rate at equal PSNR, per cent\nrelative to the default model at effort 5")
        figure.axes[1].legend()
        plots.save(figure, folder, "pareto")


def report(args, build):
    files = measure_all(args, build)
    rows = table(files, float(args.bpp[0]))
    write_csv(args.out / "pareto.csv", [rounded(row) for row in rows])
    columns = ["model", "effort", "rate"]
    for work in WORKS:
        columns += [f"{work}, CPU s/MP", "wall s/MP", f"best for its {work}r"]
    markdown(f"Rate at equal PSNR (default, effort 5, {args.bpp[0]} bits a pixel), threads: {args.threads[0]}",
             columns, lines(rows))
    plot(rows, args.out)
