#!/bin/sh
# A second decoder, which follows ddz.5 and shares no code with the first, on the golden streams and on exact layers.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"
# shellcheck source=tests/python.sh
. "$top_srcdir/tests/python.sh"
find_python numpy
need_zstd

reference() { "$python" "$top_srcdir/tests/reference" "$@"; }
reference "$top_srcdir/tests/golden" || fail "golden streams"

# Pictures of waves and noise: file, PNM's kind, width, height, samples of a pixel, white, and how much of it is noise.
"$python" - << 'END'
import math, random

def draw(name, kind, w, h, channels, white, noise):
    random.seed(w)
    head = "P%d\n%d %d\n%d\n" % (kind, w, h, white)
    if kind == 7:
        head = "P7\nWIDTH %d\nHEIGHT %d\nDEPTH 4\nMAXVAL %d\nTUPLTYPE RGB_ALPHA\nENDHDR\n" % (w, h, white)
    with open(name, "wb") as f:
        f.write(head.encode())
        for y in range(h):
            for x in range(w):
                for c in range(4):
                    v = 0.5 + 0.3 * math.sin(x / 5 + c) + 0.15 * math.cos((y - x) / 3) + random.gauss(0, noise)
                    if c < channels:
                        f.write(int(white * (v % 1)).to_bytes(2 if white > 255 else 1, "big"))

draw("rgb.ppm", 6, 35, 14, 3, 255, 0.01)
draw("grey.pgm", 5, 33, 7, 1, 255, 0.01)
draw("deep.ppm", 6, 11, 7, 3, 65535, 0.01)
draw("alpha.pam", 7, 11, 7, 4, 65535, 0.01)
draw("noise.ppm", 6, 7, 6, 3, 255, 10)

# Boxes that repeat, a slope and some dots, in the kinds that the coder of graphics takes
def paint(name, head, w, h, channels, white):
    random.seed(w)
    with open(name, "wb") as f:
        f.write(head.encode())
        for y in range(h):
            for x in range(w):
                for c in range(channels):
                    v = [white, white // 3, white // 5, 7 * white // 8][((x // 5) * (y // 7) + c) % 4]
                    if x > 2 * w // 3:
                        v = white * (3 * x + 2 * y + c * x) // (8 * (w + h))
                    if random.random() < 0.02:
                        v = random.randrange(white + 1)
                    f.write(v.to_bytes(2 if white > 255 else 1, "big"))

pam = "P7\nWIDTH %d\nHEIGHT %d\nDEPTH 4\nMAXVAL 65535\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
paint("boxes.ppm", "P6\n31 24\n255\n", 31, 24, 3, 255)
paint("boxes.pgm", "P5\n30 21\n65535\n", 30, 21, 1, 65535)
paint("boxes.pam", pam % (17, 16), 17, 16, 4, 65535)
END

DDZ_MODEL=$top_srcdir/models/small.ddm

# exact PICTURE PNM CODER [OPTION ...]: the picture comes back, as this PNM, by that coder.
exact() {
    picture=$1 pnm=$2 coder=$3
    shift 3
    expect 0 ddpmenc --quiet -f -e 1 --lossless "$@" "$picture" exact.ddz
    expect 0 reference "$DDZ_MODEL" exact.ddz out.pnm
    grep -q "by coder $coder" out || fail "$picture has another coder"
    same "$pnm" out.pnm
}
exact grey.pgm grey.pgm 0 -q 40
exact deep.ppm deep.ppm 0 --bytes 60 # the chain ends at a coarser scale
exact deep.ppm deep.ppm 0 -q 40
exact alpha.pam alpha.pam 0 -q 40
exact noise.ppm noise.ppm 2
exact boxes.pam boxes.pam 1
exact boxes.pgm boxes.pgm 1

# Of a part of the layer both decoders know as many rows, and what is below is the estimate.
cuts() {
    picture=$1
    size=$(size_of exact.ddz)
    for cut in $((size - 6)) $((size - 150)) $((size - 300)); do
        head -c $cut exact.ddz > cut.ddz
        expect 0 reference "$DDZ_MODEL" cut.ddz ours.ppm
        cat out
        expect 0 ddpmdec --quiet -f cut.ddz theirs.ppm
        same ours.ppm theirs.ppm
        differ ours.ppm "$picture"
    done
}
exact boxes.ppm boxes.ppm 1
cuts boxes.ppm
exact rgb.ppm rgb.ppm 0 -q 70
cuts rgb.ppm

# Within an error, and behind a stream that was not exact
expect 0 ddpmenc --quiet -f -e 1 --max-error 3 -q 70 rgb.ppm near.ddz
expect 0 ddpmenc --quiet -f -e 1 -q 70 rgb.ppm appended.ddz
expect 0 ddpmenc --quiet --append rgb.ppm appended.ddz
for stream in near appended; do
    expect 0 reference "$DDZ_MODEL" $stream.ddz ours.ppm
    grep -q "by coder 0" out || fail "$stream has another coder"
    expect 0 ddpmdec --quiet -f $stream.ddz theirs.ppm
    same ours.ppm theirs.ppm
done
