#!/bin/sh
# Kinds of pictures: what is read is told by its content, what is written by its name.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

starts() {
    [ "$(head -c 2 "$2")" = "$1" ] || fail "$2 does not begin with $1"
}

expect 0 ddpmenc --quiet "$data/3x5.png" a.ddz
expect 0 ddpmdec a.ddz a.png
for name in a.ppm a.pam a.PPM; do
    expect 0 ddpmdec a.ddz $name
    [ "$(ddpmeval --compare a.png $name)" = inf ] || fail "$name is another picture than a.png"
done
starts P6 a.ppm
starts P7 a.pam
starts P6 a.PPM
expect 0 ddpmdec --depth 16 a.ddz deep.pam
grep -aq '^MAXVAL 65535$' deep.pam || fail "no 16 bits in a PAM file"
expect 0 ddpmdec --depth 16 a.ddz deep.png
expect 0 ddpmenc --quiet deep.png one.ddz
for name in deep.pam deep.ppm; do
    expect 0 ddpmdec --depth 16 a.ddz $name
    expect 0 ddpmenc --quiet $name two.ddz
    same one.ddz two.ddz
done

# The name of an input says nothing.
cp a.ppm really.png
cp a.png really.ppm
expect 0 ddpmenc --quiet a.png one.ddz
for name in really.png really.ppm a.pam a.ppm; do
    expect 0 ddpmenc --quiet $name two.ddz
    same one.ddz two.ddz
done
"$top_builddir/ddpmenc" --quiet - two.ddz < a.pam || fail "PAM from standard input"
same one.ddz two.ddz

# Text, other greatest values, and what cannot be held.
printf 'P3\n# text\n2 1\n3\n0 1 2  3 3 3\n' > text.ppm
expect 0 ddpmenc --quiet text.ppm b.ddz
expect 0 ddpmenc --quiet "$data/alpha.png" alpha.ddz
expect 0 ddpmdec alpha.ddz alpha.pam
grep -aq '^TUPLTYPE RGB_ALPHA$' alpha.pam || fail "no alpha in a PAM file"
expect 0 ddpmdec alpha.ddz alpha.ppm
grep -q 'warning: PNM cannot hold alpha' err || fail "alpha is lost without a word: $(cat err)"
printf 'P6 9 9 255\nshort' > short.ppm
expect 3 ddpmenc short.ppm b.ddz
expect 3 ddpmenc "$top_srcdir/README.md" b.ddz
grep -q 'PNG' err || fail "no word of what is read"

# JPEG, if the programs read it and there is something to make it with.
if grep -q '^#define DDZ_JPEG 1' "$top_builddir/config.h" && command -v cjpeg > /dev/null; then
    expect 0 ddpmdec a.ddz flat.ppm
    cjpeg -quality 100 -sample 1x1 flat.ppm > photo.png || exit 99
    expect 0 ddpmenc --quiet photo.png photo.ddz
    expect 0 ddpmdec photo.ddz back.png
    db=$(ddpmeval --compare flat.ppm photo.png)
    [ "$db" = inf ] || [ "${db%.*}" -ge 40 ] || fail "JPEG is read with $db dB"
    head -c 200 photo.png > cut.jpg
    expect 3 ddpmenc cut.jpg b.ddz
fi

# WebP, likewise
if grep -q '^#define DDZ_WEBP 1' "$top_builddir/config.h" && command -v cwebp > /dev/null; then
    cwebp -quiet -lossless -exact "$data/alpha.png" -o alpha.webp || exit 99
    expect 0 ddpmenc --quiet alpha.webp photo.ddz
    expect 0 ddpmenc --quiet "$data/alpha.png" b.ddz
    same photo.ddz b.ddz
    [ "$(ddpmeval --compare "$data/alpha.png" alpha.webp)" = inf ] || fail "WebP is read otherwise than PNG"
    head -c 200 alpha.webp > cut.webp
    rm b.ddz
    expect 3 ddpmenc cut.webp b.ddz
    absent b.ddz
fi

# TIFF: the samples of a.ppm (3 x 5 pixels) behind the head, stored with the first row at the bottom, and then the tags.
short() {
    # shellcheck disable=SC2059
    printf "\\$(printf %03o $(($1 % 256)))\\$(printf %03o $(($1 / 256)))"
}
tag() {
    for number in "$1" 3 1 0 "$2" 0; do
        short "$number"
    done
}
tail -c 45 a.ppm > samples
{
    printf 'II*\0\066\0\0\0'
    for row in 4 3 2 1 0; do
        tail -c +$((9 * row + 1)) samples | head -c 9
    done
    printf '\0'
    short 10
    tag 256 3 && tag 257 5 && tag 258 8 && tag 259 1 && tag 262 2 && tag 273 8 && tag 274 4 && tag 277 3 && tag 278 5 && tag 279 45
    short 0 && short 0
} > a.tif
rm -f b.ddz
if grep -q '^#define DDZ_TIFF 1' "$top_builddir/config.h"; then
    expect 0 ddpmenc a.tif b.ddz
    same one.ddz b.ddz
    rm b.ddz
    head -c 100 a.tif > cut.tif
    expect 3 ddpmenc cut.tif b.ddz
else
    expect 3 ddpmenc a.tif b.ddz
    grep -q 'not a picture of a kind that is read' err || fail "TIFF is refused as: $(cat err)"
fi
absent b.ddz
