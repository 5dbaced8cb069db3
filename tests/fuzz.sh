#!/bin/sh
# The fuzz targets' corpus as a regression test: each input through its target. With DDZ_FUZZ_SECONDS and a build with
# --enable-fuzzing, each target runs for as many seconds, from the corpus on.
set -eu
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
top_builddir=$(cd "$top_builddir" && pwd)
corpus=$top_srcdir/tests/fuzz/corpus
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

mkdir "$scratch/png"
cp "$corpus"/png/* "$scratch/png"
for picture in "$top_srcdir"/testdata/*.png; do
    [ "$(wc -c < "$picture")" -gt 5000 ] || cp "$picture" "$scratch/png"
done

run() {
    target=$top_builddir/tests/fuzz/fuzz_$1
    if [ -n "${DDZ_FUZZ_SECONDS:-}" ]; then
        mkdir "$scratch/new"
        (cd "$scratch" && "$target" -max_total_time="$DDZ_FUZZ_SECONDS" -rss_limit_mb=4096 new "$2") || {
            for found in "$scratch"/crash-* "$scratch"/oom-* "$scratch"/timeout-*; do
                [ ! -f "$found" ] || od -A d -t x1 "$found"
            done
            exit 1
        }
        rm -r "$scratch/new"
    else
        "$target" "$2"
    fi
}

run decode "$corpus/decode"
run graphics "$corpus/graphics"
run stream "$corpus/decode"
run model "$corpus/model"
run network "$corpus/model"
run png "$scratch/png"
run pnm "$corpus/pnm"
! grep -q '^#define DDZ_JPEG 1' "$top_builddir/config.h" || run jpeg "$corpus/jpeg"
! grep -q '^#define DDZ_WEBP 1' "$top_builddir/config.h" || run webp "$corpus/webp"
! grep -q '^#define DDZ_TIFF 1' "$top_builddir/config.h" || run tiff "$corpus/tiff"
