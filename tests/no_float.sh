#!/bin/sh
# The decode path has no floating point: not in its source, not in its instructions.
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
: "${CC:=cc}"

# The encoder's side, and the figures that the library reports, may use it.
exempt='encode/|chain/report\.|api/progress\.'
status=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

layers="base cpu model nn diffusion channel exact format api chain decode encode recode"

# ---- Source ---------------------------------------------------------------------------------------

cd "$top_srcdir/src" || exit 99
# shellcheck disable=SC2086 # a list of folders
find $layers -name '*.[ch]' | grep -Ev "$exempt" | sort > "$scratch/sources"
[ "$(wc -l < "$scratch/sources")" -ge 30 ] || exit 99
# Comments may speak of it.
while read -r source; do
    if sed -e 's|//.*||; s|/\*.*\*/||g; /\/\*/,/\*\//d' "$source" | grep -nE '\b(float|double|long double|__m(128|256|512)d?)\b'
    then
        echo "$source: floating point"
        status=1
    fi
done < "$scratch/sources"

# GCC refuses floating point where it may use general registers only. Not for the kernels of an
# instruction set, nor for the decoder's outermost file, which hands the report's figures on.
echo 'int main(void) { return 0; }' > "$scratch/empty.c"
case $(uname -m) in
x86_64 | aarch64)
    if $CC -mgeneral-regs-only -c "$scratch/empty.c" -o "$scratch/object.o" 2> "$scratch/messages"; then
        grep '\.c$' "$scratch/sources" | grep -vE '/(x86|arm|wasm)/|decode/(decoder|picture)' | while read -r source; do
            $CC -std=c11 -O2 -mgeneral-regs-only -DHAVE_CONFIG_H -I"$top_builddir" -I"$top_srcdir/include" -I. \
                -c "$source" -o "$scratch/object.o" || exit 1
        done || status=1
    fi
    ;;
esac

# ---- Instructions ---------------------------------------------------------------------------------

cd "$top_builddir/src" || exit 99
case $(uname -m) in
x86_64) command -v objdump > /dev/null || exit $status ;;
*) exit $status ;;
esac

# Arithmetic, comparison and conversion of floats, in SSE, AVX and x87. Moves, shuffles and logic in
# float registers are common for integers, too.
kinds='ss|sd|ps|pd'
arithmetic="v?(add|sub|mul|div|sqrt|min|max|rcp|rcp14|rsqrt|rsqrt14|round|rndscale|range|reduce|scalef|getexp|getmant|dp|hadd|hsub|addsub|cmp[a-z_]*|u?comi)($kinds)"
fused='vfn?m(add|sub)[0-9a-z]*'
conversion='v?cvt[a-z0-9]*'
x87='f(add|sub|mul|div|ild|ld|st|istp|sqrt|com|ucom|chs|abs|xch)[a-z0-9]*'
# instructions OBJECT: those that it has, with their numbers; fails if there are none
instructions() {
    objdump -d --no-show-raw-insn "$1" | awk -F '\t' 'NF > 1 { split($2, word, " "); print word[1] }' |
        grep -xE "$arithmetic|$fused|$conversion|$x87" > "$scratch/found" && sort "$scratch/found" | uniq -c
}

# shellcheck disable=SC2086
find $layers -name '*.o' | sort > "$scratch/objects"
grep -vE "$(echo "$exempt" | sed 's|/|/.*-|g')" "$scratch/objects" > "$scratch/decoding"
[ "$(wc -l < "$scratch/decoding")" -ge 20 ] || exit 99
while read -r object; do
    if found=$(instructions "$object"); then
        echo "$object: floating point"
        echo "$found"
        status=1
    fi
done < "$scratch/decoding"

# The search is worth something only if it finds what the encoder is known to have.
instructions "$(grep -E 'encode/.*-encoder\.o$' "$scratch/objects" | head -n 1)" > "$scratch/known" || {
    echo "nothing found in the encoder"
    status=99
}
exit $status
