#!/bin/sh
# The shipped model, found in the build tree without being named, does the job that it was trained for.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"
unset DDZ_MODEL

# at_least DB PICTURE
at_least() {
    psnr=$(ddpmeval --compare "$data/photo.png" "$2") || fail "no comparison with $2"
    awk "BEGIN { exit !($psnr >= $1) }" || fail "$2: $psnr dB, less than $1"
}

expect 0 ddpmenc --bpp 0.5 --effort 2 "$data/photo.png" photo.ddz
[ "$(size_of photo.ddz)" -eq 6144 ] || fail "$(size_of photo.ddz) bytes"
expect 0 ddpmdec --verbose photo.ddz
grep -q 'decoded exactly' err || fail "not decoded exactly: $(cat err)"
at_least 36 photo.png
expect 0 ddpmdec --bits 200 photo.ddz few.png
at_least 14 few.png
expect 0 ddpmdec --bytes 1000 photo.ddz some.png
at_least 26 some.png

# The bits look random: what is conveyed has no slack that a general compressor could find.
if command -v zstd > /dev/null; then
    zstd -q -19 photo.ddz
    [ "$(size_of photo.ddz.zst)" -ge "$(size_of photo.ddz)" ] || fail "zstd makes the stream smaller"
fi
