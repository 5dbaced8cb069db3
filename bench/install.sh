#!/usr/bin/env bash
# Install what bench/rd runs and is missing: the other codecs, Butteraugli and Python's packages through
# apt (Debian and its kin), two placeholder hashes through npm into bench/node_modules.
#
# SSIMULACRA2 is measured where there is a program `ssimulacra2`, and left out elsewhere. libjxl's developer
# tools have it in version 0.11: package libjxl-devtools of Debian 13, not that of Debian 12.
set -euo pipefail

bench=$(cd "$(dirname "$0")" && pwd)
packages=()

# PROGRAM PACKAGE: by program, not by package, for it may be there from elsewhere
program() {
    command -v "$1" > /dev/null || packages+=("$2")
}
# MODULE PACKAGE, of the Python that Debian's packages belong to
module() {
    /usr/bin/python3 -c "import $1" 2> /dev/null || packages+=("$2")
}

program cjpeg libjpeg-turbo-progs
program cwebp webp
program cjxl libjxl-tools
program avifenc libavif-bin
program heif-enc libheif-examples
program opj_compress libopenjp2-tools
program butteraugli_main libjxl-devtools
program node nodejs
program npm npm
module numpy python3-numpy
module scipy python3-scipy
module PIL python3-pil
module matplotlib python3-matplotlib

if [ ${#packages[@]} -gt 0 ]; then
    command -v apt-get > /dev/null || {
        echo "install.sh: no apt-get here; needed: ${packages[*]}" >&2
        exit 1
    }
    sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    echo "installing ${packages[*]}"
    $sudo apt-get -o DPkg::Lock::Timeout=600 update -q
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -q -y --no-install-recommends "${packages[@]}"
fi
if [ ! -d "$bench/node_modules/thumbhash" ] || [ ! -d "$bench/node_modules/blurhash" ]; then
    npm install --prefix "$bench" --no-package-lock --ignore-scripts --no-audit --no-fund
fi
