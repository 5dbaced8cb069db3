#!/usr/bin/env bash
# The kernels for AArch64 under QEMU: the golden streams on a processor without dot products, on one with dot products
# and on one with matrix products of bytes; and the kernels' unit tests.
#
#   tests/arm.sh
#
# Installs Debian's cross compiler and qemu-user; the libraries are only unpacked.
set -euo pipefail

# shellcheck source=tests/cross.sh
. "$(dirname "$0")/cross.sh"
cross_build arm64 aarch64-linux-gnu \
    "libpng-dev libpng16-16 zlib1g-dev libzstd-dev check libsubunit-dev" \
    tests/list_features tests/check_conv tests/check_conv_bounds tests/check_search tests/check_golden

run() {
    top_srcdir=$top qemu-aarch64 -cpu "$1" "tests/$2" > "$scratch/log" 2>&1 || {
        cat "$scratch/log"
        echo "$2 failed with -cpu $1"
        exit 1
    }
}

# The last one has all kernels, and runs their unit tests; the others stop at an instruction that they lack.
while read -r cpu features; do
    found=$(qemu-aarch64 -cpu "$cpu" tests/list_features | tr '\n' ' ')
    [ "$found" = "$features " ] || {
        echo "-cpu $cpu: features '$found', not '$features '"
        exit 1
    }
    run "$cpu" check_golden
    echo "$cpu: $features"
done << 'CPUS'
cortex-a53 neon
neoverse-n1 neon dotprod
max neon dotprod i8mm
CPUS
for program in check_conv check_conv_bounds check_search; do
    run max "$program"
done
echo "all kernels for AArch64 compute the formulas"
