#!/bin/sh
# Pictures that are photographs only in part: the other part comes back as it was.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# Blots of two colours in the first 64 columns, and waves with noise in the others: numbers from 16 to 255, by which rows
# can be compared as text.
paint() {
    LC_ALL=C awk -v w=128 -v h=80 'BEGIN {
        printf "P6\n%d %d\n255\n", w, h
        srand(1)
        for (y = 0; y < h; y++) for (x = 0; x < w; x++) for (c = 0; c < 3; c++) {
            if (x < 64) v = (int(x / 2) * 7 + int(y / 3) * 5 + int(x / 11) * int(y / 7)) % 9 < 4 ? 30 + 40 * c : 240
            else v = 130 + 60 * sin(x / 9 + c) + 40 * cos(y / 7) + 12 * (rand() - 0.5)
            printf "%c", int(v)
        }
    }' > "$1"
}
# drawn PPM: the first 64 columns
drawn() {
    tail -c $((3 * 128 * 80)) "$1" | od -An -v -tu1 -w384 | awk '{ for (i = 1; i <= 192; i++) printf " %s", $i; print "" }'
}
paint mixed.ppm
drawn mixed.ppm > wanted

expect 0 ddpmenc --quiet --chain -q 40 mixed.ppm chain.ddz
expect 0 ddpmdec --info chain.ddz
! grep -q 'exact layer' out || fail "the chain is not alone"

for target in "-q 40" "--psnr 22" "--bytes 5000" "--bpp 3.9"; do
    # shellcheck disable=SC2086 # two words
    expect 0 ddpmenc --quiet -f $target mixed.ppm mixed.ddz
    expect 0 ddpmdec --info mixed.ddz
    grep -q '^exact layer  *of some blocks, RGB, 8 bits a sample$' out || fail "$target: no word of the blocks"
    expect 0 ddpmdec -v -f mixed.ddz back.ppm
    grep -q ', 80 rows lossless in part, decoded exactly' err || fail "$target: not said to be exact"
    drawn back.ppm > got
    same wanted got
    differ mixed.ppm back.ppm
    case $target in
    --bytes*) [ "$(size_of mixed.ddz)" -eq 5000 ] || fail "another size" ;;
    --bpp*) [ "$(size_of mixed.ddz)" -eq 4992 ] || fail "another size" ;;
    -q*) [ "$(size_of mixed.ddz)" -lt "$(size_of chain.ddz)" ] || fail "the chain is smaller" ;;
    esac
done

# Where there is no room for it, all is in the chain.
expect 0 ddpmenc --quiet -f --bytes 300 mixed.ppm small.ddz
expect 0 ddpmdec --info small.ddz
! grep -q 'exact layer' out || fail "300 bytes have room for blocks"
[ "$(size_of small.ddz)" -eq 300 ] || fail "another size"

# What is left of a file is a picture, also without any of the layer; damage of it is told.
expect 0 ddpmenc --quiet -f -q 40 mixed.ppm mixed.ddz
size=$(size_of mixed.ddz)
for cut in $((size / 2)) $((size - 200)) $((size - 9)); do
    head -c $cut mixed.ddz > cut.ddz
    expect 0 ddpmdec -f cut.ddz cut.ppm
done
{ head -c $((size - 100)) mixed.ddz && printf 'xyz' && tail -c 97 mixed.ddz; } > damaged.ddz
expect 3 ddpmdec -f damaged.ddz damaged.ppm

# A layer of the whole picture does not follow one of some blocks.
expect 3 ddpmenc --append mixed.ppm mixed.ddz
grep -q 'has exact blocks' err || fail "$(cat err)"
expect 0 ddpmenc --quiet --append mixed.ppm chain.ddz
expect 0 ddpmdec -f chain.ddz back.ppm
same mixed.ppm back.ppm
