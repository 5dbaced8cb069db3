#!/bin/sh
# 16 bits go in and come out, and 8 bits can be dithered.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# Bits of a sample in a PNG header, and its colour type: 0 is grey, 2 RGB, 4 grey and alpha, 6 RGBA.
depth() {
    od -An -tu1 -j24 -N1 "$1" | tr -d ' '
}
colour_type() {
    od -An -tu1 -j25 -N1 "$1" | tr -d ' '
}
compares_to() {
    expect 0 ddpmeval --compare "$1" "$2"
    cat out
}

# 16-bit samples that are 8-bit ones times 257 are the same picture; others keep what 8 bits would lose.
expect 0 ddpmenc --quiet "$data/small.png" a.ddz
expect 0 ddpmenc --quiet "$data/rgb16.png" b.ddz
same a.ddz b.ddz
expect 0 ddpmenc "$data/grey.png" a.ddz
expect 0 ddpmenc "$data/grey16.png" b.ddz
! grep -q round err || fail "16-bit samples are rounded"

expect 0 ddpmdec --depth 8 a.ddz eight.png
expect 0 ddpmdec a.ddz usual.png
same eight.png usual.png
expect 0 ddpmdec --depth 16 a.ddz sixteen.png
[ "$(depth eight.png)" = 8 ] || fail "8 bits"
[ "$(depth sixteen.png)" = 16 ] || fail "16 bits"
[ "$(compares_to eight.png sixteen.png)" = inf ] || fail "16 bits rounded are not the 8 bits"
# More than the 8 bits stand in them: the same in 8 bits would compress to about the same size.
[ "$(size_of sixteen.png)" -gt $((3 * $(size_of eight.png) / 2)) ] || fail "16 bits are 8 bits scaled"

# Grey stays grey, from any part of the stream, with and without alpha, in PNM and PAM, too.
for options in --quiet '--depth 16' --dither '--bits 60' '--scale 1/4' '--recon sample --steps 1'; do
    # shellcheck disable=SC2086 # options and their values
    expect 0 ddpmdec $options a.ddz grey.png
    [ "$(colour_type grey.png)" = 0 ] || fail "grey has colours with $options"
done
expect 0 ddpmdec a.ddz grey.pnm
[ "$(head -c 2 grey.pnm)" = P5 ] || fail "a grey PNM file is $(head -c 2 grey.pnm)"
expect 0 ddpmdec a.ddz grey.pam
grep -aq '^TUPLTYPE GRAYSCALE$' grey.pam || fail "no grey PAM file"
expect 0 ddpmenc --quiet grey.pam b.ddz
expect 0 ddpmdec --info b.ddz
grep -q '^colours  *none, grey$' out || fail "--info does not say that the picture is grey"
[ "$(colour_type sixteen.png)" = 0 ] || fail "grey of 16 bits has colours"

# Dithering changes some samples by a level, and is the same each time.
expect 0 ddpmdec --dither a.ddz dithered.png
expect 0 ddpmdec --dither --threads 3 a.ddz again.png
same dithered.png again.png
[ "$(depth dithered.png)" = 8 ] || fail "dithered bits"
db=$(compares_to eight.png dithered.png)
[ "${db%.*}" -gt 47 ] && [ "${db%.*}" -lt 70 ] || fail "dithering changes the picture by $db dB"

# Alpha stays what it is.
expect 0 ddpmenc "$data/alpha.png" alpha.ddz
for option in '--depth 16' '--dither'; do
    # shellcheck disable=SC2086 # an option and its value
    expect 0 ddpmdec $option alpha.ddz alpha.png
    [ "$(colour_type alpha.png)" = 6 ] || fail "no alpha with $option"
    expect 0 ddpmenc --bytes 3000 alpha.png again.ddz
    expect 0 ddpmdec --info again.ddz
    grep -Eq '^alpha +1920 bytes, exact$' out || fail "alpha is not exact with $option"
done

for option in '--depth 12' '--depth 0' '--depth x' '--dither --depth 16'; do
    # shellcheck disable=SC2086
    expect 1 ddpmdec $option a.ddz x.png
    absent x.png
done
