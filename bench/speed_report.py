"""The default run of bench/speed: time and memory by rate, effort and threads, where the time goes, and
the network beside the machine's peak."""

import csv
import pathlib
import shutil
import subprocess
import sys
import tempfile

from speed_build import TOP
from speed_run import best_run, fail, output_of, shown
from speed_tables import markdown, write_csv

RATES, RATE = ("0.25", "0.5", "1", "2"), "1"
EFFORTS, EFFORT = range(1, 10), 5
MIB = 1 << 20


def rows_of(command, environment=None):
    """Rows of the CSV that a program prints."""
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        fail(f"{shown(command)}: exit status {done.returncode}")
    return list(csv.DictReader(done.stdout.splitlines()))


# ---- Encoder and decoder --------------------------------------------------------------------------


def points(args):
    """(rate, effort, threads): all rates at each number of threads, all efforts at least and most."""
    most = args.threads[-1]
    if args.quick:
        return [(RATE, EFFORT, most), (RATE, 1, most)]
    by_rate = [(rate, EFFORT, n) for n in args.threads for rate in RATES]
    by_effort = [(RATE, effort, n) for n in sorted({args.threads[0], most}) for effort in EFFORTS]
    return list(dict.fromkeys(by_rate + by_effort))


def measure_codec(args, build, sizes, point, scratch):
    """A row of codec.csv: sums over the pictures, per megapixel; of memory the largest."""
    rate, effort, threads = point
    row = {"bpp": rate, "effort": effort, "threads": threads}
    stream, picture = scratch / "x.ddz", scratch / "x.png"
    megapixels = 0
    sums = {"encode": [0, 0, 0, 0], "decode": [0, 0, 0, 0]}
    for path, (width, height) in sizes.items():
        size = width * height * 1e-6
        megapixels += size
        commands = {"encode": build.encoder(args.model, threads, rate, effort, path, stream),
                    "decode": build.decoder(args.model, threads, stream, picture)}
        for work, command in commands.items():
            wall, cpu, memory = best_run(command, args.repeats, build.environment)
            total = sums[work]
            sums[work] = [total[0] + wall, total[1] + cpu, max(total[2], memory),
                          max(total[3], memory / size)]
    for work, (wall, cpu, memory, density) in sums.items():
        row.update({f"{work}_s_per_mpixel": f"{wall / megapixels:.3f}",
                    f"{work}_cpu_s_per_mpixel": f"{cpu / megapixels:.3f}",
                    f"{work}_peak_mib": f"{memory / MIB:.1f}",
                    f"{work}_peak_mib_per_mpixel": f"{density / MIB:.1f}"})
    return row


def report_codec(args, build, sizes):
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure_codec(args, build, sizes, point, pathlib.Path(folder)) for point in points(args)]
    write_csv(args.out / "codec.csv", rows)
    columns = ["bits a pixel", "effort", "threads"]
    for work in ("encode", "decode"):
        columns += [f"{work}, s/MP", "CPU s/MP", "peak MiB", "MiB/MP"]
    markdown(f"Time and memory per megapixel, best of {args.repeats}", columns, map(dict.values, rows),
             "ddpmenc --threads N --bpp X --effort N IN.png x.ddz; ddpmdec --threads N x.ddz x.png")


# ---- Parts ----------------------------------------------------------------------------------------


def report_parts(args, build):
    rows = []
    picture = args.pictures[0]
    for threads in sorted({args.threads[0], args.threads[-1]}):
        rows += rows_of([build.folder / "bench" / "parts", "--bpp", RATE, "--effort", str(EFFORT),
                         "--threads", str(threads), "--repeats", str(args.repeats), args.model, picture],
                        build.environment)
    write_csv(args.out / "parts.csv", rows)
    for threads in dict.fromkeys(row["threads"] for row in rows):
        parts = {}
        for row in (row for row in rows if row["threads"] == threads):
            parts.setdefault(row["part"], {})[row["work"]] = float(row["wall_s"])
        total = {work: sum(part[work] for part in parts.values()) for work in ("encode", "decode")}
        parts["all"] = total
        lines = []
        for name, part in parts.items():
            lines.append([name])
            for work in total:
                lines[-1] += [f"{part[work]:.3f}", f"{part[work] / total[work]:.1%}"]
        markdown(
            f"Where the time goes: {picture.name}, {RATE} bit a pixel, effort {EFFORT}, threads: {threads}",
            ["part", "encode, s", "share", "decode, s", "share"], lines,
            f"parts --threads {threads} {args.model.name} {picture.name}")


# ---- Network --------------------------------------------------------------------------------------


def find_torch():
    """(a Python that torch_speed.py can run with, its PyTorch's version), else (None, "")."""
    if not shutil.which("zstd"):
        return None, ""
    test = "import numpy, torch; print(torch.__version__)"
    for python in (sys.executable, "python3", "/usr/bin/python3"):
        version = output_of([python, "-c", test])
        if version:
            return python, version
    return None, ""


def report_network(args, build, torch_python):
    rows = []
    size = ("96", "64") if args.quick else ("768", "512")
    for threads in args.threads:
        quick = ["--quick"] if args.quick else []
        rows += rows_of([build.folder / "bench" / "kernels", *quick, "--threads", str(threads), args.model],
                        build.environment)
    network, alone = f"network {size[0]} x {size[1]}", "instruction alone"
    peak = {(row["isa"], row["threads"]): float(row["gmac_per_s"]) for row in rows if row["what"] == alone}
    if torch_python:
        command = [torch_python, "-B", TOP / "bench" / "torch_speed.py", args.model, "--size", *size,
                   "--repeats", str(max(3, args.repeats)), "--threads", *map(str, args.threads)]
        rows += [{"isa": f"PyTorch {row.pop('type')}", **row} for row in rows_of(command)]
    write_csv(args.out / "network.csv", rows)

    def share(row):
        whole = peak.get((row["isa"], row["threads"]))
        return f"{float(row['gmac_per_s']) / whole:.1%}" if whole else ""

    columns = ["kernels", "what", "threads", "ms a call", "GMAC/s", "of the instruction alone"]
    lines = [[row["isa"], row["what"], row["threads"], row["milliseconds"], row["gmac_per_s"], share(row)]
             for row in rows]
    markdown(f"The {network}, and {alone}", columns, [line for line in lines if line[1] in (network, alone)],
             "kernels --threads N MODEL.ddm; torch_speed.py MODEL.ddm --threads N")
    markdown("Single convolutions and smaller networks", columns,
             [line for line in lines if line[1] not in (network, alone)])


def report(args, build, sizes, torch_python):
    if not torch_python:
        print("speed: PyTorch is left out: no Python with torch and numpy, or no zstd; see --install",
              file=sys.stderr)
    report_codec(args, build, sizes)
    report_parts(args, build)
    report_network(args, build, torch_python)
