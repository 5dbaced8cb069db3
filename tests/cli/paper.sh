#!/bin/sh
# ddpmeval --paper: its sums add up, and agree with what the other programs do.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# values ROW COLUMN: a column of the CSV in out, one line for each row of that kind
values() {
    awk -F, -v row="$1" -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i }
        NR > 1 && $1 == row { print $c }' out
}

# value ROW COLUMN: of the last such row
value() {
    values "$1" "$2" | tail -n 1
}

# near A B [TOLERANCE]
near() {
    awk -v a="$1" -v b="$2" -v t="${3:-2e-6}" 'BEGIN {
        d = a - b; exit !(a != "" && b != "" && d <= t && d >= -t) }'
}

# less A B
less() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a < b) }'
}

# calculate EXPRESSION
calculate() {
    awk "BEGIN { printf \"%.12g\", $1 }"
}

# Of the numbers on standard input: mean, and standard error of that if there are two
mean() {
    awk '{ s += $1 } END { printf "%.12g", s / NR }'
}
error_of_two() {
    awk 'NR == 1 { a = $1 } END { d = a - $1; printf "%.12g", (d < 0 ? -d : d) / 2 }'
}

sums() {
    near "$(value "$1" rate)" "$(calculate "$(value "$1" l_T) + $(value "$1" l_1_to_T_1)")" ||
        fail "$1: L_T and L_1..T-1 are not the rate"
    near "$(value "$1" lossless)" "$(calculate "$(value "$1" rate) + $(value "$1" l_0)")" ||
        fail "$1: rate and L_0 are not the lossless codelength"
    ! less "$(value "$1" l_0_sigma)" "$(value "$1" l_0)" || fail "$1: the fitted s is not the best"
}

expect 0 ddpmeval --paper --csv --sigma-end 2 "$data/small.png" "$data/grey.png"
cp out two.csv
lossless=$(value table lossless)
awk -F, 'NR == 1 { n = NF } NF != n { exit 1 }' out || fail "lines of different lengths"
for row in end table paper; do
    [ "$(values $row row | wc -l)" -eq 1 ] || fail "lines '$row'"
done
[ "$(values picture row | wc -l)" -eq 2 ] || fail "lines 'picture'"
[ "$(values step row | wc -l)" -gt 20 ] || fail "lines 'step'"
sums end
sums table
sums picture
near "$(value table sigma)" 2.0154 0.001 || fail "--sigma-end 2 is $(value table sigma)"
for column in l_T rate l_0 lossless real_rate real_file real_lossless; do
    near "$(value table $column)" "$(values picture $column | mean)" || fail "$column is not a mean"
    near "$(value table ${column}_se)" "$(values picture $column | error_of_two)" || fail "s.e. of $column"
done
rmse=$(value table rmse)
near "$(calculate "$rmse * $rmse")" "$(values picture rmse | awk '{ print $1 * $1 }' | mean)" 1e-5 ||
    fail "RMSE is not the root of the mean square"
near "$(value paper rate)" 1.78 && near "$(value paper l_0_sigma)" 1.97 && near "$(value paper rmse)" 0.95 ||
    fail "the paper's figures"

# The curve begins with nothing, never goes back, and ends at the table.
near "$(values step rate | head -n 1)" 0 || fail "bits before the first step"
for column in rate real_rate rmse_8bit real_rmse_8bit; do
    near "$(value step $column)" "$(value table $column)" || fail "the curve's end: $column"
done
values step rate | sort -g -c || fail "a rate that shrinks"
near "$(value step bpp)" "$(calculate "3 * $(value step rate)")" 1e-5 || fail "bits a pixel"

# The same again, but for another seed.
expect 0 ddpmeval --paper --csv --sigma-end 2 "$data/small.png" "$data/grey.png"
same out two.csv
expect 0 ddpmeval --paper --csv --sigma-end 2 --seed 2 "$data/small.png" "$data/grey.png"
differ out two.csv
near "$(value table lossless)" "$lossless" 0.1 || fail "the seed matters too much"

# A real file that ends at the same noise, level 175: 36 + 1.6 * 86.875.
expect 0 ddpmeval --paper --csv --sigma-end 2 "$data/small.png"
[ -z "$(value table rate_se)" ] || fail "a standard error from one picture"
steps=$(value table steps)
expect 0 ddpmenc --steering 0 -q 86.875 "$data/small.png" s.ddz
expect 0 ddpmenc --lossless --steering 0 -q 86.875 "$data/small.png" exact.ddz
expect 0 ddpmdec s.ddz s.png
psnr=$(ddpmeval --compare "$data/small.png" s.png)
expect 0 ddpmeval --paper --csv --sigma-end 2 "$data/small.png"
near "$(value table real_file)" "$(calculate "8 * $(size_of s.ddz) / 5760")" || fail "size of the file"
near "$(value table real_psnr_8bit)" "$psnr" 1e-4 || fail "PSNR of the file"
near "$(value table real_lossless)" "$(calculate "8 * $(size_of exact.ddz) / 5760")" || fail "size of the exact file"
expect 0 ddpmeval --paper --csv --sigma-end 2 --calls 16 "$data/small.png"
less "$steps" "$(value table steps)" || fail "--calls does nothing"

# Left to itself it takes the end with the shortest codelength. Sizes, and so steps, may differ.
expect 0 ddpmeval --paper --csv "$data/3x5.png" "$data/small.png" "$data/67x1.png"
[ "$(values end row | wc -l)" -eq 5 ] || fail "candidates"
near "$(value table lossless)" "$(values end lossless | sort -g | head -n 1)" || fail "not the best end"
[ "$(values step pictures | sort -g | uniq | tr '\n' ' ')" = "1 2 3 " ] || fail "pictures of a step"

expect 0 ddpmeval --paper --sigma-end 3 "$data/small.png"
for text in CIFAR-10 1.78 1.97 0.95 'data differ' 'fitted s' 'lossless codelength' 'real lossless file'; do
    grep -q "$text" out || fail "the table does not say '$text'"
done

for option in '--paper --bpp 1' '--bpp 1 --paper' '--paper --prefixes' '--bits 9 --paper' \
    '--paper --compare' '--paper --ideal' '--sigma-end 2' '--paper --sigma-end 0.5' \
    '--paper --sigma-end 45' '--paper --sigma-end nan' '--paper --sigma-end -1' '--paper --sigma-end'; do
    # shellcheck disable=SC2086 # options and values
    expect 1 ddpmeval "$data/3x5.png" $option
done
expect 1 ddpmeval --paper - < "$data/3x5.png"
expect 1 ddpmeval --paper
expect 2 ddpmeval --paper "$data/3x5.png" no-such.png
expect 3 ddpmeval --paper "$toy"
