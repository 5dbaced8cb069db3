#!/bin/sh
# Alpha travels along, and is left out of a stream that ends before it.
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
grep -Eq '^alpha +1920 bytes$' out || fail "alpha not listed"

expect 0 ddpmdec --bytes 100 a.ddz cut.png
[ "$(colour_type cut.png)" = 2 ] || fail "alpha in the picture of a prefix"
expect 0 ddpmdec --bytes 100 --info a.ddz
! grep -q '^alpha' out || fail "alpha listed in a prefix"

# Alpha is stored exactly: a second generation has the same layer, of the same size.
expect 0 ddpmenc -q 100 a.png b.ddz
expect 0 ddpmdec --info b.ddz
grep -Eq '^alpha +1920 bytes$' out || fail "alpha lost in the second generation"

expect 0 ddpmenc "$data/small.png" c.ddz
expect 0 ddpmdec c.ddz
[ "$(colour_type c.png)" = 2 ] || fail "alpha out of nothing"
