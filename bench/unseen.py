#!/usr/bin/env python3
"""A folder of photographs on which nothing here was trained or chosen, for bench/rd: what Debian's
packages have, at half their size or less, so that their own compression does not count.

  unseen.py FOLDER

Fetches the packages (apt-get download, which needs no rights) and keeps only the pictures; each
package's copyright file is beside them, as PACKAGE.copyright.
"""

import pathlib
import subprocess
import sys
import tempfile

from PIL import Image

LONGER_SIDE = 768
EXAMPLES = "usr/share/doc/opencv-doc/examples/data"
PICTURES = {
    "lomiri-wallpapers-20.04": ("usr/share/backgrounds", [
        "Infinite-Sea_by_Aury88.jpg", "Kleiber_by_Lukas_Baubkus.jpg"]),
    "lxqt-themes": ("usr/share/lxqt/wallpapers", [
        "Butterfly-Kenneth-Wimer.jpg", "Valendas.png", "after-the-rain.jpg", "appleflower.png", "beam.png",
        "butterfly.png", "cloud.png", "drop.png", "flowers.png", "fog.jpg", "this-is-not-windows.jpg"]),
    "opencv-doc": (EXAMPLES, [
        "aloeL.jpg", "apple.jpg", "baboon.jpg", "fruits.jpg", "graf1.png", "leuvenA.jpg", "orange.jpg",
        "squirrel_cls.jpg"]),
    "python3-sklearn": ("usr/lib/python3/dist-packages/sklearn/datasets/images", ["china.jpg", "flower.jpg"]),
}


def fetch(package, scratch):
    """The package's files, unpacked into a folder."""
    root = scratch / package
    root.mkdir()
    subprocess.run(["apt-get", "download", "-qq", package], cwd=root, check=True)
    (archive,) = root.glob("*.deb")
    subprocess.run(["dpkg", "-x", archive.name, "."], cwd=root, check=True)
    return root


def shrink(image):
    scale = min(0.5, LONGER_SIDE / max(image.size))
    return image.convert("RGB").resize([round(side * scale) for side in image.size], Image.LANCZOS)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit("usage: unseen.py FOLDER")
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for package, (folder, names) in PICTURES.items():
            root = fetch(package, pathlib.Path(scratch))
            for name in names:
                shrink(Image.open(root / folder / name)).save(out / (pathlib.Path(name).stem + ".png"))
            notice = (root / "usr/share/doc" / package / "copyright").read_bytes()
            (out / f"{package}.copyright").write_bytes(notice)


if __name__ == "__main__":
    main()
