"""Damaged files, and what decoders show of them, for bench/damage."""

import copy
import math
import pathlib
import random
import signal
import subprocess
import tempfile

from PIL import Image

import coders
import metrics

SHOWN, REFUSED, CRASHED, SLOW, SIZE = OUTCOMES = ("shown", "refused", "crashed", "slow", "size")
COLUMNS = ("codec", "picture", "bytes", "flips", "trial", "outcome", "psnr")
# The option with which a decoder shows as much as it can; djpeg warns and shows, and dwebp has none.
IGNORE_DIGEST = "ddpmdec --quiet --threads 1 --ignore-digest {in} {out}"
DECODERS = {
    "ddz": IGNORE_DIGEST, "ddz-small": IGNORE_DIGEST,
    "avif": "avifdec -j 1 --no-strict {in} {out}",
}
RESTARTS = "cjpeg -optimize -restart 1 {setting} -outfile {out} {in}"  # a marker a row of blocks
MEMORY = 4 << 30  # bytes that a decoder may take
TIMED_OUT = 124  # status of timeout(1)
LIMIT_SIGNALS = {signal.SIGKILL, signal.SIGXCPU}
CRASH_SIGNALS = {signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGTRAP}
PATIENCE = 20  # a busy machine is no failure of a decoder's


class Failure(coders.CodecError):
    """A decoder that shows nothing; `outcome` says how it ended."""

    def __init__(self, outcome):
        super().__init__(outcome)
        self.outcome = outcome


# ---- Codecs ---------------------------------------------------------------------------------------


def codecs():
    """{name: codec} as coders.py has them, JPEG with restarts, and decoders as lenient as they can be."""
    found = {name: copy.copy(coders.CODECS[name]) for name in ("ddz", "ddz-small", "jpeg")}
    restarts = found["jpeg-restart"] = copy.copy(coders.CODECS["jpeg"])
    restarts.name, restarts.label = "jpeg-restart", "JPEG (baseline, restarts)"
    restarts.encode_template = RESTARTS.split()
    found.update((name, copy.copy(coders.CODECS[name])) for name in ("webp", "jxl", "avif", "jp2"))
    for name, command in DECODERS.items():
        found[name].decode_template = command.split()
    return found


def limited(codec, seconds):
    """The codec with its decoder held to `seconds` processor seconds, PATIENCE times that by the clock, and MEMORY;
    its failures tell their outcome."""
    made = copy.copy(codec)

    def run(command, statuses=(0,)):
        limits = ["timeout", "--kill-after=5", str(PATIENCE * seconds),
                  "prlimit", f"--cpu={seconds}", f"--as={MEMORY}", "--core=0"]
        status = subprocess.run([*limits, codec.program(command[0]), *command[1:]], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
        signalled = -status if status < 0 else status - 128  # as timeout passes it on, and as a shell does
        if status == TIMED_OUT or signalled in LIMIT_SIGNALS:
            raise Failure(SLOW)
        if signalled in CRASH_SIGNALS:
            raise Failure(CRASHED)
        if status not in statuses:
            raise Failure(REFUSED)

    made.run = run
    return made


# ---- Damage ---------------------------------------------------------------------------------------


def flip(data, count, skip, seed):
    """`data` with `count` different bits flipped, none of them in its first `skip` of 1. The same seed
    always chooses the same."""
    first = 8 * math.ceil(skip * len(data))
    if count > 8 * len(data) - first:
        raise coders.CodecError(f"a file of {len(data)} bytes has no {count} bits to flip")
    out = bytearray(data)
    for bit in random.Random(seed).sample(range(first, 8 * len(data)), count):
        out[bit // 8] ^= 0x80 >> bit % 8
    return bytes(out)


def show(codec, data, original):
    """(outcome, PSNR of what the decoder shows of `data`, or None)"""
    with tempfile.TemporaryDirectory() as folder:
        file, png = pathlib.Path(folder) / f"damaged{codec.suffix}", pathlib.Path(folder) / "shown.png"
        file.write_bytes(data)
        try:
            codec.decode(file, png)
            rgb = metrics.load_rgb(png)
        except Failure as failure:
            return failure.outcome, None
        except coders.CodecError:
            return REFUSED, None
        except (ValueError, Image.DecompressionBombError):  # of a picture beyond all measure
            return SIZE, None
    if rgb.shape != original.shape:
        return SIZE, None
    return SHOWN, metrics.psnr(original, rgb)


def trials(codec, picture, args):
    """Rows of damage.csv for one codec and picture: the whole file, then each number of flips."""
    original = metrics.load_rgb(picture)
    size = round(args.bpp * original.shape[0] * original.shape[1] / 8)
    with tempfile.TemporaryDirectory() as folder:
        data = coders.encode_near(codec, picture, size, pathlib.Path(folder)).read_bytes()
    decoder = limited(codec, args.seconds)
    found = []
    for flips in (0, *args.flips):
        for trial in range(args.trials if flips else 1):
            seed = f"{args.seed} {codec.name} {picture.stem} {flips} {trial}"
            outcome, psnr = show(decoder, flip(data, flips, args.skip, seed), original)
            found.append(dict(zip(COLUMNS, [codec.name, picture.stem, len(data), flips, trial, outcome, psnr])))
    return found


# ---- Summary --------------------------------------------------------------------------------------


def quantile(values, share):
    """The smallest of the values that `share` of them do not exceed; None, a failure, is the lowest."""
    ordered = sorted(values, key=lambda value: -math.inf if value is None else value)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summary(rows):
    """{(codec, flips): (share shown, median PSNR, 10th percentile)}; None where that is a failure."""
    groups = {}
    for row in rows:
        groups.setdefault((row["codec"], row["flips"]), []).append(row["psnr"])
    return {key: (sum(value is not None for value in values) / len(values), quantile(values, 0.5),
                  quantile(values, 0.1)) for key, values in groups.items()}
