"""bench/speed --against: two builds in turn, their times and memory as ratios, and whether they make the
same streams and the same pictures."""

import itertools
import pathlib
import subprocess
import tempfile
import typing

from speed_run import Cost, best, run
from speed_tables import markdown, write_csv

WORKS = ("encode", "decode")
SAME, DIFFER, REFUSED = "same", "differ", "refused"
WORST_FIRST = (DIFFER, REFUSED, SAME)


class Point(typing.NamedTuple):
    model: str
    bpp: str
    effort: int
    threads: int


class Files:
    """What one build makes of one picture."""

    def __init__(self, build, folder, name):
        self.build, self.stream, self.picture = build, folder / f"{name}.ddz", folder / f"{name}.png"

    def command(self, work, point, original):
        if work == "encode":
            return self.build.encoder(point.model, point.threads, point.bpp, point.effort, original, self.stream)
        return self.build.decoder(point.model, point.threads, self.stream, self.picture)


# ---- Times ----------------------------------------------------------------------------------------


def take_turns(point, original, files, repeats):
    """{(work, index of the build): [Cost of each repeat]}. Every other time the other build is first:
    what slows the machine down bit by bit, or only the second, meets both."""
    costs = {key: [] for key in itertools.product(WORKS, range(len(files)))}
    for repeat in range(repeats):
        order = list(enumerate(files))
        for work in WORKS:
            for i, each in order if repeat % 2 == 0 else reversed(order):
                costs[work, i].append(run(each.command(work, point, original), each.build.environment))
    return costs


def added(costs):
    """Sums over the pictures of seconds; of memory the largest."""
    wall, cpu, memory = zip(*costs)
    return Cost(sum(wall), sum(cpu), max(memory))


def ratios(ours, others):
    """{column: value} of one work, from [[Cost of each repeat] of each picture] of both builds."""
    least = [added(map(best, each)) for each in (ours, others)]
    by_turn = [[added(turn) for turn in zip(*each)] for each in (ours, others)]
    row = {}
    for name in ("wall", "cpu"):
        mine, theirs = (getattr(cost, name) for cost in least)
        turns = [getattr(a, name) / getattr(b, name) for a, b in zip(*by_turn)]
        row.update({f"{name}_s": mine, f"other_{name}_s": theirs, f"{name}_ratio": mine / theirs,
                    f"{name}_ratio_least": min(turns), f"{name}_ratio_greatest": max(turns)})
    row["memory_ratio"] = least[0].memory / least[1].memory
    return row


# ---- The same bytes? ------------------------------------------------------------------------------


def worst(verdicts):
    return min(verdicts, key=WORST_FIRST.index)


def compare(path, other):
    return SAME if path.read_bytes() == other.read_bytes() else DIFFER


def cross_decode(point, reader, writer, folder):
    """What `reader`'s decoder makes of `writer`'s stream, beside what its own decoder makes of it."""
    picture = folder / "crossed.png"
    picture.unlink(missing_ok=True)
    command = reader.build.decoder(point.model, point.threads, writer.stream, picture)
    done = subprocess.run(command, env=reader.build.environment, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False)
    return REFUSED if done.returncode else compare(picture, writer.picture)


def agreement(point, files, folder):
    """(verdict on the streams, verdict on the pictures of each stream)"""
    ours, other = files
    streams = compare(ours.stream, other.stream)
    if streams == SAME:
        return streams, compare(ours.picture, other.picture)
    return streams, worst([cross_decode(point, ours, other, folder), cross_decode(point, other, ours, folder)])


# ---- Report ---------------------------------------------------------------------------------------


def measure(args, builds, point):
    """The two rows of against.csv at one point: encoder, decoder."""
    costs, verdicts = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        files = [Files(build, folder, name) for build, name in zip(builds, ("this", "other"))]
        for original in args.pictures:
            costs.append(take_turns(point, original, files, args.repeats))
            verdicts.append(agreement(point, files, folder))
    streams, pictures = map(worst, zip(*verdicts))
    for work in WORKS:
        yield {"work": work, **point._asdict(),
               **ratios(*([each[work, i] for each in costs] for i in range(len(builds)))),
               "streams": streams, "pictures": pictures}


def cells(row):
    """Cells of the table in Markdown."""
    shown = [row[name] for name in ("work", *Point._fields)]
    for name in ("wall", "cpu"):
        spread = f"{row[f'{name}_ratio_least']:.3f} to {row[f'{name}_ratio_greatest']:.3f}"
        shown += [f"{row[f'{name}_s']:.3f}", f"{row[f'other_{name}_s']:.3f}",
                  f"{row[f'{name}_ratio']:.3f} ({spread})"]
    return [*shown, f"{row['memory_ratio']:.3f}", row["streams"], row["pictures"]]


def report(args, build, other):
    """The exit status: 1 if the builds decode a stream to different pictures."""
    points = itertools.starmap(Point, itertools.product(args.models, args.bpp, args.efforts, args.threads))
    rows = [row for point in points for row in measure(args, (build, other), point)]
    write_csv(args.out / "against.csv", [
        {name: f"{value:.4f}" if isinstance(value, float) else value for name, value in row.items()}
        for row in rows])
    markdown(f"This build and the other, ratios, least of {args.repeats}",
             ["work", "model", "bits a pixel", "effort", "threads", "this, s", "other, s", "ratio",
              "this, CPU s", "other, CPU s", "ratio", "memory, ratio", "streams", "pictures"], map(cells, rows))
    return int(any(row["pictures"] == DIFFER for row in rows))
