#!/bin/sh
# Nothing that a user did not name is lost, and what is replaced keeps what it is.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

mode_of() {
    # shellcheck disable=SC2012 # the names are ours
    ls -ld "$1" | cut -c1-10
}

expect 0 ddpmenc --quiet "$data/3x5.png" a.ddz
expect 0 ddpmdec --quiet a.ddz
cp a.png whole.png

# ---- A name that the program chose itself is not replaced without --force.
echo precious > a.png
expect 2 ddpmdec a.ddz
grep -q -- --force err || fail "no word of --force"
[ "$(cat a.png)" = precious ] || fail "a default name was replaced"
for option in -f --force; do
    echo precious > a.png
    expect 0 ddpmdec $option a.ddz
    same a.png whole.png
done
# One that was named is.
expect 0 ddpmdec a.ddz a.png
same a.png whole.png

# ---- Input and output are different files, --force or not, whatever they are called.
cp "$data/3x5.png" in.png
cp in.png safe.png
ln -s in.png link
ln in.png hard
for name in in.png ./in.png link hard; do
    expect 1 ddpmenc -f in.png $name
    expect 1 ddpmenc -f $name in.png
    same in.png safe.png
done
"$top_builddir/ddpmenc" -f - in.png < in.png 2> err
[ $? -eq 1 ] || fail "standard input was overwritten"
one_line ddpmenc -
same in.png safe.png
cp a.ddz safe.ddz
expect 1 ddpmdec -f a.ddz a.ddz
expect 1 ddpmsample -f --from a.ddz a.ddz
mkdir frames
ln a.ddz frames/0000000064.png
expect 1 ddpmdec --frames frames a.ddz
rm -r frames
same a.ddz safe.ddz

# ---- The name of another kind of file is refused.
for name in x.png x.PNG x.jpg x.webp x.tif x.ddm; do
    expect 1 ddpmenc in.png $name
    grep -q -- --force err || fail "no word of --force"
    absent $name
done
for name in x.ddz x.jpg x.avif x.gif x.ddm; do
    expect 1 ddpmdec a.ddz $name
    expect 1 ddpmsample --size 8x8 $name
    absent $name
done
expect 0 ddpmenc --quiet -f in.png x.png
same a.ddz x.png
expect 0 ddpmdec -f a.ddz x.jpg
same whole.png x.jpg
for name in x x.v1 .png; do
    expect 0 ddpmenc --quiet in.png $name
    same a.ddz $name
    expect 0 ddpmdec a.ddz $name
    same whole.png $name
done

# ---- Permissions stay, links stay links.
for mode in 600 640 664; do
    cp whole.png mode.png
    chmod $mode mode.png
    before=$(mode_of mode.png)
    expect 0 ddpmdec --bits 100 a.ddz mode.png
    differ whole.png mode.png
    [ "$(mode_of mode.png)" = "$before" ] || fail "$before became $(mode_of mode.png)"
done
echo old > one
ln one two
expect 0 ddpmdec a.ddz one
same one whole.png
same two whole.png
ln -s target dangling
expect 0 ddpmdec a.ddz dangling
same target whole.png
[ -L dangling ] || fail "a dangling link was replaced"
ln -s nowhere/target dangling2
expect 2 ddpmdec a.ddz dangling2
name=$(printf '%0251d' 0).png
expect 0 ddpmdec a.ddz "$name"
same "$name" whole.png

# A file that can be written to in a folder that cannot; root may write everywhere.
mkdir locked
echo old > locked/file.png
chmod 555 locked
if [ "$(id -u)" -ne 0 ]; then
    expect 0 ddpmdec a.ddz locked/file.png
    same locked/file.png whole.png
    expect 2 ddpmdec a.ddz locked/new.png
    chmod 444 locked/file.png
    expect 2 ddpmdec a.ddz locked/file.png
fi
chmod 755 locked

# ---- Descriptors have names, too, and may be pipes.
if [ -e /dev/stdout ]; then
    "$top_builddir/ddpmdec" a.ddz /dev/stdout | cat > piped.png
    same piped.png whole.png
    ln -s /dev/stdout link-out
    "$top_builddir/ddpmdec" a.ddz link-out | cat > piped.png
    same piped.png whole.png
    { echo begun && "$top_builddir/ddpmdec" a.ddz /dev/stdout; } > both
    [ "$(size_of both)" -eq $((6 + $(size_of whole.png))) ] || fail "/dev/stdout replaced its file"
fi
if [ -e /dev/fd/0 ]; then
    "$top_builddir/ddpmenc" --quiet in.png /dev/fd/3 3>&1 > nothing | cat > piped.ddz
    same piped.ddz a.ddz
    [ ! -s nothing ] || fail "something else on standard output"
fi
mkfifo fifo
cat fifo > piped.png &
expect 0 ddpmdec a.ddz fifo
wait $!
same piped.png whole.png
[ -p fifo ] || fail "a pipe was replaced"

# ---- With standard streams closed, no message ends up in a file.
"$top_builddir/ddpmenc" in.png closed.ddz <&- >&- 2>&-
same closed.ddz a.ddz
"$top_builddir/ddpmdec" --verbose a.ddz closed.png <&- >&- 2>&-
same closed.png whole.png
"$top_builddir/ddpmdec" a.ddz - >&- 2> err
[ $? -eq 2 ] || fail "a closed standard output was written to"
one_line ddpmdec -
"$top_builddir/ddpmenc" - closed2.ddz <&- 2> err
[ $? -eq 2 ] || fail "a closed standard input was read"
absent closed2.ddz
for name in .ddz.* ; do
    absent "$name"
done
