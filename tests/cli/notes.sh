#!/bin/sh
# What a PNG file says of its picture goes through a stream and comes back; what does not is named.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# Four bytes of a number
be32() {
    printf '%b' "$(printf '\\0%03o\\0%03o\\0%03o\\0%03o' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"
}

# chunk NAME CONTENT: the content is a format of printf; gzip knows the checksum.
chunk() {
    # shellcheck disable=SC2059 # a format is wanted
    printf "$1$2" > chunk
    be32 $(($(size_of chunk) - 4))
    cat chunk
    # shellcheck disable=SC2046 # four numbers
    set -- $(gzip -c chunk | tail -c 8 | head -c 4 | od -An -tu1)
    be32 $(($4 << 24 | $3 << 16 | $2 << 8 | $1))
}

# Files begin with 33 bytes of signature and header, and end with 12 that say so.
with() {
    head -c 33 "$data/small.png"
    chunk "$@"
    tail -c +34 "$data/small.png"
}

# Whether a file has a chunk with this content: a pattern, as od -An -tx1 prints it
has() {
    od -An -v -tx1 "$1" | tr -d ' \n' | grep -q "$2"
}

expect 0 ddpmenc --effort 1 "$data/small.png" plain.ddz
[ "$(wc -l < err)" -eq 1 ] || fail "something to say of a plain picture: $(cat err)"
expect 0 ddpmdec plain.ddz
plain=$(size_of plain.ddz)

# round_trip NAME CONTENT HEX BYTES: the chunk comes back, and costs at most so many bytes
round_trip() {
    with "$1" "$2" > in.png
    expect 0 ddpmenc --effort 1 in.png out.ddz
    ! grep -q warning err || fail "$1: $(cat err)"
    expect 0 ddpmdec -f out.ddz out.png
    has out.png "$3" || fail "$1 is lost"
    [ $(($(size_of out.ddz) - plain)) -le "$4" ] || fail "$1 costs $(($(size_of out.ddz) - plain)) bytes"
    [ "$(ddpmeval --compare out.png plain.png)" = inf ] || fail "$1 changes the picture"
}
gama=67414d41 chrm=6348524d srgb=73524742 cicp=63494350 phys=70485973
round_trip gAMA '\000\001\206\240' ${gama}000186a0 12
has out.png $srgb && fail "a gamma of 1 is called sRGB"
expect 0 ddpmdec out.ddz out.ppm
grep -q 'PNM cannot hold colour space' err || fail "a gamma is lost without a word"
expect 0 ddpmdec --info out.ddz
grep -Eq '^gamma +1; 4 bytes, exact$' out || fail "gamma is not listed"
round_trip cHRM '\000\000z&\000\000\200\204\000\000\372\000\000\000\200\350\000\000R\010\000\001\025X\000\000:\230\000\000\027p' \
    ${chrm}00007a2600008084 44
round_trip sRGB '\000' ${srgb}00 0
round_trip cICP '\011\020\000\001' ${cicp}09100001 6
has out.png $srgb && fail "PQ is called sRGB"
expect 0 ddpmdec out.ddz out.pam
grep -q 'PAM cannot hold colour space' err || fail "PQ is shown as sRGB without a word"
expect 0 ddpmdec --info out.ddz
grep -Eq '^colour space +BT.2100 PQ; 4 bytes, exact$' out || fail "which colour space it is is not said"
expect 0 ddpmdec --bytes 30 out.ddz prefix.png
has prefix.png ${cicp}09100001 || fail "the beginning of a PQ stream is shown as sRGB"
round_trip cICP '\011\022\000\000' ${cicp}09120000 12
round_trip pHYs '\000\000\056\043\000\000\027\022\001' ${phys}00002e230000171201 17
packet='<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
round_trip iTXt "XML:com.adobe.xmp\\000\\000\\000\\000\\000$packet" "$(printf %s "$packet" | od -An -v -tx1 | tr -d ' \n')" 80
expect 0 ddpmdec --info out.ddz
grep -Eq '^XMP +37 bytes, exact$' out || fail "XMP is not listed"
round_trip tEXt 'Raw profile type exif\000\nexif\n      14\n4d4d002a000000080000\n00000000\n' 655849664d4d002a00000008000000000000 50

# A picture that says nothing is sRGB, and a stream that is whole says so.
has plain.png ${srgb}00 || fail "a plain picture is not called sRGB"

# What is not kept is named, unless nothing is to be said.
with tEXt 'Title\000A picture' > titled.png
{
    head -c -12 titled.png
    for _ in 1 2; do
        chunk fcTL '\000\000\000\001\000\000\000\001\000\000\000\001\000\000\000\000\000\000\000\000\000\001\000\012\000\000'
    done
    tail -c 12 titled.png
} > film.png
expect 0 ddpmenc --effort 1 film.png out.ddz
grep -q '^ddpmenc: film.png: warning: left out: text Title, 2 frames of an animation$' err || fail "frames are lost without a word: $(cat err)"
same plain.ddz out.ddz
expect 0 ddpmenc --effort 1 --quiet film.png out.ddz
[ ! -s err ] || fail "a warning in spite of --quiet"
{
    cat "$data/small.png"
    echo trailing
} > longer.png
expect 0 ddpmenc --effort 1 longer.png out.ddz
grep -q 'left out: 9 bytes behind its end' err || fail "trailing bytes are lost without a word"

# So few bytes have no room for it.
with pHYs '\000\000\056\043\000\000\027\022\001' > in.png
expect 0 ddpmenc --effort 1 --bytes 40 in.png few.ddz
grep -q 'its resolution is left out' err || fail "a resolution is lost without a word: $(cat err)"
