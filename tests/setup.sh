#!/usr/bin/env bash
# Install what a build needs, if it is missing (Debian and its kin), and build.
#
#   tests/setup.sh [--with-trainer] [--with-bench] [--build DIR] [CONFIGURE OPTION ...]
#
# --with-trainer  install PyTorch and a font, too, which the trainer and its tests use
# --with-bench    install what the test of bench/rd uses, too
# --build DIR     where to build; default: build, beside this folder
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
packages=(gcc make autoconf automake libtool pkg-config libpng-dev libjpeg-dev libwebp-dev libtiff-dev libzstd-dev zlib1g-dev check zstd)
while [ $# -gt 0 ]; do
    case $1 in
    --with-trainer) packages+=(python3-torch python3-numpy python3-pil fonts-dejavu-core) ;;
    --with-bench)
        packages+=(python3-numpy python3-pil python3-scipy python3-skimage python3-matplotlib libjpeg-turbo-progs webp)
        ;;
    --build) build=$2; shift ;;
    *) break ;;
    esac
    shift
done

install_missing() {
    local missing=() name sudo=
    command -v apt-get > /dev/null || return 0
    for name in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$name" 2> /dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    echo "installing ${missing[*]}"
    # Another program that installs holds a lock for a while.
    $sudo apt-get -o DPkg::Lock::Timeout=600 update -q
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -q -y --no-install-recommends "${missing[@]}"
}

install_missing
cd "$top"
[ configure -nt configure.ac ] || autoreconf -fi
mkdir -p "$build"
cd "$build"
if [ $# -gt 0 ] || [ ! -f config.status ]; then
    "$top/configure" "$@"
fi
make -j "$(nproc)"
