#!/bin/sh
# The programs behind bench/speed build and agree with each other, its report is all there, and two builds
# are set side by side. How fast anything is, is not judged.
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

# ---- Two builds -----------------------------------------------------------------------------------

"$python" "$top_srcdir/tests/bench_speed_check.py" || fail "the ratios of bench/speed --against"

# against BUILD: its status, and the verdicts on streams and pictures in $verdicts
against() {
    status=0
    "$python" "$top_srcdir/bench/speed" --against "$1" --build "$top_builddir" --out "$scratch/out" --repeats 2 \
        --bpp 1 --efforts 1 --models small "$picture" > "$scratch/report" 2> "$scratch/err" || status=$?
    verdicts=$(sed 1d "$scratch/out/against.csv" | sed 's/.*,\(.*,.*\)/\1/' | sort -u)
}
# other NAME ENCODER DECODER: a build in $scratch/NAME, its programs the lines of shell given
other() {
    mkdir "$scratch/$1"
    printf '#!/bin/sh\n%s\n' "$2" > "$scratch/$1/ddpmenc"
    printf '#!/bin/sh\n%s\n' "$3" > "$scratch/$1/ddpmdec"
    chmod +x "$scratch/$1/ddpmenc" "$scratch/$1/ddpmdec"
}
encoder="exec '$top_builddir/ddpmenc'"
decoder="exec '$top_builddir/ddpmdec'"
# An encoder's stream is its last argument, a decoder's the one before.
# shellcheck disable=SC2016 # for the programs' own shell
stream='for word; do before=$last; last=$word; done;'

against "$top_builddir"
[ "$status $verdicts" = "0 same,same" ] || fail "a build against itself: status $status, $verdicts"
[ "$(wc -l < "$scratch/out/against.csv")" -eq 3 ] || fail "against.csv has not encoder and decoder"
[ "$(tail -n 2 "$scratch/report" | cut -d '|' -f 2,3,5,6 | tr -d ' \n')" = "encode|small|1|1decode|small|1|1" ] ||
    fail "the table of --against"

other search "$encoder \"\$@\" --trellis-bits 9" "$decoder \"\$@\""
against "$scratch/search"
[ "$status $verdicts" = "0 differ,same" ] || fail "other streams: status $status, $verdicts"

other wrong "$encoder \"\$@\"" "$stream cp '$picture' \"\$last\""
against "$scratch/wrong"
[ "$status $verdicts" = "1 same,differ" ] || fail "a decoder that is wrong: status $status, $verdicts"

# Another format: streams of one build begin with a byte that the other does not know.
other format "'$top_builddir/ddpmenc' \"\$@\" || exit; $stream
    (printf x; cat \"\$last\") > \"\$last.x\" && mv \"\$last.x\" \"\$last\"" \
    "$stream [ \"\$(head -c 1 \"\$before\")\" = x ] || exit 3
    tail -c +2 \"\$before\" | $decoder --quiet - \"\$last\""
against "$scratch/format"
[ "$status $verdicts" = "0 differ,refused" ] || fail "another format: status $status, $verdicts"

rm "$scratch/out/against.csv" "$scratch/wrong/ddpmdec"
against "$scratch/wrong" 2> /dev/null
[ "$status" -eq 1 ] && grep -q "^speed: $scratch/wrong: no ddpmdec there" "$scratch/err" ||
    fail "bench/speed does not say that a program is missing"
