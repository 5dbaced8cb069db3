#!/bin/sh
# Limits of size and memory, and lines that say what could not be had.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

says() {
    grep -q -- "$1" err || fail "not '$1': $(cat err)"
}

expect 0 ddpmenc --quiet "$data/3x5.png" a.ddz

# The number of pixels, and what raises it.
for program in "ddpmenc $data/3x5.png b.ddz" "ddpmdec a.ddz b.png" "ddpmsample --size 3x5 b.png" \
    "ddpmsample --from a.ddz b.png" "ddpmeval --bpp 9 $data/3x5.png"; do
    # shellcheck disable=SC2086 # a command line
    expect 5 $program --max-pixels 14
    says '3 x 5 pixels are more than the limit of 14; --max-pixels raises it'
    absent b.ddz b.png
    # shellcheck disable=SC2086
    expect 0 $program --max-pixels 15
    rm -f b.ddz b.png
done

# Memory: too little, enough, no limit.
for program in "ddpmenc $data/3x5.png b.ddz" "ddpmdec a.ddz b.png" "ddpmsample --size 3x5 b.png"; do
    # shellcheck disable=SC2086
    expect 5 $program --memory 100K
    says '--memory raises it'
    absent b.ddz b.png
    for memory in 1G 0 2048M 99999999999; do
        # shellcheck disable=SC2086
        expect 0 $program --memory $memory
        rm b.*
    done
done
for value in '' x -1 1.5G 5GB 5g 20000000T 99999999999999999999999 ' 1'; do
    expect 1 ddpmdec --memory "$value" a.ddz b.png
done
for value in '' 0 x 268435457; do
    expect 1 ddpmdec --max-pixels "$value" a.ddz b.png
done

# 8191 x 8191 pixels, for which a stream needs five bytes: refused in a line, before the memory is taken, so with less
# of it, too (but under a sanitizer, whose own memory is larger).
(
    # shellcheck disable=SC3045 # where a shell has it
    (ulimit -v 1000000 && "$top_builddir/ddpmsample" --version) > /dev/null 2>&1 && ulimit -v 1000000
    "$top_builddir/ddpmsample" --size 8191x8191 b.png 2> err2
    status=$?
    [ $status -eq 5 ] || fail "status $status of 8191 x 8191 pixels"
    grep -q -- '--memory raises it' err2 || fail "$(cat err2)"
) || exit 1
absent b.png

# Targets that cannot be met.
expect 1 ddpmenc --bpp 0.001 "$data/3x5.png" b.ddz
says '0 bytes, too few'
expect 1 ddpmenc --bpp 0.001 "$data/small.png" b.ddz
says '0 bytes, too few'
expect 1 ddpmenc --bytes 2 "$data/small.png" b.ddz
says 'too few for a picture of 48 x 40'
absent b.ddz
expect 0 ddpmenc --quiet --chain --psnr 90 "$data/3x5.png" b.ddz
says 'warning: [0-9.]* dB were reached, not 90'
reached=$(sed 's/.*warning: \([0-9.]*\) dB.*/\1/' err)
expect 0 ddpmdec b.ddz b.png
expect 0 ddpmeval --compare "$data/3x5.png" b.png
[ "$(printf %.2f "$(cat out)")" = "$reached" ] || fail "$reached dB were said, $(cat out) are there"
expect 0 ddpmenc --quiet --psnr 6 "$data/3x5.png" c.ddz
[ ! -s err ] || fail "a warning of a PSNR that was reached: $(cat err)"

# The option that is wrong is the one that is named.
expect 1 ddpmdec --quiet -xyz a.ddz
says 'unknown option -x;'
expect 1 ddpmdec --quiet -vx a.ddz
says 'unknown option -x;'
expect 1 ddpmdec a.ddz -vt
says 'option -t needs a value'
expect 1 ddpmdec --quiet a.ddz --threads
says 'option --threads needs a value'
expect 1 ddpmdec a.ddz --quiet=1 --info
says 'option --quiet=1 takes no value'
expect 1 ddpmdec a.ddz --verbose=1 --info
says 'option --verbose=1 takes no value'
