#!/usr/bin/env bash
# Build, then encode testdata/photo.png and decode it from a few bits and from all of them.
# The pictures are left in the folder `demo`.
#
#   bench/demo.sh [PICTURE.png]
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
picture=$(realpath "${1:-$top/testdata/photo.png}")
"$top/tests/setup.sh" > /dev/null
PATH=$top/build:$PATH
out=$top/demo
mkdir -p "$out"

echo "One file of 1 bit a pixel:"
ddpmenc --bpp 1 "$picture" "$out/whole.ddz"

echo
echo "Any beginning of it is a picture:"
total=$((8 * $(stat -c %s "$out/whole.ddz")))
printf '%10s %10s %10s   %s\n' bits bytes 'PSNR, dB' file
for bits in 200 1000 $((total / 64)) $((total / 16)) $((total / 4)) "$total"; do
    file=$(printf '%s/%07d.png' "$out" "$bits")
    ddpmdec --quiet --bits "$bits" "$out/whole.ddz" "$file"
    printf '%10d %10d %10.2f   %s\n' "$bits" $(((bits + 7) / 8)) \
        "$(ddpmeval --compare "$picture" "$file")" "demo/${file##*/}"
done

echo
echo "The first 200 bits and a guess at the rest, as the model knows pictures:"
ddpmdec --quiet --bits 200 --recon sample "$out/whole.ddz" "$out/0000200-sample.png"
echo "demo/0000200-sample.png"

echo
echo "What files of a given rate cost, and what the theory says they should:"
ddpmeval --quiet --bpp 0.25,0.5,1 "$picture"
