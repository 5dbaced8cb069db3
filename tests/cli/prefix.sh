#!/bin/sh
# Any beginning of a stream is a picture, the same one however it is cut and by whatever machine.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

expect 0 ddpmenc --effort 2 -q 70 "$data/small.png" s.ddz
size=$(size_of s.ddz)

for bits in 48 64 65 200 333 1000 4001 $((8 * size - 33)) $((8 * size)); do
    expect 0 ddpmdec --isa portable --threads 1 --bits "$bits" s.ddz reference.png
    for isa in $isas; do
        for threads in 1 2 3; do
            expect 0 ddpmdec --isa "$isa" --threads $threads --bits "$bits" s.ddz other.png
            same reference.png other.png
        done
    done
    DDZ_ISA=avx2 ddpmdec --bits "$bits" s.ddz other.png || fail "DDZ_ISA"
    same reference.png other.png
done

# Three ways to say the same, and a file that really ends there.
for bytes in 5 7 30 100 500; do
    expect 0 ddpmdec --bytes $bytes s.ddz bytes.png
    expect 0 ddpmdec --bits $((8 * bytes)) s.ddz bits.png
    head -c $bytes s.ddz > cut.ddz
    expect 0 ddpmdec cut.ddz cut.png
    same bytes.png bits.png
    same bytes.png cut.png
done
expect 0 ddpmdec --bpp 0.5 s.ddz bpp.png
expect 0 ddpmdec --bytes 120 s.ddz bytes.png
same bpp.png bytes.png

# More bits than there are: the whole.
expect 0 ddpmdec s.ddz whole.png
expect 0 ddpmdec --bits 99999999 s.ddz more.png
same whole.png more.png

# Frames: a picture for each doubling, and the last one is the whole.
expect 0 ddpmdec --frames dir s.ddz
[ -e dir/0000000064.png ] && [ -e dir/0000001024.png ] || fail "frames are missing"
same whole.png "dir/$(printf %010d $((8 * size))).png"
for frame in dir/*.png; do
    bits=${frame#dir/}
    bits=$(echo "${bits%.png}" | sed 's/^0*//')
    expect 0 ddpmdec --bits "$bits" s.ddz one.png
    same "$frame" one.png
done
rm -r dir
expect 0 ddpmdec --bits 300 --frames dir s.ddz
[ "$(ls dir | tr '\n' ' ')" = '0000000064.png 0000000128.png 0000000256.png 0000000300.png ' ] ||
    fail "frames of a prefix: $(ls dir)"

# Samples: by seed, and no noise where the stream has it all.
expect 0 ddpmdec --recon mean --bits 300 s.ddz mean.png
expect 0 ddpmdec --recon sample --bits 300 s.ddz one.png
expect 0 ddpmdec --recon sample --seed 1 --bits 300 --isa portable --threads 1 s.ddz again.png
expect 0 ddpmdec --recon sample --seed 2 --bits 300 s.ddz two.png
same one.png again.png
differ one.png two.png
differ one.png mean.png

# Information, of the whole and of a prefix.
expect 0 ddpmdec --info s.ddz
grep -q '^picture  *48 x 40$' out || fail "size"
grep -q "^stream  *$((8 * size)) bits, .* complete$" out || fail "length"
bits=$(awk '/->/ { sum += $NF } END { print sum }' out)
[ "$bits" -gt $((8 * size * 9 / 10)) ] && [ "$bits" -le $((8 * size)) ] || fail "steps of $bits bits"
expect 0 ddpmdec --info --bits 300 s.ddz
grep -q '^stream  *300 bits, .* cut$' out || fail "length of a prefix"
