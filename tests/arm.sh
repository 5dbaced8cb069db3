#!/usr/bin/env bash
# The kernels for AArch64 under QEMU: their unit tests on a processor without dot products of bytes, on one with them and
# on one with matrix products.
#
#   tests/arm.sh
#
# Installs Debian's cross compiler and qemu-user; the libraries are only unpacked.
set -euo pipefail

# shellcheck source=tests/cross.sh
. "$(dirname "$0")/cross.sh"
cross_build arm64 aarch64-linux-gnu \
    "libpng-dev libpng16-16 zlib1g-dev libzstd-dev check libsubunit-dev" \
    tests/list_features tests/check_conv tests/check_conv_bounds tests/check_search

# run CPU PROGRAM: prints its log if it fails.
run() {
    local log=$scratch/$1.$2.log
    qemu-aarch64 -cpu "$1" "tests/$2" > "$log" 2>&1 || {
        cat "$log"
        echo "$2 failed with -cpu $1"
        return 1
    }
    echo "$2 with -cpu $1"
}

while read -r cpu features; do
    found=$(qemu-aarch64 -cpu "$cpu" tests/list_features | tr '\n' ' ')
    [ "$found" = "$features " ] || {
        echo "-cpu $cpu: features '$found', not '$features '"
        exit 1
    }
done << 'CPUS'
cortex-a53 neon
neoverse-n1 neon dotprod
max neon dotprod i8mm
CPUS

# Of the search's tests only those of kernels: the others take minutes here.
export scratch CK_RUN_CASE
export -f run
CK_RUN_CASE=kernels run max check_search
unset CK_RUN_CASE
xargs -n 2 -P "$(nproc)" bash -c 'run "$0" "$1"' << 'PROGRAMS'
max check_conv
neoverse-n1 check_conv
cortex-a53 check_conv
max check_conv_bounds
PROGRAMS
