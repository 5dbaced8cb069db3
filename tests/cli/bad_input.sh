#!/bin/sh
# Streams and files that are damaged, cut, of another kind or not there.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# decodes STREAM: a picture and status 0, or one line, another status and no picture. Never anything else.
decodes() {
    rm -f x.png
    ddpmdec --threads 1 "$@" x.png > out 2> err
    case $? in
    0) [ -s x.png ] || fail "no picture of $*" ;;
    3 | 4 | 5)
        one_line ddpmdec "$@"
        absent x.png
        ;;
    *) fail "status of $*: $(cat err)" ;;
    esac
}

expect 0 ddpmenc --effort 1 --bytes 400 "$data/3x5.png" tiny.ddz
expect 0 ddpmenc --effort 1 --bytes 700 "$data/alpha.png" good.ddz
size=$(size_of good.ddz)

# Cut: too short for a header is an error, all else is a picture.
length=0
while [ $length -le "$size" ]; do
    head -c $length good.ddz > cut.ddz
    if [ $length -lt 6 ]; then
        expect 3 ddpmdec cut.ddz x.png
        absent x.png
    else
        expect 0 ddpmdec --threads 1 cut.ddz x.png
    fi
    if [ $length -lt 24 ]; then length=$((length + 1)); else length=$((length + 37)); fi
done

# A byte changed, at places all over a small stream.
position=0
length=$(size_of tiny.ddz)
while [ $position -lt "$length" ]; do
    for value in '\000' '\377' '\125'; do
        cp tiny.ddz flipped.ddz
        # shellcheck disable=SC2059 # the value is a format
        printf "$value" | dd of=flipped.ddz bs=1 seek=$position conv=notrunc 2> /dev/null
        decodes flipped.ddz
    done
    if [ $position -lt 16 ]; then position=$((position + 1)); else position=$((position + 11)); fi
done

# Damage in the bits of a whole stream is found by the digest, and the picture can be had all the same.
size=$(size_of good.ddz)
cp good.ddz flipped.ddz
byte=$(od -An -tu1 -j40 -N1 good.ddz | tr -d ' ')
# shellcheck disable=SC2059
printf "\\$(printf %03o $((byte ^ 255)))" | dd of=flipped.ddz bs=1 seek=40 conv=notrunc 2> /dev/null
expect 3 ddpmdec flipped.ddz x.png
absent x.png
expect 0 ddpmdec --ignore-digest flipped.ddz x.png
[ -s x.png ] || fail "no picture of a damaged stream"

# Bytes after the end.
cat good.ddz good.ddz > double.ddz
expect 0 ddpmdec good.ddz x.png
expect 0 ddpmdec double.ddz y.png
same x.png y.png
grep -q "$size bytes behind the end of the stream are ignored" err || fail "no note of bytes behind the end"
expect 0 ddpmdec --ignore-digest double.ddz y.png
same x.png y.png
expect 0 ddpmdec --quiet double.ddz y.png
[ ! -s err ] || fail "a note in spite of --quiet"

# Not streams.
cp "$data/small.png" renamed.ddz
expect 3 ddpmdec renamed.ddz
: > empty.ddz
expect 3 ddpmdec empty.ddz
echo 'This is a text.' > text.ddz
expect 3 ddpmdec text.ddz
absent renamed.png empty.png text.png
# Another version of the format.
printf '\337' > version.ddz
tail -c +2 good.ddz >> version.ddz
expect 3 ddpmdec version.ddz

# A header that promises 65535 x 65535 pixels.
byte=$(od -An -tu1 -j4 -N1 good.ddz | tr -d ' ')
# shellcheck disable=SC2059
printf "\\335\\377\\377\\377\\$(printf %03o $((byte & 7 | 248)))\\377\\376\\377\\376" > huge.ddz
decodes huge.ddz
absent x.png

# Not pictures.
expect 3 ddpmenc text.ddz a.ddz
expect 3 ddpmenc empty.ddz a.ddz
head -c 300 "$data/small.png" > cut.png
expect 3 ddpmenc cut.png a.ddz
absent a.ddz
expect 3 ddpmeval text.ddz
expect 3 ddpmeval --compare "$data/small.png" "$data/3x5.png"

# A PNG whose text chunk has a wrong checksum is a picture all the same, and a warning says so.
{
    head -c 33 "$data/small.png"
    printf '\000\000\000\004tEXta\000bc\001\002\003\004'
    tail -c +34 "$data/small.png"
} > text.png
expect 0 ddpmenc --quiet "$data/small.png" whole.ddz
expect 0 ddpmenc --quiet text.png text.ddz
same whole.ddz text.ddz
grep -q '^ddpmenc: text.png: warning: .*tEXt' err || fail "no warning of a wrong checksum: $(cat err)"
# Not so if it is the picture's own.
{
    head -c 29 "$data/small.png"
    printf '\001\002\003\004'
    tail -c +34 "$data/small.png"
} > text.png
expect 3 ddpmenc text.png a.ddz

# Files without end are refused at their beginning.
if [ -r /dev/zero ]; then
    expect 3 ddpmenc /dev/zero a.ddz
    expect 3 ddpmdec /dev/zero a.png
    absent a.png
fi
absent a.ddz

# Files that cannot be read.
expect 2 ddpmdec nowhere.ddz
expect 2 ddpmenc nowhere.png a.ddz
expect 2 ddpmenc . a.ddz
expect 2 ddpmdec . a.png
if [ "$(id -u)" -ne 0 ]; then
    cp good.ddz secret.ddz
    chmod 000 secret.ddz
    expect 2 ddpmdec secret.ddz
fi

# Models: none, not one, damaged, another one.
expect 4 ddpmdec --model nowhere.ddm good.ddz x.png
expect 4 ddpmdec --model text.ddz good.ddz x.png
expect 4 ddpmenc --model "$data/small.png" "$data/small.png" a.ddz
head -c 5000 "$toy" > cut.ddm
expect 4 ddpmenc --model cut.ddm "$data/small.png" a.ddz
"$top_builddir/tests/make_toy_model" 2 other.ddm || exit 99
rm -f x.png
expect 4 ddpmdec --model other.ddm good.ddz x.png
absent a.ddz x.png
