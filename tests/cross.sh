# shellcheck shell=bash
# Sourced by what builds for another architecture and runs it under QEMU: installs Debian's cross compiler and
# qemu-user, and unpacks libraries of that architecture in $scratch/root. Sets top and scratch.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# fetch_libraries ARCHITECTURE PACKAGE ...
fetch_libraries() {
    local arch=$1 had package sudo=''
    shift
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    had=$(dpkg --print-foreign-architectures)
    grep -qx "$arch" <<< "$had" || $sudo dpkg --add-architecture "$arch"
    $sudo apt-get -o DPkg::Lock::Timeout=600 update -q > /dev/null
    (cd "$scratch" && apt-get download -q "${@/%/:$arch}" > /dev/null)
    if ! grep -qx "$arch" <<< "$had"; then
        $sudo dpkg --remove-architecture "$arch"
        $sudo apt-get -o DPkg::Lock::Timeout=600 update -q > /dev/null
    fi
    for package in "$scratch"/*.deb; do
        dpkg -x "$package" "$scratch/root"
    done
}

# cross_build ARCHITECTURE TRIPLET PACKAGES TARGET ...: static programs, in $scratch/build
cross_build() {
    local arch=$1 triplet=$2 packages=$3 sudo='' lib
    shift 3
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -q -y \
        --no-install-recommends \
        "gcc-$triplet" "libc6-dev-$arch-cross" qemu-user > /dev/null
    # shellcheck disable=SC2086 # a list
    fetch_libraries "$arch" $packages
    lib=$scratch/root/usr/lib/$triplet
    mkdir "$scratch/build"
    cd "$scratch/build"
    "$top/configure" -q --host="$triplet" --disable-shared --disable-threads \
        PNG_CFLAGS=" " PNG_LIBS="-lpng16 -lz -lm" CHECK_CFLAGS=" " CHECK_LIBS="-lcheck -lsubunit -lrt -lm" \
        PKG_CONFIG_LIBDIR="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$scratch/root" \
        CPPFLAGS="-I$scratch/root/usr/include -I$scratch/root/usr/include/$triplet" \
        LDFLAGS="-static -L$lib" CFLAGS=-O2 > /dev/null
    make -s -j "$(nproc)" LDFLAGS="-all-static -L$lib" "$@"
}
