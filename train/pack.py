#!/usr/bin/env python3
"""Put training pictures into packs, files that travel easily: pack.py OUT_PREFIX --sharp DIR --soft DIR ...

  train/pack.py packs/photos --sharp clean --soft photos bsds500 --thumbs thumbs64.tar --rendered rendered

writes packs/photos-00.zip, packs/photos-01.zip ... of at most --mib MiB each. A pack is a zip archive that holds
the picture files themselves, so that each keeps its own quality, as KIND/NAME:

  sharp      good at their own size: all scales. They come first: one pack alone is worth training on
  rendered   text, interfaces, charts and the like (render.py), good at their own size, too
  soft       damaged ones (JPEG, noise), used only at half their size and below
  thumbs     small whole pictures, for the scales at which a whole picture is small

The pictures of a kind are dealt out in an order that depends on their names alone. SOURCE is a folder (searched
with its subfolders), a tar file, or another pack.
"""

import argparse
import hashlib
import io
import os
import pathlib
import tarfile
import zipfile

from PIL import Image

KINDS = ("sharp", "rendered", "soft", "thumbs")
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
HELD_OUT = 24  # one picture in this many is kept for validation, by a hash of its name
ENTRY = 256  # bytes that an archive spends on one entry, at most, but for its name


def held_out(name):
    """Whether a picture of that file name is never trained on."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % HELD_OUT == 0


def is_picture(name):
    return pathlib.PurePath(name).suffix.lower() in SUFFIXES


def files(source, of_packs=None):
    """Yield (name, bytes) for every picture file of a folder, a tar file or a pack; of a pack only those of the kind
    `of_packs`, if one is given."""
    source = pathlib.Path(source)
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if is_picture(path.name):
                yield path.name, path.read_bytes()
    elif zipfile.is_zipfile(source):
        yield from ((name, content) for kind, name, content in packed(source) if of_packs in (None, kind))
    else:
        with tarfile.open(source) as archive:
            for member in archive:
                if member.isfile() and is_picture(member.name):
                    yield pathlib.PurePath(member.name).name, archive.extractfile(member).read()


def packed(path):
    """Yield (kind, name, bytes) for every picture of a pack."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            kind, _, name = member.partition("/")
            if kind not in KINDS or not name:
                raise ValueError(f"{path}: {member} is not a picture of a kind that is known")
            yield kind, name, archive.read(member)


def pictures(source, of_packs=None):
    """Yield (name, PIL image) for every picture of a folder, a tar file or a pack, as `files` does."""
    for name, content in files(source, of_packs):
        yield name, Image.open(io.BytesIO(content))


def dealt(sources):
    """[(kind, name, bytes)] in the order in which packs hold them, from {kind: [source]}."""
    found = []
    for kind in KINDS:
        named = {}
        for source in sources.get(kind, []):
            for name, content in files(source):
                if name in named:
                    raise ValueError(f"{source}: a second picture named {name} of the kind {kind}")
                named[name] = content
        order = sorted(named, key=lambda name: hashlib.sha256(name.encode()).digest())
        found += [(kind, name, named[name]) for name in order]
    return found


def split(found, most):
    """Lists of (kind, name, bytes), each of at most `most` bytes as an archive."""
    packs, size = [], most
    for kind, name, content in found:
        cost = len(content) + 2 * len(f"{kind}/{name}".encode()) + ENTRY
        if cost > most:
            raise ValueError(f"{name} alone is larger than a pack")
        if size + cost > most:
            packs.append([])
            size = 0
        packs[-1].append((kind, name, content))
        size += cost
    return packs


def write(path, found):
    """Write a pack, whole or not at all; the same pictures make the same bytes."""
    part = pathlib.Path(f"{path}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for kind, name, content in found:
            archive.writestr(zipfile.ZipInfo(f"{kind}/{name}"), content)
    os.replace(part, path)


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("prefix", metavar="OUT_PREFIX", help="packs are named OUT_PREFIX-00.zip and so on")
    for kind in KINDS:
        p.add_argument(f"--{kind}", metavar="SOURCE", nargs="*", default=[], help=f"pictures of the kind {kind}")
    p.add_argument("--mib", type=float, default=48, help="largest size of a pack; default: 48")
    args = p.parse_args()
    if not any(getattr(args, kind) for kind in KINDS):
        p.error("no pictures are given")
    return args


def main():
    args = arguments()
    pathlib.Path(args.prefix).parent.mkdir(parents=True, exist_ok=True)
    try:
        packs = split(dealt({kind: getattr(args, kind) for kind in KINDS}), int(args.mib * 2**20))
        for number, found in enumerate(packs):
            path = f"{args.prefix}-{number:02d}.zip"
            write(path, found)
            counts = {kind: sum(1 for k, _, _ in found if k == kind) for kind in KINDS}
            print(f"{path}: {os.path.getsize(path) / 2**20:.1f} MiB, "
                  + ", ".join(f"{count} {kind}" for kind, count in counts.items() if count), flush=True)
    except (OSError, ValueError, tarfile.TarError) as error:
        raise SystemExit(f"pack.py: {error}") from error


if __name__ == "__main__":
    main()
