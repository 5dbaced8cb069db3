"""Measurements of files, each kept in a cache so that it is made once.

What a measurement depends on makes its key: the picture's bytes, the codec, its version and its
command lines. A new version of anything is measured anew, and a run that was stopped goes on.
"""

import hashlib
import json
import math
import os
import pathlib
import tempfile

import metrics

COLUMNS = ("codec,setting,picture,width,height,bytes,bpp,psnr,ssim,ms_ssim,ssimulacra2,butteraugli,encode_s,decode_s,"
           "version,encode_command,decode_command").split(",")


class Cache:
    """Files by key in a folder; each is there whole or not at all."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def key(*parts):
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]

    def path(self, key, suffix):
        return self.folder / f"{key}{suffix}"

    def notes(self, key):
        path = self.path(key, ".json")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def write_notes(self, key, notes):
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            part = pathlib.Path(folder) / "notes"
            part.write_text(json.dumps(notes), encoding="utf-8")
            os.replace(part, self.path(key, ".json"))


def content(png):
    return hashlib.sha256(pathlib.Path(png).read_bytes()).hexdigest()


def number(value):
    """Text of a field; empty where there is no number."""
    return "" if value is None or math.isnan(value) else f"{value:.6g}"


class Meter:
    """Measures pictures with the metrics of the given names."""

    def __init__(self, cache, names):
        self.cache, self.names = cache, names

    def compare(self, original, file, codec, names):
        """({metric: value} of what the decoder shows, its CPU seconds)"""
        with tempfile.TemporaryDirectory(dir=self.cache.folder) as folder:
            png = pathlib.Path(folder) / "decoded.png"
            seconds = codec.decode(file, png)
            shown = metrics.load_rgb(png)
        if shown.shape != original.shape:
            raise OSError(f"{codec.name} decodes to {shown.shape[1]} x {shown.shape[0]} pixels")
        return {name: metrics.METRICS[name](original, shown) for name in names}, seconds

    def key(self, codec, setting, png):
        return self.cache.key(content(png), codec.name, codec.version(), codec.encode_command(setting),
                              codec.decode_command())

    def encoded(self, codec, setting, png):
        """(file, notes with the encoder's CPU seconds), made if not there."""
        key = self.key(codec, setting, png)
        file, notes = self.cache.path(key, codec.suffix), self.cache.notes(key)
        if notes is None or not file.exists():
            with tempfile.TemporaryDirectory(dir=self.cache.folder) as folder:
                made = pathlib.Path(folder) / f"made{codec.suffix}"
                notes = {"encode_s": codec.encode(png, made, setting)}
                for path in pathlib.Path(folder).iterdir():  # a placeholder's size comes along
                    os.replace(path, f"{file}{path.name[len(made.name):]}")
            self.cache.write_notes(key, notes)
        return file, notes

    def exact_row(self, codec, png):
        """One row of lossless.csv, of a codec that has no loss."""
        row = self.row(codec, "", png)
        if row["psnr"] != "inf":
            raise OSError(f"{codec.name} decodes to other samples: PSNR {row['psnr']} dB")
        return row

    def row(self, codec, setting, png):
        """One row of results.csv."""
        file, notes = self.encoded(codec, setting, png)
        original = metrics.load_rgb(png)
        missing = [name for name in self.names if name not in notes]
        if missing or "decode_s" not in notes:
            found, seconds = self.compare(original, file, codec, missing)
            notes = {"decode_s": seconds, **notes, **found}
            self.cache.write_notes(self.key(codec, setting, png), notes)
        h, w = original.shape[:2]
        size = os.path.getsize(file)
        values = [notes[name] if name in self.names else None for name in metrics.METRICS]
        return dict(zip(COLUMNS, [
            codec.name, setting, png.stem, w, h, size, number(8 * size / (w * h)), *map(number, values),
            f"{notes['encode_s']:.3f}", f"{notes['decode_s']:.3f}", codec.version(),
            codec.encode_command(setting), codec.decode_command()]))
