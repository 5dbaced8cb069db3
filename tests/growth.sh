#!/bin/sh
# A program compiled against an older header runs with the library, and one compiled against a later header does:
# what a version knows less or more of is left out, or zero, or DDZ_ERR_UNSUPPORTED.
set -eu
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
: "${CC:=cc}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
header=$top_srcdir/include/ddz.h

# The last fields of both structures and the last parameter go; then a field and a parameter come.
mkdir "$scratch/older" "$scratch/present" "$scratch/later"
cp "$header" "$scratch/present"
awk '/^typedef struct ddz_step /, /^}/ { if (/ (bits|missing);/) next }
    /^typedef struct ddz_info /, /^}/ { if (/ (digest_agrees|skipped_records|trailing_bytes|picture_height);/) next }
    / DDZ_PARAM_SCALE = / { next }
    { print }' "$header" > "$scratch/older/ddz.h"
sed 's/^} ddz_info;/    int64_t later;\n&/; s/^} ddz_step;/    int64_t later;\n&/
    s/^} ddz_parameter;/    , DDZ_PARAM_LATER = 299\n&/' "$header" > "$scratch/later/ddz.h"
[ "$(diff "$header" "$scratch/older/ddz.h" | grep -c '^<')" -eq 6 ] || exit 99
[ "$(diff "$header" "$scratch/later/ddz.h" | grep -c '^>')" -eq 3 ] || exit 99

for version in older present later; do
    define=
    [ $version != later ] || define=-DLATER
    "$top_builddir/libtool" --quiet --tag=CC --mode=link $CC -std=c99 $define -I"$scratch/$version" -I"$top_srcdir/include" \
        "$top_srcdir/tests/growth_caller.c" "$top_builddir/libddz.la" -o "$scratch/caller-$version" 2> "$scratch/messages" || {
        cat "$scratch/messages"
        exit 1
    }
    "$scratch/caller-$version" "$top_srcdir/tests/golden/model.ddm" "$top_srcdir/tests/golden/small.ddz" \
        > "$scratch/$version.out"
done
cmp "$scratch/older.out" "$scratch/present.out"
cmp "$scratch/later.out" "$scratch/present.out"
grep -q '^37 x 26, ' "$scratch/present.out"
