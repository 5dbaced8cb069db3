#!/bin/sh
# The programs behind bench/speed build and agree with each other, and its report is all there. How
# fast anything is, is not judged.
set -eu
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
. "$top_srcdir/tests/python.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
picture=$top_srcdir/testdata/small.png
model=$top_srcdir/models/default.ddm

fail() {
    echo "FAILED: $*"
    exit 1
}

make -s -C "$top_builddir" bench/kernels bench/parts

# Each function on the linker's list was met, in encoder or decoder.
"$top_builddir/bench/parts" --threads 1 --repeats 1 "$model" "$picture" > "$scratch/parts.csv"
awk -F, '
    NR > 1 { sum[$2 $3] += $(NF - 1); lines[$1]++ }
    END {
        for (part in sum)
            if (sum[part] <= 0) {
                print "no time in " part
                failed = 1
            }
        exit failed || lines["encode"] != 15 || lines["decode"] != 15
    }' "$scratch/parts.csv" || fail "bench/parts misses a part"

# Of what is not there, a line and a status.
status=0
"$top_builddir/bench/parts" "$model" "$scratch/none.png" > /dev/null 2> "$scratch/err" || status=$?
[ "$status" -eq 2 ] || fail "bench/parts: status $status of a picture that is not there"
[ "$(wc -l < "$scratch/err")" -eq 1 ] || fail "bench/parts says more than a line"

find_python "sys; assert sys.version_info >= (3, 9)"

speed() {
    "$python" "$top_srcdir/bench/speed" "$1" --build "$top_builddir" --out "$scratch/out" --quick \
        --threads 1 2
}

speed "$picture" > "$scratch/report" 2> "$scratch/err" || {
    cat "$scratch/err"
    fail "bench/speed"
}
[ "$(grep -c '^## ' "$scratch/report")" -eq 6 ] || fail "tables are missing from the report"
[ "$(wc -l < "$scratch/out/codec.csv")" -eq 3 ] || fail "codec.csv has not the two points of --quick"
[ "$(wc -l < "$scratch/out/parts.csv")" -eq 61 ] || fail "parts.csv has not 2 times 2 times 15 parts"
for threads in 1 2; do
    [ "$(grep -c "^portable,network .*,$threads," "$scratch/out/network.csv")" -eq 3 ] ||
        fail "network.csv lacks networks of $threads threads"
done
grep -q "^processor,." "$scratch/out/machine.csv" || fail "machine.csv does not name the processor"

rm -r "$scratch/out"
for bad in "$scratch/none.png" "$model"; do
    if speed "$bad" > /dev/null 2> "$scratch/err"; then
        fail "bench/speed takes $bad for a picture"
    fi
    grep -q "^speed: $bad: ." "$scratch/err" || fail "bench/speed does not say what is wrong with $bad"
    [ ! -e "$scratch/out/codec.csv" ] || fail "bench/speed leaves a table of nothing"
done
