#!/bin/sh
# Smaller pictures: their sizes, the bytes that they need, and what they are made from.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# Width and height in a PNG header
sides() {
    od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'
}
has_sides() {
    [ "$(sides "$2")" = "$1" ] || fail "$2 has $(sides "$2") pixels, not $1"
}

expect 0 ddpmenc --quiet -q 30 "$data/small.png" a.ddz
expect 0 ddpmdec a.ddz whole.png
for scale in 1/2:24x20 1/4:12x10 1/8:6x5 1/16:3x3 1/64:1x1 1/65536:1x1; do
    expect 0 ddpmdec --scale "${scale%:*}" a.ddz one.png
    has_sides "${scale#*:}" one.png
    divisor=${scale%:*}
    expect 0 ddpmdec --scale "${divisor#1/}" a.ddz two.png
    same one.png two.png
done
for one in 1 1/1; do
    expect 0 ddpmdec -v --scale $one a.ddz one.png
    same one.png whole.png
    grep -q 'decoded exactly' err || fail "no digest: $(cat err)"
done
expect 0 ddpmdec -v --scale 1/2 a.ddz one.png
! grep -q 'decoded exactly' err || fail "a digest of half a picture"

# Within a size: the largest picture that is
for fit in 48x40:48x40 4000x3000:48x40 47x40:24x20 48x39:24x20 24x20:24x20 24x19:12x10 1x1:1x1 65535x1:1x1; do
    expect 0 ddpmdec --fit "${fit%:*}" a.ddz one.png
    has_sides "${fit#*:}" one.png
done
# A picture that is shown turned fits as it is shown; its orientation is said as ever.
{
    head -c 33 "$data/small.png"
    printf '\000\000\000\032eXIfMM\000\052\000\000\000\010\000\001\001\022\000\003\000\000\000\001\000\006\000\000\000\000\000\000\326gKi'
    tail -c +34 "$data/small.png"
} > turned.png
expect 0 ddpmenc --quiet -q 30 turned.png turned.ddz
expect 0 ddpmdec --fit 40x48 turned.ddz one.png
has_sides 48x40 one.png
expect 0 ddpmdec --fit 47x47 turned.ddz one.png
has_sides 24x20 one.png
expect 0 ddpmdec --fit 20x24 turned.ddz one.png
has_sides 24x20 one.png
grep -aq eXIf one.png || fail "no orientation"

# What --info says is enough is, for the pixels, and a byte less is not said to be.
expect 0 ddpmdec --info a.ddz
sed -n 's|^1/\([0-9]*\) .* x [0-9]* *\([0-9]*\)$|\1 \2|p' out > enough
[ "$(wc -l < enough)" -eq 3 ] || fail "not three scales: $(cat enough)"
before=$(size_of a.ddz)
while read -r divisor bytes; do
    [ "$bytes" -lt "$before" ] || fail "$bytes bytes at 1/$divisor, $before at twice the size"
    before=$bytes
    expect 0 ddpmdec --scale 1/"$divisor" a.ddz one.ppm
    head -c "$bytes" a.ddz > cut.ddz
    expect 0 ddpmdec --scale 1/"$divisor" cut.ddz two.ppm
    same one.ppm two.ppm
    "$top_builddir/ddpmdec" --scale 1/"$divisor" - two.ppm < cut.ddz 2> err || fail "a pipe"
    same one.ppm two.ppm
    expect 0 ddpmdec --info cut.ddz
    grep -q "^1/$divisor .* $bytes\$" out || fail "$bytes bytes are not enough for themselves"
    expect 0 ddpmdec --info --bytes $((bytes - 1)) a.ddz
    grep -q "^1/$divisor .* -\$" out || fail "$((bytes - 1)) bytes are said to be enough, too"
done < enough

# No more is read than that, as what never ends shows, unless there are side layers; of a larger file piece by piece.
endless() {
    { cat "$1" && yes; } | "$top_builddir/ddpmdec" --scale "$2" - "$3" 2> err || fail "all is read: $(cat err)"
}
endless a.ddz 1/4 one.ppm
expect 0 ddpmdec --scale 1/4 a.ddz two.ppm
same one.ppm two.ppm
{
    printf 'P6\n360 340\n255\n'
    LC_ALL=C awk 'BEGIN { for (i = 0; i < 367200; i++) printf "%c", 1 + rand() * 254 }'
} > noise.ppm
expect 0 ddpmenc --quiet -e 1 -q 20 noise.ppm noise.ddz
[ "$(size_of noise.ddz)" -gt 100000 ] || fail "noise has $(size_of noise.ddz) bytes"
endless noise.ddz 1/2 one.ppm
expect 0 ddpmdec --info noise.ddz
bytes=$(sed -n 's|^1/2 .* ||p' out)
[ "$bytes" -gt 65536 ] || fail "the first piece is enough: $bytes bytes"
head -c "$bytes" noise.ddz > cut.ddz
expect 0 ddpmdec --scale 1/2 cut.ddz two.ppm
same one.ppm two.ppm

# Alpha, 16 bits, dither, samples, frames
expect 0 ddpmenc --quiet -q 30 "$data/alpha.png" alpha.ddz
expect 0 ddpmdec --scale 1/4 alpha.ddz one.png
has_sides 12x10 one.png
[ "$(od -An -tu1 -j25 -N1 one.png | tr -d ' ')" = 6 ] || fail "alpha is lost"
for options in "--depth 16" --dither "--recon sample --steps 1" "--bits 100"; do
    # shellcheck disable=SC2086
    expect 0 ddpmdec --scale 1/4 $options a.ddz one.png
    has_sides 12x10 one.png
done
expect 0 ddpmdec --scale 1/2 --frames film a.ddz
for frame in film/*; do
    has_sides 24x20 "$frame"
done

for value in '' 0 3 1/3 2/4 1/ /2 1/-2 -2 0.5 1/131072 ' 2' x; do
    expect 1 ddpmdec --scale "$value" a.ddz b.png
done
for value in '' 5 5x x5 0x5 5x0 5x5x5 -1x5 65536x1 '5 x 5'; do
    expect 1 ddpmdec --fit "$value" a.ddz b.png
done
expect 1 ddpmdec --fit 9x9 --scale 1/2 a.ddz b.png
absent b.png
exit 0
