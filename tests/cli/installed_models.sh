#!/bin/sh
# The models that come with the programs, found in the build tree by their names or by a stream's header,
# do the job that they were trained for.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"
unset DDZ_MODEL

# at_least DB PICTURE
at_least() {
    psnr=$(ddpmeval --compare "$data/photo.png" "$2") || fail "no comparison with $2"
    awk "BEGIN { exit !($psnr >= $1) }" || fail "$2: $psnr dB, less than $1"
}

# does_its_job MODEL DB_OF_ALL DB_OF_200_BITS DB_OF_1000_BYTES
does_its_job() {
    expect 0 ddpmenc --model "$1" --bpp 0.5 --effort 2 "$data/photo.png" "$1.ddz"
    [ "$(size_of "$1.ddz")" -eq 6144 ] || fail "$1: $(size_of "$1.ddz") bytes"
    expect 0 ddpmdec --verbose "$1.ddz"
    grep -q 'decoded exactly' err || fail "$1: not decoded exactly: $(cat err)"
    at_least "$2" "$1.png"
    expect 0 ddpmdec --bits 200 "$1.ddz" few.png
    at_least "$3" few.png
    expect 0 ddpmdec --bytes 1000 "$1.ddz" some.png
    at_least "$4" some.png
}
does_its_job default 36 14 26
does_its_job small 35 14 25

# Unless one is named it is the first, and the environment can name the second.
expect 0 ddpmenc --bpp 0.5 --effort 2 "$data/photo.png" unnamed.ddz
same unnamed.ddz default.ddz
expect 0 env DDZ_MODEL=small "$top_builddir/ddpmenc" --bpp 0.5 --effort 2 "$data/photo.png" unnamed.ddz
same unnamed.ddz small.ddz

# Each reads its own streams only; three bits of the model's identity are in the first bytes already.
expect 4 ddpmdec --model default small.ddz x.png
expect 4 ddpmdec --model small --bits 200 default.ddz x.png
expect 0 ddpmsample --quiet --from small.ddz --bytes 1000 drawn.png
at_least 20 drawn.png
expect 4 ddpmsample --model default --from small.ddz --bytes 1000 x.png

# A stream of neither
expect 0 ddpmenc --model "$toy" --effort 1 -q 20 "$data/small.png" toy.ddz
expect 4 ddpmdec toy.ddz x.png
expect 0 ddpmdec --model "$toy" toy.ddz

# The bits look random: what is conveyed has no slack that a general compressor could find.
if command -v zstd > /dev/null; then
    zstd -q -19 default.ddz
    [ "$(size_of default.ddz.zst)" -ge "$(size_of default.ddz)" ] || fail "zstd makes the stream smaller"
fi
