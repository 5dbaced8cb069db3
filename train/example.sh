#!/usr/bin/env bash
# A model of one's own from beginning to end, within a minute on a CPU: draw pictures, pack them, train a small
# network for some seconds, export it, and send a picture with it.
#
#   train/example.sh [WORK_DIR]      PYTHON and DDZ_BUILD_DIR name another Python, another build tree
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=${DDZ_BUILD_DIR:-$top/build}
python=${PYTHON:-/usr/bin/python3}
work=${1:-$(mktemp -d)}
run() {
    echo "+ $*"
    "$@"
}

run "$python" "$top/train/render.py" "$work/pictures" --count 150 --kinds flat,chart,pixelart
run "$python" "$top/train/pack.py" "$work/packs/mine" --sharp "$work/pictures"
run "$python" "$top/train/train.py" --packs "$work"/packs/mine-*.zip --run "$work/run" --minutes 0.4 --threads 1 \
    --channels 16 32 --blocks 1 1 --side 64
run "$python" "$top/train/export.py" "$work/run" "$work/mine.ddm" --packs "$work"/packs/mine-*.zip --no-report
picture=$top/testdata/small.png
run "$build/ddpmenc" --model "$work/mine.ddm" "$picture" "$work/out.ddz"
run "$build/ddpmdec" --model "$work/mine.ddm" "$work/out.ddz" "$work/out.png"
ls -l "$picture" "$work/out.ddz" "$work/out.png"
