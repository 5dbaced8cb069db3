"""A second decoder, written from ddz.5: slow, for small pictures.

    python3 tests/reference DIRECTORY
    python3 tests/reference MODEL STREAM PNM

The first form checks the golden streams there: digests, and CRC-32 of the pixels and the alpha of whole streams and
prefixes. The second one writes the picture of a stream, or of its beginning: as PPM, PGM or PAM of the exact layer's
depth if that is all there and of the whole picture, else as PPM of 8 bits.
"""
import os
import sys
import zlib

import numpy as np

from chain import Picture
from model import Model
from stream import Stream


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def write(picture, path):
    exact, (h, w, _) = picture.exact, picture.rgb.shape
    if exact and len(exact.rows) == h and exact.coder != 3:
        most, pixels = 2**exact.depth - 1, np.array(exact.rows)
    else:
        most, pixels = 255, picture.rgb8()
    channels = pixels.shape[2]
    head = b"P%d\n%d %d\n%d\n" % (5 if channels == 1 else 6, w, h, most)
    if channels % 2 == 0:
        kind = b"RGB_ALPHA" if channels == 4 else b"GRAYSCALE_ALPHA"
        head = b"P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\nENDHDR\n" % (w, h, channels, most, kind)
    with open(path, "wb") as f:
        f.write(head + pixels.astype(">u2" if most > 255 else ">u1").tobytes())
    if exact:
        print("%d exact rows of %d, by coder %d" % (len(exact.rows), h, exact.coder))


def check(directory):
    model = Model(read(directory, "model.ddm"))
    wrong = 0
    for line in open(os.path.join(directory, "CRC32")):
        name, *sums = line.split()
        data = read(directory, name + ".ddz")
        half = len(data) // 2
        for size, seed, expected in zip((len(data), half, half, 25, 25), (None, None, 1, None, 1), sums):
            picture = Picture(data[:size], model, seed)
            what = "%s of %d bytes of %s" % ("sample" if seed else "mean", size, name)
            crc = "%08X" % zlib.crc32(picture.rgb8().tobytes())
            good = crc == expected and (picture.agrees or size < len(data))
            print("%s: %s, expected %s%s" % (what, crc, expected, "" if good else ": WRONG"))
            wrong += not good
    for line in open(os.path.join(directory, "ALPHA32")):
        name, *sums = line.split()
        data = read(directory, name + ".ddz")
        for size, expected in zip((len(data), 250, 400), sums):
            crc = "%08X" % zlib.crc32(Stream(data[:size], model).alpha().tobytes())
            print("alpha of %d bytes of %s: %s%s" % (size, name, crc, "" if crc == expected else ": WRONG"))
            wrong += crc != expected
    return wrong


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.exit(1 if check(sys.argv[1]) else 0)
    write(Picture(read(sys.argv[2]), Model(read(sys.argv[1]))), sys.argv[3])
