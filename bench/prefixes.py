"""Files cut short: what the beginning of one file shows.

One file of about 1 bit a pixel of each codec; those of progressive codecs are cut at the same numbers
of bytes, and decoded where their decoder shows anything at all.
"""

import os
import pathlib
import tempfile

import coders
import metrics
from measure import Cache, content, number

COLUMNS = "codec,picture,bytes,whole,psnr,ms_ssim".split(",")
BPP = 1
METRICS = ("psnr", "ms_ssim")


def setup(name):
    """The codec of that name as it makes files to be cut, and whether it does."""
    return coders.PROGRESSIVE.get(name, coders.CODECS[name]), name in coders.PROGRESSIVE


def measured(meter, codec, original, file):
    """[bytes, PSNR, MS-SSIM] of a file; without the metrics if the decoder shows nothing."""
    try:
        found, _ = meter.compare(original, file, codec, METRICS)
    except coders.CodecError:
        found = dict.fromkeys(METRICS)
    return [os.path.getsize(file), *(found[name] for name in METRICS)]


def walk(meter, codec, png, cut):
    """`measured` of each beginning (if `cut`), then of the whole file, which must decode."""
    original = metrics.load_rgb(png)
    target = round(BPP * original.shape[0] * original.shape[1] / 8)
    found = []
    with tempfile.TemporaryDirectory(dir=meter.cache.folder) as folder:
        whole = coders.encode_near(codec, png, target, folder)
        stream = whole.read_bytes()
        for length in [n for n in coders.CUTS if n < len(stream)] if cut else []:
            part = pathlib.Path(folder) / f"part{codec.suffix}"
            part.write_bytes(stream[:length])
            found.append(measured(meter, codec, original, part))
        quality, _ = meter.compare(original, whole, codec, METRICS)
    return found + [[len(stream), *(quality[name] for name in METRICS)]]


def rows(meter, name, png):
    """Rows of prefixes.csv for one codec and picture, from the cache if they are there."""
    codec, cut = setup(name)
    depends = [codec.version(), type(codec).__name__, codec.decode_command(),
               *(codec.encode_command(codec.setting_at(position)) for position in (0, 1))]
    key = Cache.key("prefixes", content(png), name, depends, coders.CUTS, BPP)
    found = meter.cache.notes(key)
    if found is None:
        found = walk(meter, codec, png, cut)
        meter.cache.write_notes(key, found)
    whole = len(found) - 1
    return [dict(zip(COLUMNS, [name, png.stem, size, int(i == whole), number(psnr), number(ms_ssim)]))
            for i, (size, psnr, ms_ssim) in enumerate(found)]
