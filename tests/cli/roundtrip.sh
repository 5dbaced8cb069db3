#!/bin/sh
# Pictures of all kinds and sizes go through; the digest says that both sides saw the same.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

for name in 1x1 3x5 67x1 small grey grey16 palette; do
    expect 0 ddpmenc --chain --effort 2 "$data/$name.png" $name.ddz
    expect 0 ddpmdec --verbose $name.ddz
    grep -q 'decoded exactly' err || fail "$name: not decoded exactly"
    psnr=$(ddpmeval --compare "$data/$name.png" $name.png) || fail "$name: size differs"
    awk "BEGIN { exit !($psnr > 20) }" || fail "$name: $psnr dB"
done

# The summary is one line.
expect 0 ddpmenc "$data/small.png" small.ddz
[ "$(wc -l < err)" -eq 1 ] || fail "more than one line of summary"
[ ! -s out ] || fail "ddpmenc writes to standard output"
grep -q "48 x 40, $(size_of small.ddz) bytes, " err || fail "summary without sizes"
expect 0 ddpmenc --quiet "$data/small.png" again.ddz
[ ! -s err ] || fail "--quiet is not quiet"
same small.ddz again.ddz
expect 0 ddpmenc --verbose "$data/small.png" again.ddz
[ "$(grep -c ' dB$' err)" -eq "$(ddpmdec --info again.ddz | grep -c -- '->')" ] || fail "tables of steps differ"

# The same RGB stored otherwise gives the same stream.
for name in interlaced rgb16; do
    expect 0 ddpmenc --chain "$data/$name.png" $name.ddz
    same small.ddz $name.ddz
done
expect 0 ddpmenc "$data/rgb16.png" rgb16.ddz

# Pipes.
expect 0 ddpmdec small.ddz small.png
ddpmenc - - < "$data/small.png" 2> err | ddpmdec - - > piped.png 2>> err || fail "pipe: $(cat err)"
same small.png piped.png
ddpmdec - < small.ddz > piped.png 2> err || fail "standard input alone: $(cat err)"
same small.png piped.png

# Names of the output: .png in place of .ddz, or after what there is.
cp small.ddz other.ddz
cp small.ddz stream
rm small.png
expect 0 ddpmdec other.ddz
expect 0 ddpmdec stream
same other.png stream.png
cp other.png existing.png
expect 0 ddpmdec --bits 300 small.ddz existing.png
differ other.png existing.png
