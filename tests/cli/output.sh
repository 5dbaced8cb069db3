#!/bin/sh
# An output is complete or not there, and what stood there before is replaced only by a complete one.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

nothing_left() {
    for name in .ddz.* */.ddz.*; do
        [ ! -e "$name" ] || fail "left behind: $name"
    done
}

expect 0 ddpmenc "$data/small.png" good.ddz
cp good.ddz before

# A full disk.
if [ -w /dev/full ]; then
    expect 2 ddpmenc "$data/small.png" /dev/full
    expect 2 ddpmdec good.ddz /dev/full
    ddpmenc "$data/small.png" - > /dev/full 2> err
    [ $? -eq 2 ] || fail "full standard output, ddpmenc"
    one_line ddpmenc -
    ddpmdec good.ddz - > /dev/full 2> err
    [ $? -eq 2 ] || fail "full standard output, ddpmdec"
    one_line ddpmdec -
    ddpmdec --info good.ddz > /dev/full 2> err
    [ $? -eq 2 ] || fail "full standard output, ddpmdec --info"
    one_line ddpmdec --info
    ddpmeval --bpp 1 "$data/small.png" > /dev/full 2> err
    [ $? -eq 2 ] || fail "full standard output, ddpmeval"
    one_line ddpmeval
fi

# A limit on the size of files does as a full disk.
expect 0 ddpmenc -q 100 --quiet "$data/small.png" exact.ddz
(
    ulimit -f 1
    expect 2 ddpmenc -q 100 "$data/small.png" good.ddz
    mv err err.enc
    expect 2 ddpmdec exact.ddz a.png
    mv err err.png
    expect 2 ddpmdec exact.ddz a.ppm
) || fail "beyond the largest file size"
for name in err.enc err.png err; do
    grep -q 'File too large' $name || fail "a file that is too large is told as: $(cat $name)"
done
absent a.png a.ppm
same before good.ddz
nothing_left

# Folders that are not there, names that are folders.
expect 2 ddpmenc "$data/small.png" nowhere/a.ddz
expect 2 ddpmdec good.ddz nowhere/a.png
mkdir folder
expect 2 ddpmenc "$data/small.png" folder
expect 2 ddpmdec good.ddz folder
expect 2 ddpmdec --frames good.ddz good.ddz
expect 2 ddpmdec --frames nowhere/frames good.ddz

# A failure leaves what was there.
head -c 4 good.ddz > cut.ddz
echo precious > kept.png
expect 3 ddpmdec cut.ddz kept.png
expect 1 ddpmenc --bytes 3 "$data/small.png" good.ddz
[ "$(cat kept.png)" = precious ] || fail "an existing file was touched"
same before good.ddz
nothing_left

# A new file has the permissions that the mask leaves it; a link is written through.
(umask 027 && ddpmenc --quiet "$data/small.png" mode.ddz)
case $(ls -l mode.ddz) in
-rw-r-----*) ;;
*) fail "permissions: $(ls -l mode.ddz)" ;;
esac
ln -s mode.ddz link.ddz
expect 0 ddpmenc -q 10 "$data/small.png" link.ddz
[ -L link.ddz ] || fail "the link was replaced"
differ before mode.ddz

# Interrupted while it works: nothing is left, and the shell sees the signal. A shell without job control starts its
# background processes deaf to some signals, nohup to one more, which env undoes where it can.
undo=
env --default-signal=INT,QUIT,HUP true 2> /dev/null && undo='env --default-signal=INT,QUIT,HUP'
for signal in INT QUIT TERM HUP PIPE XCPU USR1 ALRM; do
    case $undo$signal in
    INT | QUIT | HUP) continue ;;
    esac
    # shellcheck disable=SC3045 # dash and bash have it
    ulimit -c 0
    $undo "$top_builddir/ddpmenc" --quiet --threads 1 --effort 9 -q 99 --trellis-bits 16 "$data/scene.png" long.ddz &
    worker=$!
    tries=0
    until ls .ddz.?????? > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || fail "no temporary file"
        sleep 0.05
    done
    kill -$signal $worker
    wait $worker
    status=$?
    [ $status -gt 128 ] || fail "status $status after SIG$signal"
    nothing_left
    absent long.ddz
done
