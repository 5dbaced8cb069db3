"""The codecs that bench/rd compares, each driven through its own programs.

Every encoder gets the same samples in a bare file: 8-bit RGB, no gAMA, ICC profile, Exif or alpha.
Programs disagree on what those mean (OpenJPEG applies gAMA, which the Kodak pictures carry; others
copy a profile into their file), and it is samples that are measured. What varies from one point of a
codec's curve to the next is its `setting`: the options that say so.
"""

import copy
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile

import numpy as np
from PIL import Image

import metrics

BENCH = pathlib.Path(__file__).resolve().parent
CUTS = [25 * 2**i for i in range(20)]  # bytes at which files are cut
BPP = (0.1, 0.25, 0.5, 1, 2)  # of codecs that are told a size
# All of the scale of quality: on held-out photographs, PCHIP between these settings errs by 0.03 dB where it errs most.
# Two sizes at the ends, for pictures that even the lowest quality gives more than 0.25 bits a pixel, or the highest one
# less than 2. -q 100 has no loss.
DDZ_SETTINGS = ["--bpp 0.1", *(f"-q {q}" for q in (0, 10, 20, 30, 42, 60, 80, 99)), "--bpp 2"]


class CodecError(OSError):
    """A program is missing, or failed: one line."""


def run(command, allowed=(0,)):
    """CPU seconds, user and system, of a command that ends with an allowed status."""
    with tempfile.TemporaryFile() as output:
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        except OSError as error:
            raise CodecError(f"{command[0]}: {error.strerror}") from error
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in allowed:
            output.seek(0)
            said = output.read().decode(errors="replace").strip().splitlines() or ["no message"]
            raise CodecError(f"{pathlib.Path(command[0]).name}: status {child.returncode}: {said[-1]}")
    return usage.ru_utime + usage.ru_stime


class Codec:
    """Programs with templates of their commands: {in}, {out} and {setting}.

    settings    one for each point of the curve, from small files to large
    scale       (low, high, kind, text) of the setting that encode_near varies, from small files to
                large; kind: "int", "linear", "log" (steps by a factor) or "bytes" (hit exactly)
    takes       what the encoder reads: ".png" or ".ppm"
    gives       what the decoder writes
    asks        command whose output has the version, as `pattern` finds it
    """

    def __init__(self, name, label, suffix, *, encode, decode, settings, scale=None, takes=".png",
                 gives=".png", asks=None, pattern=None, statuses=(0,)):
        self.name, self.label, self.suffix = name, label, suffix
        self.encode_template, self.decode_template = encode.split(), decode.split()
        self.settings, self.scale, self.takes, self.gives = settings, scale, takes, gives
        self.asks, self.pattern, self.statuses = asks, pattern, statuses

    @property
    def continuous(self):
        """(low, high, kind) of the scale of encode_near; None for a codec of one size."""
        return self.scale and self.scale[:3]

    def program(self, name):
        """What to run for the name that a template begins with, or None."""
        return shutil.which(name)

    def missing(self):
        """Names of its programs that are not installed."""
        return [name for name in (self.encode_template[0], self.decode_template[0]) if not self.program(name)]

    @functools.cache
    def version(self):
        text = subprocess.run(shlex.split(self.asks), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False).stdout
        return " ".join(re.search(self.pattern, text).groups())

    @staticmethod
    def fill(template, source, out, setting=""):
        values = {"{in}": [source], "{out}": [out], "{setting}": setting.split()}
        return [part for word in template for part in values.get(word, [word])]

    def encode_command(self, setting):
        return shlex.join(self.fill(self.encode_template, f"in{self.takes}", f"out{self.suffix}", setting))

    def decode_command(self):
        return shlex.join(self.fill(self.decode_template, f"in{self.suffix}", f"out{self.gives}"))

    def run(self, command, statuses=(0,)):
        return run([self.program(command[0]) or command[0], *command[1:]], statuses)

    def encode(self, png, out, setting):
        """Write `out`; CPU seconds of the encoder."""
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / f"in{self.takes}"
            Image.fromarray(self.prepare(png, out)).save(source, compress_level=1)
            return self.run(self.fill(self.encode_template, str(source), str(out), setting))

    def decode(self, file, png):
        """Write what the decoder shows of a file as `png`; CPU seconds of the decoder."""
        with tempfile.TemporaryDirectory() as folder:
            shown = pathlib.Path(folder) / f"out{self.gives}"
            command = self.fill(self.decode_template, str(file), str(shown))
            seconds = self.run(command + self.decode_options(file), self.statuses)
            try:
                self.present(file, metrics.load_rgb(shown)).save(png, compress_level=1)
            except OSError as error:
                raise CodecError(f"{self.decode_template[0]}: wrote no picture") from error
        return seconds

    def prepare(self, png, out):
        return metrics.load_rgb(png)

    def decode_options(self, file):
        return []

    def present(self, file, rgb):
        return Image.fromarray(rgb)

    def setting_at(self, position):
        """Setting at a position from 0 (small files) to 1 of the scale."""
        low, high, kind, text = self.scale
        value = low * (high / low) ** position if kind == "log" else low + position * (high - low)
        return text(round(value)) if kind == "int" else text(f"{value:.5g}")


class Ddz(Codec):
    """Its programs are looked for in `folder` (a build tree) first, then on the PATH."""

    folder = BENCH.parent / "build"

    def program(self, name):
        return shutil.which(name, path=self.folder) or shutil.which(name)

    @functools.cache
    def version(self):
        """Of the program, and what else its files depend on: the model, and in a build tree, where a
        version number stands for many builds, the programs' bytes."""
        with tempfile.TemporaryDirectory() as folder:
            stream = pathlib.Path(folder) / "x.ddz"
            self.encode(BENCH.parent / "testdata" / "3x5.png", stream, "--bytes 100")
            number = re.search(r"ddpmdec (\S+)", self.ask("--version"))[1]
            model = re.search(r"this model\s+([0-9a-f]+)", self.ask("--info", stream))[1]
        return f"{number}, model {model}, build {self.build()}"

    def ask(self, *words):
        command = [self.program("ddpmdec"), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def build(self):
        digest = hashlib.sha256()
        for name in ("ddpmenc", "ddpmdec"):
            program = pathlib.Path(self.program(name)).resolve()
            parts = sorted(program.parent.glob(".libs/libddz.so*")) + [program.parent / ".libs" / name]
            for path in [path for path in parts if path.is_file()] or [program]:
                digest.update(path.read_bytes())
        return digest.hexdigest()[:8]


def ddz(name, label, options):
    return Ddz(name, label, ".ddz", encode=f"ddpmenc --quiet --threads 1{options} {{setting}} {{in}} {{out}}",
               decode="ddpmdec --quiet --threads 1 {in} {out}", settings=DDZ_SETTINGS,
               scale=(25, 2**31, "bytes", "--bytes {}".format))


class Placeholder(Codec):
    """A hash of a few pixels' worth. It does not hold the picture's size, which a page that uses it
    knows from elsewhere: so does its decoder here, from a file beside it that does not count."""

    MOST = 100  # pixels a side that the encoders take

    def program(self, name):
        return str(BENCH / name)

    def missing(self):
        package = BENCH / "node_modules" / self.name
        absent = [] if shutil.which("node") else ["node"]
        return absent if package.is_dir() else absent + [f"{self.name} in bench/node_modules"]

    @functools.cache
    def version(self):
        package = BENCH / "node_modules" / self.name / "package.json"
        return json.loads(package.read_text(encoding="utf-8"))["version"]

    def prepare(self, png, out):
        rgb = super().prepare(png, out)
        h, w = rgb.shape[:2]
        pathlib.Path(f"{out}.size").write_text(f"{w} {h}", encoding="utf-8")
        small = [max(1, round(side * min(1, self.MOST / max(w, h)))) for side in (w, h)]
        return np.asarray(Image.fromarray(rgb).resize(small, Image.BOX))

    def present(self, file, rgb):
        w, h = map(int, pathlib.Path(f"{file}.size").read_text(encoding="utf-8").split())
        return Image.fromarray(rgb).resize((w, h), Image.BICUBIC)


def placeholder(name, label):
    command = f"hashes.mjs {name} {{}} {{{{in}}}} {{{{out}}}}".format
    return Placeholder(name, label, f".{name}", encode=command("encode"), decode=command("decode"),
                       settings=[""], takes=".ppm", gives=".ppm")


# 4:2:0, cjpeg's default, makes the better files up to quality 75 to 90, by picture, 4:4:4 beyond: the
# curve has points of both, and where the scale goes over from one to the other, sizes are alike.
JPEG_420, JPEG_444 = "-quality {} -sample 2x2".format, "-quality {} -sample 1x1".format
JPEG_SCALE = [JPEG_420(q) for q in range(1, 88)] + [JPEG_444(q) for q in range(80, 101)]
JPEG_POINTS = [JPEG_420(q) for q in (6, 12, 20, 35, 55, 75, 85)] + [JPEG_444(q) for q in (84, 91, 95)]
# Partial files are let in: that changes nothing for whole ones.
JP2 = {
    # The bare codestream, without the boxes of a .jp2, which would be 85 bytes more.
    "suffix": ".j2k", "takes": ".ppm",
    "encode": "opj_compress -I {setting} -i {in} -o {out}",
    "decode": "opj_decompress -allow-partial -i {in} -o {out}",
    "asks": "opj_compress -h", "pattern": r"openjp2 library v(\d\S*\d)",
}


class Layered(Codec):
    """JPEG 2000 for files that are cut: quality layers end where cuts are made, and only layers that
    are whole are decoded. OpenJPEG's decoder takes what it has of the next one for all of it, and
    shows noise. The layers cost 0.05 dB."""

    ENDS = [end for end in CUTS if end >= 100]  # the headers alone take more than any below
    MARGIN = 1.01  # layers end a little before, for they are not exact

    def encode(self, png, out, setting):
        samples, ratio = metrics.load_rgb(png).size, float(setting.split()[1])
        inner = [self.MARGIN * samples / end for end in self.ENDS]
        ratios = [f"{value:.6g}" for value in inner if value > 1.1 * ratio] + [f"{ratio:g}"]
        return super().encode(png, out, f"-r {','.join(ratios)}")

    def decode_options(self, file):
        data = pathlib.Path(file).read_bytes()
        if data.endswith(b"\xff\xd9"):  # end of codestream
            return []
        return ["-l", str(sum(end <= len(data) for end in self.ENDS))]


def jxl(name, label, options):
    return Codec(name, label, ".jxl",
                 encode=f"cjxl --quiet --num_threads=0{options} {{setting}} {{in}} {{out}}",
                 decode="djxl --quiet --num_threads=1 --allow_partial_files {in} {out}",
                 settings=[f"-d {d}" for d in (25, 13, 8, 5, 3.2, 2, 1.2, 0.6, 0.35)],
                 scale=(25, 0.03, "log", "-d {}".format), asks="cjxl --version", pattern=r"v(\d\S+)")


CODECS = {codec.name: codec for codec in (
    ddz("ddz", "ddz", ""),
    ddz("ddz-small", "ddz, small model", " --model small"),
    Codec("jpeg", "JPEG (progressive)", ".jpg",
          encode="cjpeg -progressive -optimize {setting} -outfile {out} {in}",
          decode="djpeg -outfile {out} {in}", settings=JPEG_POINTS, takes=".ppm", gives=".ppm",
          scale=(0, len(JPEG_SCALE) - 1, "int", JPEG_SCALE.__getitem__), asks="cjpeg -version",
          pattern=r"(libjpeg-turbo) version (\S+)", statuses=(0, 2)),  # 2: with a warning, that it was cut
    Codec("webp", "WebP", ".webp", encode="cwebp -quiet -m 6 {setting} {in} -o {out}",
          decode="dwebp -quiet {in} -o {out}", settings=[f"-q {q}" for q in (0, 5, 15, 32, 55, 75, 86, 94, 98)],
          scale=(0, 100, "linear", "-q {}".format), asks="cwebp -version", pattern=r"(\d\S+)"),
    jxl("jxl", "JPEG XL", ""),
    # With cjxl 0.7, -p alone writes the same file as without it; the DC option is the one that works.
    jxl("jxl-progressive", "JPEG XL progressive", " -p --progressive_dc=1"),
    Codec("avif", "AVIF 4:4:4", ".avif", encode="avifenc -s 6 -j 1 -y 444 {setting} {in} {out}",
          decode="avifdec -j 1 {in} {out}",
          settings=[f"--min {q} --max {q}" for q in (60, 55, 49, 42, 34, 26, 18, 11, 5)],
          scale=(63, 0, "int", "--min {0} --max {0}".format), asks="avifenc --version",
          pattern=r"Version: (\d\S+) .*(aom) \[enc/dec\]:(\S+?)[,)]"),
    # The encoder's tuning, SSIM, is left as it is: for PSNR, it would gain 0.3 dB at 2 bits a pixel and
    # nothing below 0.8.
    Codec("heic", "HEIC 4:4:4", ".heic", encode="heif-enc -p chroma=444 {setting} {in} -o {out}",
          decode="heif-convert {in} {out}", settings=[f"-q {q}" for q in (8, 15, 24, 33, 42, 51, 59, 66, 74)],
          scale=(0, 100, "int", "-q {}".format), asks="sh -c 'heif-enc -h; heif-enc --list-encoders'",
          pattern=r"(?s)(libheif) version: (\S+).*(x265) HEVC encoder \(([^)]+)\)"),
    Codec("jp2", "JPEG 2000", settings=[f"-r {24 / rate:.4g}" for rate in (*BPP, 2.5)],
          scale=(5000, 2, "log", "-r {}".format), **JP2),
    placeholder("thumbhash", "ThumbHash"),
    placeholder("blurhash", "BlurHash"),
)}

def exact(codec, encode):
    """The same codec without loss, by another command of its encoder."""
    same = copy.copy(codec)
    same.encode_template, same.settings, same.scale = encode.split(), [""], None
    return same


# The smallest files that the programs make without loss, by the names of CODECS.
LOSSLESS = {name: exact(CODECS[name], encode) for name, encode in {
    "ddz": "ddpmenc --quiet --threads 1 --lossless {setting} {in} {out}",
    "ddz-small": "ddpmenc --quiet --threads 1 --lossless --model small {setting} {in} {out}",
    "webp": "cwebp -quiet -lossless -z 9 -m 6 {in} -o {out}",
    "jxl": "cjxl --quiet --num_threads=0 -d 0 -e 9 {in} {out}",
}.items()}

# Those whose files can be cut, as they are best set up for that.
PROGRESSIVE = {name: CODECS[name] for name in ("ddz", "jpeg", "jxl-progressive")}
PROGRESSIVE["jp2"] = Layered("jp2", "JPEG 2000", settings=[], scale=(5000, 2, "log", "-r {}".format), **JP2)

TRIES = 12  # of encode_near
CLOSE, OVER = 0.002, 0.01  # relative distance to the target that will do at once; most it may be exceeded


def encode_near(codec, png, target_bytes, folder):
    """File in `folder` whose size is nearest to `target_bytes` of those that exceed it by 1 % at most:
    by bisection over the codec's scale. If even the smallest exceeds it, that one."""
    if codec.scale[2] == "bytes":
        file = pathlib.Path(folder) / f"near{codec.suffix}"
        codec.encode(png, file, codec.scale[3](target_bytes))
        return file
    made = {}
    low, high = 0.0, 1.0
    for _ in range(TRIES):
        middle = (low + high) / 2
        setting = codec.setting_at(middle)
        if setting not in made:
            file = pathlib.Path(folder) / f"near{len(made)}{codec.suffix}"
            codec.encode(png, file, setting)
            made[setting] = (os.path.getsize(file), file)
        size = made[setting][0]
        if abs(size / target_bytes - 1) < CLOSE:
            break
        low, high = (low, middle) if size > target_bytes else (middle, high)
    fitting = [entry for entry in made.values() if entry[0] <= target_bytes * (1 + OVER)]
    if fitting:
        return min(fitting, key=lambda entry: abs(entry[0] - target_bytes))[1]
    return min(made.values())[1]
