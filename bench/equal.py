"""What a codec makes of a picture at a given number of bytes: for the page and for comparison.py."""

import os
import pathlib
import tempfile
import typing

import metrics
from coders import CodecError, encode_near


class Shown(typing.NamedTuple):
    """A decoded file."""

    rgb: object  # uint8 (height, width, 3)
    psnr: float
    ms_ssim: float


def bytes_at(rate, rgb):
    """Bytes of a file of `rate` bits a pixel."""
    return round(rate * rgb.shape[0] * rgb.shape[1] / 8)


def decode(codec, file, original):
    """(bytes of the file, what its decoder shows, held to the array `original`)"""
    with tempfile.TemporaryDirectory() as folder:
        png = pathlib.Path(folder) / "decoded.png"
        codec.decode(file, png)
        rgb = metrics.load_rgb(png)
    return os.path.getsize(file), Shown(rgb, metrics.psnr(original, rgb), metrics.ms_ssim(original, rgb))


def at_bytes(codec, png, size):
    """`png` at the setting whose file comes closest to `size` bytes."""
    with tempfile.TemporaryDirectory() as folder:
        return decode(codec, encode_near(codec, png, size, pathlib.Path(folder)), metrics.load_rgb(png))


def preview(codec, png):
    """`png` through a codec that knows one size only."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / f"x{codec.suffix}"
        codec.encode(png, file, codec.settings[0])
        return decode(codec, file, metrics.load_rgb(png))


def cut(codec, png, size, lengths):
    """One file of about `size` bytes, cut to each of `lengths` and whole: [(bytes, Shown, or None
    where the decoder shows nothing)]."""
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(encode_near(codec, png, size, pathlib.Path(folder)))
        stream, original, shown = whole.read_bytes(), metrics.load_rgb(png), []
        for length in [n for n in lengths if n < len(stream)] + [len(stream)]:
            part = whole.with_name("part" + codec.suffix)
            part.write_bytes(stream[:length])
            try:
                shown.append(decode(codec, part, original))
            except CodecError:
                shown.append((length, None))
    return shown
