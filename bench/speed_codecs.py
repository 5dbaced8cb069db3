"""bench/speed --codecs: seconds of ddz and of other codecs' programs for files of equal bytes, one thread
each."""

import copy
import functools
import math
import pathlib
import statistics
import sys
import tempfile

from PIL import Image

import coders
import metrics
from speed_run import best_run
from speed_tables import markdown, png_size, write_csv

# Slower than in bench/rd: settings for pictures that are encoded once and read often.
SLOW = {"avif": "avifenc -s 4 -j 1 -y 444 {setting} {in} {out}",
        "jxl": "cjxl --quiet -e 7 --num_threads=0 {setting} {in} {out}"}
NOT_SHOWN = ("{setting}", "{in}", "{out}", "-o", "-outfile", "-quiet", "--quiet")
CODECS = ("jpeg", "webp", "jxl", "avif")
SECONDS = ("encode_wall_s", "encode_cpu_s", "decode_wall_s", "decode_cpu_s")


def codec(name):
    """coders.py's codec with the encoder's command of here."""
    made = copy.copy(coders.CODECS[name])
    if name in SLOW:
        made.encode_template = SLOW[name].split()
    return made


def codec_commands(made, size, folder, original):
    """[encoder, decoder] of one picture at the setting whose file coders.encode_near takes."""
    settings = {}

    def remember(png, out, setting):
        settings[out] = setting
        return type(made).encode(made, png, out, setting)

    made.encode = remember
    setting = settings[coders.encode_near(made, original, size, folder)]
    source, file, shown = (folder / f"x{suffix}" for suffix in (made.takes, made.suffix, f".shown{made.gives}"))
    Image.fromarray(metrics.load_rgb(original)).save(source, compress_level=1)
    return [made.fill(made.encode_template, str(source), str(file), setting),
            made.fill(made.decode_template, str(file), str(shown))], file, shown


def ddz_commands(build, model, args, folder, original):
    stream, shown = folder / "x.ddz", folder / "x.png"
    return [build.encoder(model, 1, args.bpp[0], args.efforts[0], original, stream),
            build.decoder(model, 1, stream, shown)], stream, shown


def measure(args, build, label, prepare):
    """A row of codecs.csv. `prepare` gives ([encoder, decoder], file, decoded picture) of (folder, original)."""
    sums, sizes, quality = [0.0] * len(SECONDS), [], []
    megapixels = sum(math.prod(png_size(picture)) for picture in args.pictures) * 1e-6
    for original in args.pictures:
        with tempfile.TemporaryDirectory() as folder:
            commands, file, shown = prepare(pathlib.Path(folder), original)
            costs = [best_run(command, args.repeats, build.environment) for command in commands]
            sizes.append(file.stat().st_size)
            quality.append(metrics.psnr(metrics.load_rgb(original), metrics.load_rgb(shown)))
        sums = [a + b for a, b in zip(sums, (seconds for cost in costs for seconds in cost[:2]))]
    return {"codec": label, "bpp": f"{8e-6 * sum(sizes) / megapixels:.4f}",
            "psnr": f"{statistics.fmean(quality):.2f}",
            **{f"{name}_per_mpixel": f"{value / megapixels:.3f}" for name, value in zip(SECONDS, sums)}}


def report(args, build):
    rows = []
    for model in args.models:
        label = f"ddpmenc --effort {args.efforts[0]} --model {model}"
        rows.append(measure(args, build, label, functools.partial(ddz_commands, build, model, args)))
    for made in map(codec, CODECS):
        if made.missing():
            print(f"speed: {made.label} is left out: no {', '.join(made.missing())}", file=sys.stderr)
            continue
        label = " ".join(word for word in made.encode_template if word not in NOT_SHOWN)

        def prepare(folder, original, made=made):
            size = round(float(args.bpp[0]) * math.prod(png_size(original)) / 8)
            return codec_commands(made, size, folder, original)

        rows.append(measure(args, build, label, prepare))
    write_csv(args.out / "codecs.csv", rows)
    markdown(f"Beside other codecs at {args.bpp[0]} bits a pixel, one thread, least of {args.repeats}",
             ["encoder", "bits a pixel", "PSNR, dB", "encode, s/MP", "CPU s/MP", "decode, s/MP", "CPU s/MP"],
             map(dict.values, rows))
