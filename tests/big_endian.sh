#!/usr/bin/env bash
# The decoder on a machine of the other byte order: build ddpmdec for s390x, run it under QEMU on the
# golden streams, and compare its pictures with those of the native ddpmdec.
#
#   tests/big_endian.sh NATIVE_BUILD_DIR
#
# Installs Debian's cross compiler and qemu-user; the libraries are only unpacked.
set -euo pipefail

native=$(realpath "$1")
# shellcheck source=tests/cross.sh
. "$(dirname "$0")/cross.sh"
cross_build s390x s390x-linux-gnu "libpng-dev zlib1g-dev libzstd-dev" ddpmdec

golden=$top/tests/golden
for stream in "$golden"/*.ddz; do
    for bits in 77 700 1000000; do
        qemu-s390x ./ddpmdec --quiet --model "$golden/model.ddm" --bits $bits "$stream" "$scratch/theirs.png"
        "$native/ddpmdec" --quiet --model "$golden/model.ddm" --bits $bits "$stream" "$scratch/ours.png"
        [ "$("$native/ddpmeval" --compare "$scratch/ours.png" "$scratch/theirs.png")" = inf ] || {
            echo "${stream##*/}, $bits bits: the pictures differ"
            exit 1
        }
    done
done
echo "s390x decodes the golden streams to the same pictures"
