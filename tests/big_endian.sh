#!/usr/bin/env bash
# The decoder on a machine of the other byte order: build ddpmdec for s390x, run it under QEMU on the
# golden streams, and compare its pictures with those of the native ddpmdec.
#
#   tests/big_endian.sh NATIVE_BUILD_DIR
#
# Installs Debian's cross compiler and qemu-user; the libraries are only unpacked.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
native=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo

fetch_libraries() {
    local had
    had=$(dpkg --print-foreign-architectures)
    [[ $had == *s390x* ]] || $sudo dpkg --add-architecture s390x
    $sudo apt-get -o DPkg::Lock::Timeout=600 update -q > /dev/null
    (cd "$scratch" && apt-get download -q libpng-dev:s390x zlib1g-dev:s390x libzstd-dev:s390x > /dev/null)
    if [[ $had != *s390x* ]]; then
        $sudo dpkg --remove-architecture s390x
        $sudo apt-get -o DPkg::Lock::Timeout=600 update -q > /dev/null
    fi
    for package in "$scratch"/*.deb; do
        dpkg -x "$package" "$scratch/root"
    done
}

$sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -q -y --no-install-recommends \
    gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user > /dev/null
fetch_libraries

lib=$scratch/root/usr/lib/s390x-linux-gnu
mkdir "$scratch/build"
cd "$scratch/build"
"$top/configure" -q --host=s390x-linux-gnu --disable-shared --disable-threads \
    PNG_CFLAGS=" " PNG_LIBS="-lpng16 -lz -lm" PKG_CONFIG_LIBDIR="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$scratch/root" \
    CPPFLAGS="-I$scratch/root/usr/include -I$scratch/root/usr/include/s390x-linux-gnu" \
    LDFLAGS="-static -L$lib" CFLAGS=-O2 > /dev/null
make -s LDFLAGS="-all-static -L$lib" ddpmdec

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
