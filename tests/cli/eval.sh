#!/bin/sh
# ddpmeval's figures agree with what the other programs do.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# column NAME: of the second line of out, by the name in the first
column() {
    awk -F, -v name="$1" -v line="${2:-2}" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i }
        NR == line { print $c }' out
}

expect 0 ddpmeval --compare "$data/small.png" "$data/rgb16.png"
[ "$(cat out)" = inf ] || fail "equal pictures: $(cat out)"

expect 0 ddpmeval --csv --bpp 1 "$data/small.png"
[ "$(wc -l < out)" -eq 2 ] || fail "lines for one picture and rate"
[ "$(column bits)" -eq 1920 ] || fail "bits: $(column bits)"
expect 0 ddpmenc --bpp 1 "$data/small.png" s.ddz
expect 0 ddpmdec s.ddz s.png
psnr=$(ddpmeval --compare "$data/small.png" s.png)
expect 0 ddpmeval --csv --bpp 1 "$data/small.png"
[ "$(column psnr_db)" = "$psnr" ] || fail "PSNR $(column psnr_db), not $psnr"
awk "BEGIN { exit !($(column real_over_ideal) > 1) }" || fail "a real stream is below the ideal"

expect 0 ddpmeval --csv --bpp 1 --ideal "$data/small.png"
awk "BEGIN { exit !($(column psnr_db) > 10) }" || fail "ideal channel: $(column psnr_db) dB"

# Two pictures and two rates: four lines and two means.
expect 0 ddpmeval --csv --bpp 1,2 "$data/small.png" "$data/grey.png"
[ "$(grep -c '^"mean",' out)" -eq 2 ] && [ "$(wc -l < out)" -eq 7 ] || fail "means"
awk "BEGIN { d = $(column psnr_db 2) + $(column psnr_db 4) - 2 * $(column psnr_db 6); exit !(d < 0.001 && d > -0.001) }" ||
    fail "mean is not the mean"
expect 0 ddpmeval --bpp 1,2 "$data/small.png" "$data/grey.png"
[ "$(wc -l < out)" -eq 7 ] || fail "table"

# Prefixes of one file.
expect 0 ddpmenc -q 40 "$data/small.png" s.ddz
expect 0 ddpmdec --bytes 64 s.ddz s.png
psnr=$(ddpmeval --compare "$data/small.png" s.png)
expect 0 ddpmeval --csv --prefixes -q 40 "$data/small.png"
grep -q ",64,512,.*,$psnr," out || fail "prefix of 64 bytes is not of $psnr dB"
tail -n 1 out | grep -q ",$(size_of s.ddz)," || fail "the last line is not the whole"
expect 0 ddpmeval --csv --bits 512 -q 40 "$data/small.png"
[ "$(column psnr_db)" = "$psnr" ] || fail "--bits 512: $(column psnr_db), not $psnr"
