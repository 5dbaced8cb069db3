#!/bin/sh
# --lossless, --max-error and --append: the picture itself comes back.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# The very bytes of a picture: what comes out as PNM or PAM is what went in.
plain() {
    expect 0 ddpmenc --quiet --lossless "$1" plain.ddz
    expect 0 ddpmdec plain.ddz "back.${1##*.}" -f
    same "$1" "back.${1##*.}"
}
bytes() {
    head -c "$1" "$data/photo.png" | tail -c "$2"
}
{ printf 'P6\n13 7\n255\n' && bytes 5000 273; } > noise.ppm
{ printf 'P6\n13 7\n65535\n' && bytes 5000 546; } > deep.ppm
{ printf 'P5\n31 2\n255\n' && bytes 3000 62; } > grey.pgm
{ printf 'P5\n31 2\n65535\n' && bytes 3000 124; } > deepgrey.pgm
{ printf 'P7\nWIDTH 5\nHEIGHT 6\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n' && bytes 4000 120; } > alpha.pam
{ printf 'P7\nWIDTH 5\nHEIGHT 6\nDEPTH 4\nMAXVAL 65535\nTUPLTYPE RGB_ALPHA\nENDHDR\n' && bytes 4000 240; } > deepalpha.pam
{ printf 'P7\nWIDTH 5\nHEIGHT 6\nDEPTH 2\nMAXVAL 65535\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n' && bytes 4000 120; } > greyalpha.pam
for picture in noise.ppm deep.ppm grey.pgm deepgrey.pgm alpha.pam deepalpha.pam greyalpha.pam; do
    plain $picture
done

# PNG of every kind: what comes out is the same picture, as its own stream tells.
for name in 1x1 3x5 67x1 alpha grey grey16 interlaced palette rgb16 small; do
    expect 0 ddpmenc --quiet --lossless "$data/$name.png" in.ddz
    expect 0 ddpmdec -v -f in.ddz out.png
    grep -q 'rows lossless, decoded exactly' err || fail "$name is not said to be exact"
    expect 0 ddpmenc --quiet --lossless out.png again.ddz
    same in.ddz again.ddz
done

# -q 100 is the same; a target keeps the chain, and prefixes are the chain's.
expect 0 ddpmenc --quiet --lossless "$data/small.png" a.ddz
expect 0 ddpmenc --quiet -q 100 "$data/small.png" b.ddz
same a.ddz b.ddz
expect 0 ddpmenc --quiet --lossless --bytes 600 "$data/small.png" kept.ddz
expect 0 ddpmdec --info kept.ddz
grep -q '^exact layer  *RGB, 8 bits a sample$' out || fail "no word of the layer"
expect 0 ddpmdec --bytes 600 kept.ddz prefix.png
expect 0 ddpmdec kept.ddz whole.png
differ prefix.png whole.png
expect 0 ddpmenc --quiet --lossless whole.png again.ddz
same a.ddz again.ddz

# What is no photograph is exact where that takes no more bytes, unless the chain is asked for.
{ printf 'P6\n60 40\n255\n' && for _ in a b c d e f g h; do
    for line in 1 2 3 4 5; do printf '%060d%060d%060d' $line 7 $line | tr '017' 'A z'; done
done; } > drawing.ppm
expect 0 ddpmenc --quiet --lossless drawing.ppm exact.ddz
for target in "-q 40" "-q 90" "--bytes 4000" "--bpp 20" "--psnr 50"; do
    # shellcheck disable=SC2086 # two words
    expect 0 ddpmenc --quiet -f $target drawing.ppm drawing.ddz
    same exact.ddz drawing.ddz
done
expect 0 ddpmenc --quiet -q 40 --chain drawing.ppm chain.ddz
[ "$(size_of chain.ddz)" -gt "$(size_of exact.ddz)" ] || fail "the chain is smaller"
expect 0 ddpmdec --info chain.ddz
! grep -q 'exact layer' out || fail "there is no chain alone"
expect 0 ddpmenc --quiet --lossless --chain drawing.ppm both.ddz
[ "$(size_of both.ddz)" -gt "$(size_of chain.ddz)" ] || fail "the chain has gone"
expect 0 ddpmdec -f both.ddz both.ppm
same drawing.ppm both.ppm

# --append gives a file its exact layer; its first steps stay.
expect 0 ddpmenc --quiet -q 40 "$data/small.png" lossy.ddz
cp lossy.ddz made.ddz
expect 0 ddpmenc --append "$data/small.png" made.ddz
grep -q 'bytes, .* with the exact layer' err || fail "nothing said"
head -c $(($(size_of lossy.ddz) - 5)) lossy.ddz > head.lossy
head -c $(($(size_of lossy.ddz) - 5)) made.ddz > head.made
same head.lossy head.made
expect 0 ddpmdec -f made.ddz made.png
expect 0 ddpmenc --quiet --lossless made.png again.ddz
same a.ddz again.ddz
expect 3 ddpmenc --append "$data/small.png" made.ddz # it is exact already
head -c 300 lossy.ddz > cut.ddz
expect 3 ddpmenc --append "$data/small.png" cut.ddz
expect 3 ddpmenc --append "$data/3x5.png" lossy.ddz # of another size
expect 1 ddpmenc --append -q 50 "$data/small.png" lossy.ddz
expect 1 ddpmenc --append -o . "$data/small.png"
expect 2 ddpmenc --append "$data/small.png" nowhere.ddz
absent nowhere.ddz

# --max-error: within it, and smaller, if the model knows photographs.
DDZ_MODEL=$top_srcdir/models/small.ddm
expect 0 ddpmenc --quiet -e 1 --lossless "$data/photo.png" exact.ddz
expect 0 ddpmenc --quiet -e 1 --max-error 3 "$data/photo.png" near.ddz
[ "$(size_of near.ddz)" -lt $(($(size_of exact.ddz) / 2)) ] || fail "an error saves little"
expect 0 ddpmdec near.ddz near.png
expect 0 ddpmeval --compare "$data/photo.png" near.png
awk '$1 != "inf" && $1 < 38.5 { exit 1 }' out || fail "more than 3 levels"
for bad in 0 128 x; do
    expect 1 ddpmenc --max-error $bad "$data/small.png" bad.ddz
done
absent bad.ddz

DDZ_MODEL=$toy

# Damage behind the chain is found.
size=$(size_of a.ddz)
{ head -c $((size - 40)) a.ddz && printf 'damage' && tail -c 34 a.ddz; } > damaged.ddz
expect 3 ddpmdec damaged.ddz damaged.png
absent damaged.png
