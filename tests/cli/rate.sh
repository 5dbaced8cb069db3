#!/bin/sh
# Targets are met: bytes to the byte, quality and rate in order, PSNR by the decoded picture.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

for bytes in 20 21 64 150 777 1500; do
    expect 0 ddpmenc --bytes $bytes "$data/small.png" r.ddz
    [ "$(size_of r.ddz)" -eq $bytes ] || fail "$(size_of r.ddz) bytes, not $bytes"
    expect 0 ddpmdec r.ddz r.png
done

# 48 * 40 * 0.7 / 8 = 168
expect 0 ddpmenc --bpp 0.7 "$data/small.png" r.ddz
[ "$(size_of r.ddz)" -eq 168 ] || fail "0.7 bits a pixel gave $(size_of r.ddz) bytes"

last=0
for quality in 0 20 40 60 80 99; do
    expect 0 ddpmenc -q $quality "$data/small.png" r.ddz
    [ "$(size_of r.ddz)" -gt $last ] || fail "quality $quality is no larger than the one before"
    last=$(size_of r.ddz)
done

for target in 24 30.5; do
    expect 0 ddpmenc --psnr $target "$data/small.png" r.ddz
    expect 0 ddpmdec r.ddz r.png
    psnr=$(ddpmeval --compare "$data/small.png" r.png)
    awk "BEGIN { exit !($psnr >= $target && $psnr < $target + 0.5) }" || fail "$psnr dB, not $target"
done

# A target that is met within the last step of the longest chain is told from the chain's end.
expect 0 ddpmenc --chain --effort 1 --bytes 100000 "$data/3x5.png" long.ddz
expect 0 ddpmdec --info long.ddz
grep -q '^stream .*, complete$' out || fail "the end of the chain is taken for a target"
expect 0 ddpmenc --chain --effort 1 --bytes $(($(size_of long.ddz) - 2)) "$data/3x5.png" short.ddz
expect 0 ddpmdec --info long.ddz
steps=$(grep -c 'reverse' out)
expect 0 ddpmdec --info short.ddz
[ "$(grep -c 'reverse' out)" -eq "$steps" ] || fail "the target is not within the last step"
grep -q '^stream .*, complete, ends at its target$' out || fail "a target within the last step is not told"
