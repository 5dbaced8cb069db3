#!/bin/sh
# Pictures from random bits, and from some bits of a stream and random ones after them.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# dimensions PNG: WIDTHxHEIGHT
dimensions() {
    od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'
}

# The seed says which; machine, threads and instructions say nothing.
expect 0 ddpmsample --size 40x30 --steps 2 --threads 1 --isa portable one.png
[ "$(dimensions one.png)" = 40x30 ] || fail "size: $(dimensions one.png)"
for isa in $isas; do
    for threads in 1 2 3; do
        expect 0 ddpmsample --size 40x30 --steps 2 --seed 1 --threads $threads --isa "$isa" other.png
        same one.png other.png
    done
done
expect 0 ddpmsample --size 40x30 --steps 2 --seed 2 two.png
differ one.png two.png
expect 0 ddpmsample --size 40x30 --steps 4 other.png
differ one.png other.png
expect 0 ddpmsample --size 40x30 --steps 2 -
same one.png out
expect 0 ddpmsample -s 40x30 --steps 2 --verbose other.png
grep -q '^ddpmsample: seed 1 -> other.png: 40 x 30$' err || fail "verbose: $(cat err)"

# Several: the seeds that follow, in names that sort, or in one picture.
expect 0 ddpmsample --size 40x30 --steps 2 --count 2 set.png
same one.png set-1.png
same two.png set-2.png
expect 0 ddpmsample --size 3x5 --steps 1 --count 10 many
[ "$(echo many-*)" = 'many-01 many-02 many-03 many-04 many-05 many-06 many-07 many-08 many-09 many-10' ] ||
    fail "names: $(echo many-*)"
expect 0 ddpmsample --size 3x5 --steps 1 --seed 4294967295 --count 2 last.png
expect 0 ddpmsample --size 3x5 --steps 1 --seed 0 zero.png
same last-2.png zero.png
expect 0 ddpmsample --size 40x30 --steps 2 --count 5 --grid grid.png
[ "$(dimensions grid.png)" = 124x62 ] || fail "grid of $(dimensions grid.png)"
expect 0 ddpmsample --size 40x30 --steps 2 --grid grid.png
same one.png grid.png

for size in 1x1 3x5 1x70 9x8; do
    expect 0 ddpmsample --size $size --steps 1 tiny.png
    [ "$(dimensions tiny.png)" = $size ] || fail "$size: $(dimensions tiny.png)"
done

# Frames: the mean, one more for each octave, and at last the picture.
expect 0 ddpmsample --size 40x30 --steps 2 --frames dir
# to sigma 22 at an eighth of the size, and from there on down to 0.01 at full size: 14.1 octaves
[ "$(ls dir | wc -l)" -eq 17 ] && [ -e dir/00.png ] || fail "frames: $(ls dir)"
same one.png dir/16.png
differ dir/14.png dir/15.png
expect 0 ddpmsample --size 3x5 --steps 1 --count 2 --frames two
for name in two/1-*; do
    [ -e "two/2-${name#two/1-}" ] || fail "frames of two: $(ls two)"
done
expect 0 ddpmsample --size 3x5 --steps 1 last.png
same last.png "$name"

# From a stream: ddpmdec draws the same. Nothing but a header is a draw from nothing.
expect 0 ddpmenc --effort 1 -q 70 "$data/small.png" s.ddz
expect 0 ddpmsample --from s.ddz --bits 300 --seed 7 --steps 4 ours.png
expect 0 ddpmdec --recon sample --bits 300 --seed 7 --steps 4 s.ddz theirs.png
same ours.png theirs.png
head -c 37 s.ddz | ddpmsample --from - --steps 4 ours.png || fail "from standard input"
expect 0 ddpmsample --from s.ddz --bytes 37 --steps 4 theirs.png
same ours.png theirs.png
expect 0 ddpmsample --from s.ddz --bpp 0.021 --steps 1 ours.png
expect 0 ddpmsample --from s.ddz --bits 40 --steps 1 theirs.png
same ours.png theirs.png
expect 0 ddpmsample --size 48x40 --steps 1 theirs.png
same ours.png theirs.png
# Frames begin with what all continuations share.
expect 0 ddpmsample --from s.ddz --bytes 200 --steps 1 --count 2 --frames shared
same shared/1-00.png shared/2-00.png
differ shared/1-01.png shared/2-01.png

# A whole stream of the best quality leaves nothing to draw; side layers stay.
expect 0 ddpmenc --effort 1 --chain -q 99.9 "$data/alpha.png" whole.ddz
expect 0 ddpmdec whole.ddz theirs.png
expect 0 ddpmsample --from whole.ddz --seed 3 ours.png
same ours.png theirs.png

# Bits kept are worth something, with a model that has learned: continuations differ from each other,
# and come the closer to the picture the more bits they share with it.
model=$top_srcdir/models/default.ddm
# near SEED OPTION ... : draws near.png; its PSNR is then $psnr
near() {
    expect 0 ddpmsample --model "$model" --seed "$@" near.png
    psnr=$(ddpmeval --compare "$data/small.png" near.png) || fail "no comparison"
    [ -n "$psnr" ] || fail "no PSNR"
}
expect 0 ddpmenc --model "$model" --effort 1 -q 70 "$data/small.png" s.ddz
for seed in 1 2; do
    near $seed --size 48x40
    none=$psnr
    near $seed --from s.ddz --bits 300
    some=$psnr
    near $seed --from s.ddz --bits 2000
    cp near.png most-$seed.png
    awk "BEGIN { exit !($none + 3 < $some && $some + 3 < $psnr) }" ||
        fail "dB of 0, 300, 2000 bits: $none, $some, $psnr"
done
differ most-1.png most-2.png

# What cannot be.
rm -f x.png
expect 2 ddpmsample --from nowhere.ddz x.png
expect 3 ddpmsample --from "$data/small.png" x.png
expect 3 ddpmsample --from whole.ddz --bits 16 x.png
# of models whose identities differ in the header's bits
"$top_builddir/tests/make_toy_model" 2 other.ddm || exit 99
expect 4 ddpmsample --model other.ddm --from whole.ddz x.png
expect 4 ddpmsample --model nowhere.ddm x.png
expect 5 ddpmsample --size 65535x65535 x.png
expect 5 ddpmsample --size 8000x8000 --count 9999 --grid x.png
expect 2 ddpmsample --size 3x5 nowhere/x.png
expect 2 ddpmsample --size 3x5 --frames nowhere/dir
expect 2 ddpmsample --size 3x5 --frames one.png
mkdir -p blocked/00.png
expect 2 ddpmsample --size 3x5 --frames blocked
absent x.png blocked/01.png
if [ -w /dev/full ]; then
    expect 2 ddpmsample --size 3x5 --steps 1 /dev/full
fi
