"""A second decoder, written from ddz.5: slow, for small pictures.

    python3 tests/reference DIRECTORY

checks the golden streams there: digests, and CRC-32 of the pixels and the alpha of whole streams and prefixes.
"""
import os
import sys
import zlib

from chain import decode
from model import Model
from stream import Stream


def check(directory):
    model = Model(open(os.path.join(directory, "model.ddm"), "rb").read())
    wrong = 0
    for line in open(os.path.join(directory, "CRC32")):
        name, *sums = line.split()
        data = open(os.path.join(directory, name + ".ddz"), "rb").read()
        half = len(data) // 2
        for size, seed, expected in zip((len(data), half, half, 25, 25), (None, None, 1, None, 1), sums):
            rgb, agrees = decode(data[:size], model, seed)
            crc = "%08X" % zlib.crc32(rgb.tobytes())
            good = crc == expected and (agrees or size < len(data))
            what = "%s of %d bytes of %s" % ("sample" if seed else "mean", size, name)
            print("%s: %s, expected %s%s" % (what, crc, expected, "" if good else ": WRONG"))
            wrong += not good
    for line in open(os.path.join(directory, "ALPHA32")):
        name, *sums = line.split()
        data = open(os.path.join(directory, name + ".ddz"), "rb").read()
        for size, expected in zip((len(data), 250, 400), sums):
            crc = "%08X" % zlib.crc32(Stream(data[:size], model).alpha().tobytes())
            print("alpha of %d bytes of %s: %s%s" % (size, name, crc, "" if crc == expected else ": WRONG"))
            wrong += crc != expected
    return wrong


if __name__ == "__main__":
    sys.exit(1 if check(sys.argv[1]) else 0)
