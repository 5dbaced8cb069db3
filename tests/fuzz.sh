#!/bin/sh
# The fuzz targets' corpus as a regression test: each input through its target.
set -eu
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"

for target in decode model; do
    "$top_builddir/tests/fuzz/fuzz_$target" "$top_srcdir/tests/fuzz/corpus/$target"/*
done
"$top_builddir/tests/fuzz/fuzz_stream" "$top_srcdir/tests/fuzz/corpus/decode"/*
