#!/bin/sh
# The library exports what its headers declare, and nothing else; every global symbol of its archive has the
# prefix ddz_; each header stands alone.
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
: "${CC:=cc}"
: "${NM:=nm}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
headers="ddz.h ddz/base.h ddz/research.h"

# shellcheck disable=SC2086 # a list of files
(cd "$top_srcdir/include" && cat $headers) | grep -o '^DDZ_API [^(]*(' | sed 's/.*[ *]\(ddz_[a-z_]*\)($/\1/' | sort > "$scratch/declared"
[ "$(wc -l < "$scratch/declared")" -ge 20 ] || exit 99

library=$top_builddir/.libs/libddz.so
if [ -e "$library" ]; then
    # Data of a sanitizer are not the library's own.
    $NM -D --defined-only "$library" | awk '{ print $NF }' | sed 's/@.*//' | grep -Ev '^__|^_(init|fini|edata|end)$' |
        sort > "$scratch/exported"
    diff "$scratch/declared" "$scratch/exported" || {
        echo "the shared library exports other names than the headers declare"
        exit 1
    }
fi

# A program that links the archive shares all of its global names.
archives=0
for archive in "$top_builddir/.libs/libddz.a" "$top_builddir/.libs/libcore.a"; do
    [ -e "$archive" ] || continue
    archives=$((archives + 1))
    $NM -g --defined-only "$archive" 2> /dev/null | awk 'NF == 3 { print $3 }' > "$scratch/global"
    [ "$(wc -l < "$scratch/global")" -ge 100 ] || exit 99
    if grep -v '^ddz_' "$scratch/global"; then
        echo "$archive has global symbols without the prefix ddz_"
        exit 1
    fi
done
[ "$archives" -gt 0 ] || exit 99

# Every documented name is one of them, and every one is documented; but for those that are not stable.
grep -v '^ddz_research_' "$scratch/declared" > "$scratch/stable"
sed -n '/^\.SH SYNOPSIS/,/^\.SH DESCRIPTION/p' "$top_srcdir/man/ddz.3" | grep -o 'ddz_[a-z_]*(' | tr -d '(' | sort -u \
    > "$scratch/documented"
diff "$scratch/stable" "$scratch/documented" || {
    echo "ddz.3 documents other functions than its headers declare"
    exit 1
}

for header in $headers; do
    echo "#include <$header>" > "$scratch/alone.c"
    for standard in c99 c11; do
        $CC -std=$standard -Wall -Wextra -Wpedantic -Wstrict-prototypes -Werror -I"$top_srcdir/include" -c \
            "$scratch/alone.c" -o "$scratch/alone.o" || exit 1
    done
done

# A program that links the static library gets what that needs from pkg-config's file.
for archive in "$top_builddir"/.libs/libddz.a "$top_builddir"/libddz.a; do
    [ -f "$archive" ] || continue
    if $NM -u "$archive" 2> /dev/null | grep -Eq ' (log2?|exp2?|pow|lrint|llrint)$' &&
        ! grep '^Libs.private:' "$top_builddir/ddz.pc" | grep -q -- '-lm'; then
        case $(uname -s) in
        Linux) echo "ddz.pc lacks -lm" && exit 1 ;;
        esac
    fi
done
