#!/bin/sh
# Alpha and the orientation travel along, coarsely and early, and a target in bytes has room for them.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# Colour type in a PNG header: 2 is RGB, 6 is RGBA.
colour_type() {
    od -An -tu1 -j25 -N1 "$1" | tr -d ' '
}

expect 0 ddpmenc "$data/alpha.png" a.ddz
expect 0 ddpmdec a.ddz
[ "$(colour_type a.png)" = 6 ] || fail "no alpha in the picture"
expect 0 ddpmdec --info a.ddz
grep -Eq '^alpha +1920 bytes, exact$' out || fail "alpha not listed"

# A prefix: within the preview it is opaque; soon behind it there is an approximation.
expect 0 ddpmdec --bytes 30 a.ddz cut.png
[ "$(colour_type cut.png)" = 2 ] || fail "alpha in the picture of a preview"
expect 0 ddpmdec -f --bytes 350 a.ddz cut.png
[ "$(colour_type cut.png)" = 6 ] || fail "no alpha in the picture of a prefix"
expect 0 ddpmdec --bytes 350 --info a.ddz
grep -Eq '^alpha +1920 bytes, not all there$' out || fail "alpha not listed in a prefix"
grep -q ', cut$' out || fail "a prefix is not said to be cut"

# Few bytes: alpha is approximated, and a warning says so.
expect 0 ddpmenc --effort 1 --bytes 300 "$data/alpha.png" few.ddz
grep -q 'warning: .* approximation of its alpha' err || fail "no warning of what was left out"
[ "$(size_of few.ddz)" -eq 300 ] || fail "not 300 bytes"
expect 0 ddpmdec few.ddz
[ "$(colour_type few.png)" = 6 ] || fail "no alpha in the picture of a small file"
expect 0 ddpmdec --info few.ddz
grep -q 'complete, ends at its target' out || fail "the target is not told from a cut"

# What is lost is named, with --quiet only what the picture shows. This Exif block has an orientation, for which there
# is room.
expect 0 ddpmenc --effort 1 --quiet --bytes 100 "$data/alpha.png" fewer.ddz
[ "$(cat err)" = "ddpmenc: $data/alpha.png: warning: its alpha is left out: so few bytes have no room for it" ] ||
    fail "with --quiet alpha is lost without a word, or more is said: $(cat err)"
{
    head -c 33 "$data/small.png"
    printf '\000\000\000\032eXIfMM\000*\000\000\000\010\000\001\001\022\000\003\000\000\000\001\000\006\000\000\000\000\000\000\326gKi'
    tail -c +34 "$data/small.png"
} > exif.png
expect 0 ddpmenc --effort 1 --bytes 60 exif.png turned.ddz
grep -q 'warning: its Exif is left out' err || fail "Exif is lost without a word: $(cat err)"
expect 0 ddpmenc --effort 1 --quiet --bytes 60 exif.png turned.ddz
[ ! -s err ] || fail "a warning in spite of --quiet: $(cat err)"
expect 0 ddpmdec --quiet turned.ddz
[ ! -s err ] || fail "a warning in spite of --quiet: $(cat err)"
grep -aq eXIf turned.png || fail "no orientation"
expect 0 ddpmdec --quiet turned.ddz turned.pam
grep -q 'warning: PAM cannot hold .*Exif' err || fail "the orientation is lost without a word"
expect 0 ddpmdec --quiet a.ddz a.ppm
grep -q 'warning: PNM cannot hold alpha' err || fail "with --quiet alpha is lost without a word"

# Damage in alpha is told, and can be overlooked.
size=$(size_of a.ddz)
cp a.ddz flipped.ddz
printf '\125' | dd of=flipped.ddz bs=1 seek=$((size - 12)) conv=notrunc 2> /dev/null
expect 3 ddpmdec flipped.ddz
expect 0 ddpmdec --ignore-digest flipped.ddz
grep -q 'warning' err || fail "no warning of damage"

# Colours that nobody sees
expect 0 ddpmenc --exact "$data/alpha.png" exact.ddz
differ exact.ddz a.ddz

# Alpha is stored exactly: a second generation has the same layer, of the same size.
expect 0 ddpmenc -q 99 a.png b.ddz
expect 0 ddpmdec --info b.ddz
grep -Eq '^alpha +1920 bytes, exact$' out || fail "alpha lost in the second generation"

expect 0 ddpmenc "$data/small.png" c.ddz
expect 0 ddpmdec c.ddz
[ "$(colour_type c.png)" = 2 ] || fail "alpha out of nothing"
