#!/bin/sh
# Several files into a folder: each as it would come out alone, failures of some no hindrance to the others.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

nothing_left() {
    for name in .ddz.* */.ddz.*; do
        [ ! -e "$name" ] || fail "left behind: $name"
    done
}

# several STATUS LINES PROGRAM ARGUMENT ... : a failure has so many lines, which all begin with the program's name.
several() {
    expected=$1 lines=$2
    shift 2
    "$@" > out 2> err
    status=$?
    [ $status -eq "$expected" ] || fail "status $status, not $expected: $*: $(cat err)"
    [ "$(grep -c "^$1: ." err)" -eq "$lines" ] || fail "not $lines lines that begin with '$1:' : $*: $(cat err)"
    [ ! -s out ] || fail "something on standard output: $*"
}

for name in small 3x5 67x1 alpha grey16; do
    cp "$data/$name.png" $name.png
    expect 0 ddpmenc --quiet --effort 1 $name.png $name.ddz
    expect 0 ddpmdec --quiet $name.ddz alone-$name.png
done

# ---- Into a folder of streams, and back
several 0 0 ddpmenc --quiet --effort 1 small.png 3x5.png 67x1.png -o streams
several 0 0 ddpmenc --quiet --effort 1 --output-dir streams// -j 2 alpha.png grey16.png
for name in small 3x5 67x1 alpha grey16; do
    same streams/$name.ddz $name.ddz
done
several 0 0 ddpmdec --quiet -j 3 streams/*.ddz -o pictures
for name in small 3x5 67x1 alpha grey16; do
    same pictures/$name.png alone-$name.png
done
several 0 0 ddpmenc --effort 1 3x5.png -o said
grep -q '^3x5.png -> said/3x5.ddz: 3 x 5, ' err || fail "no summary"
several 0 2 ddpmdec -v --jobs 2 small.ddz 3x5.ddz -o said
[ "$(grep -c 'decoded exactly$' err)" -eq 2 ] || fail "streams were not decoded exactly: $(cat err)"
nothing_left

# More jobs than files; options hold for each; a suffix says the format
several 0 0 ddpmenc --quiet --effort 1 --bytes 60 -j 200 --threads 3 small.png 3x5.png --suffix -60.ddz -o sizes
[ "$(size_of sizes/small-60.ddz)" -eq 60 ] || fail "not 60 bytes"
[ "$(size_of sizes/3x5-60.ddz)" -eq 60 ] || fail "not 60 bytes"
several 0 0 ddpmdec --quiet --suffix .ppm small.ddz 3x5.ddz -o sizes
[ "$(head -c 2 sizes/3x5.ppm)" = P6 ] || fail "the suffix does not say the format"

# ---- Failures in the middle: the first of them gives the status, the others come out.
echo '# Text' > text.md
head -c 300 small.png > cut.png
rm -r streams
several 2 4 ddpmenc --quiet --effort 1 -j 2 small.png missing.png text.md 3x5.png cut.png 67x1.png -o streams
grep -q 'missing.png: No such file' err || fail "a missing file is not named"
grep -q 'text.md: not a picture' err || fail "a text is not named"
grep -q 'cut.png: ' err || fail "a truncated picture is not named"
grep -q ': 3 of 6 files failed$' err || fail "failures are not counted"
several 3 2 ddpmenc --quiet --effort 1 -f small.ddz small.png -o streams
several 3 3 ddpmenc --quiet --effort 1 -f small.png small.ddz missing.png -o streams
several 1 3 ddpmenc --quiet --effort 1 -f --bytes 3 small.png missing.png -o none
for name in small 3x5 67x1; do
    same streams/$name.ddz $name.ddz
done
absent streams/missing.ddz streams/text.ddz streams/text.md.ddz streams/cut.ddz streams/small.ddz.ddz none/small.ddz
cp small.ddz streams/bad.ddz
head -c 2 small.ddz > streams/short.ddz
printf 'x' | dd of=streams/bad.ddz bs=1 seek=500 conv=notrunc 2> /dev/null
rm -r pictures
several 3 3 ddpmdec --quiet streams/*.ddz -j 2 -o pictures
for name in small 3x5 67x1; do
    same pictures/$name.png alone-$name.png
done
absent pictures/bad.png pictures/short.png
nothing_left

# What stands there is kept, but with --force.
echo precious > pictures/small.png
rm pictures/3x5.png
several 2 2 ddpmdec --quiet small.ddz 3x5.ddz -o pictures
[ "$(cat pictures/small.png)" = precious ] || fail "a file was replaced"
same pictures/3x5.png alone-3x5.png
several 0 0 ddpmdec --quiet -f small.ddz 3x5.ddz -o pictures
same pictures/small.png alone-small.png
several 2 2 ddpmenc --quiet --effort 1 small.png grey16.png -o streams
same streams/grey16.ddz grey16.ddz

# A model that is not there stops all.
several 4 1 ddpmenc --model missing.ddm small.png 3x5.png -o none2
several 4 1 ddpmdec --model missing.ddm small.ddz 3x5.ddz -o none2
absent none2

# ---- Refused before anything is written
mkdir a b
cp 3x5.png a/x.png
cp 3x5.png b/x.png
cp 3x5.png a/x.jpg
cp 3x5.ddz a/x.ddz
cp 3x5.ddz b/x.ddz
cp 3x5.png x-y.png
for names in 'a/x.png b/x.png' 'small.png a/x.png a/x.jpg' 'small.png small.png' 'small.png ./small.png'; do
    # shellcheck disable=SC2086 # they are several
    several 1 1 ddpmenc $names -o none
    grep -q 'would both become none/' err || fail "no word of a collision: $(cat err)"
done
several 1 1 ddpmdec a/x.ddz small.ddz b/x.ddz -o none2
several 1 1 ddpmenc -f --suffix -y.png small.png a/x.png x-y.png -o .
grep -q 'x-y.png is an input, too' err || fail "an input would be an output: $(cat err)"
several 1 1 ddpmenc --suffix .png 3x5.png a/x.png -o none2
several 1 1 ddpmdec --suffix .jpg 3x5.ddz -o none2
several 1 1 ddpmenc small.png - -o none2
several 1 1 ddpmenc -o none2
several 1 1 ddpmdec -o none2
several 1 1 ddpmenc small.png -o none2.ddz
several 1 1 ddpmdec small.ddz -o none2.png
several 2 1 ddpmenc small.png -o 3x5.png
several 2 1 ddpmenc small.png -o missing/folder
several 1 1 ddpmenc small.png 3x5.png -o -
several 1 1 ddpmdec --info small.ddz 3x5.ddz -o none2
several 1 1 ddpmdec --frames frames small.ddz 3x5.ddz -o none2
for option in '-j 2' '--suffix .x'; do
    # shellcheck disable=SC2086 # an option and its value
    several 1 1 ddpmenc $option small.png none2.ddz
    # shellcheck disable=SC2086
    several 1 1 ddpmdec $option small.ddz
done
several 1 1 ddpmenc -j 0 small.png -o none2
several 1 1 ddpmenc --suffix a/b small.png -o none2
several 1 1 ddpmenc small.png 3x5.png 67x1.png
several 1 1 ddpmdec small.ddz 3x5.ddz 67x1.ddz
[ "$(ls none)" = '' ] || fail "written in spite of a refusal: $(ls none)"
absent none2 none2.ddz none2.png frames x-y-y.png 3x5-y.png

# ---- Interrupted: all processes end, and nothing is left.
for name in 1 2 3; do
    cp "$data/scene.png" long-$name.png
done
"$top_builddir/ddpmenc" --quiet --threads 2 -j 2 --effort 9 -q 99 --trellis-bits 16 long-?.png -o long &
worker=$!
tries=0
until [ "$(find long -name '.ddz.??????' 2> /dev/null | wc -l)" -eq 2 ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || fail "no two temporary files"
    sleep 0.05
done
kill -TERM $worker
wait $worker
status=$?
[ $status -eq $((128 + 15)) ] || fail "status $status after SIGTERM"
nothing_left
[ "$(ls long)" = '' ] || fail "made in spite of a signal: $(ls long)"

# ---- A camera's folder: JPEG files that stand in all ways, in two commands
if grep -q '^#define DDZ_JPEG 1' "$top_builddir/config.h" && command -v cjpeg > /dev/null; then
    expect 0 ddpmdec small.ddz flat.ppm
    cjpeg -quality 90 flat.ppm > flat.jpg || exit 99
    mkdir camera
    for i in 1 2 3 4 5 6 7 8 9 10; do
        # An Exif block of one entry, the orientation, before all that a JPEG file has
        {
            head -c 2 flat.jpg
            printf '\377\341\000\042Exif\000\000MM\000\052\000\000\000\010'
            printf '\000\001\001\022\000\003\000\000\000\001\000'
            printf '%b\000\000\000\000\000\000' "\\0$(printf %o $(((i - 1) % 8 + 1)))"
            tail -c +3 flat.jpg
        } > camera/photo-$i.jpg
    done
    several 0 0 ddpmenc --quiet --effort 1 -j 2 camera/*.jpg -o folder
    several 0 0 ddpmdec --quiet -j 2 folder/*.ddz -o back
    [ "$(find back -name 'photo-*.png' | wc -l)" -eq 10 ] || fail "not ten pictures: $(ls back)"
    for i in 1 2 3 4 5 6 7 8 9 10; do
        case $(((i - 1) % 8 + 1)) in
        [1-4]) size='000 000 000 060 000 000 000 050' ;;
        *) size='000 000 000 050 000 000 000 060' ;;
        esac
        [ "$(od -An -to1 -j16 -N8 back/photo-$i.png | sed 's/^ *//')" = "$size" ] || fail "photo-$i does not stand upright"
        expect 0 ddpmenc --quiet --effort 1 camera/photo-$i.jpg one.ddz
        same one.ddz folder/photo-$i.ddz
        expect 0 ddpmdec one.ddz one.png
        same one.png back/photo-$i.png
    done
    differ back/photo-1.png back/photo-2.png
    same back/photo-1.png back/photo-9.png
fi
