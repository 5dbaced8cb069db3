#!/bin/sh
# The training side, end to end on a toy: render pictures, train, resume, export, and hold the C
# network to the integer network in NumPy (train/reference.py), value for value.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
dump=${DDZ_NET_DUMP:-${top_builddir:-.}/tests/net_dump}
. "$top/tests/python.sh"
find_python "torch, numpy, PIL"
if ! command -v zstd >/dev/null; then
    echo "skipped: needs the zstd program"
    exit 77
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/ddz-train.XXXXXX")
trap 'rm -rf "$work"' EXIT

check() {
    "$python" "$top/tests/train_check.py" "$@"
}
# NAME RUN ARGUMENTS...: a training run whose output is shown only if it fails
train() {
    run=$work/$1
    shift
    "$python" "$top/train/train.py" --sharp "$work/pictures" --run "$run" --threads 1 --channels 16 32 \
        --blocks 1 1 --batch 4 --side 32 --warmup 2 "$@" >"$run.out" 2>&1 || {
        cat "$run.out"
        exit 1
    }
}

check fixed
check updates
check pictures "$work/pictures"
check precision "$work/pictures" "$work/none" >"$work/precision.out"

train straight --steps 6 --decay 0
train broken --steps 3 --decay 0
train broken --steps 6 --decay 0 --resume
grep -q "^resumed at step 3" "$work/broken.out"
check same "$work/straight/last.pt" "$work/broken/last.pt"
echo "resumed training equals training in one go"

train toy --steps 150 --lr 3e-3 --ema 0.95
cat >"$work/plan.json" <<EOF
{"levels": {"7": [-16, 32]}, "rates": {"7": [0.125, 0.25]}, "lift_rates": {"5": 0.1}, "efficiency": 0.8}
EOF
"$python" "$top/train/export.py" "$work/toy/last.pt" "$work/toy.ddm" --sharp "$work/pictures" \
    --plan "$work/plan.json" >"$work/export.out"
check plan "$work/toy.ddm"
check cost "$work/toy.txt"
check network "$work/toy.ddm" "$dump"

train again --steps 1 --lr 0 --init "$work/toy.ddm"
check restored "$work/toy.ddm" "$work/toy/last.pt" "$work/again/last.pt"
echo "training goes on from a model file"

train quiet --steps 20 --lr 3e-3 --ema 0.9 --part quiet --init "$work/toy/last.pt"
grep -q "valid 0" "$work/quiet.out"
if grep "valid 1" "$work/quiet.out"; then
    exit 1
fi
"$python" "$top/train/export.py" "$work/toy/last.pt" "$work/two.ddm" --quiet "$work/quiet/last.pt" \
    --sharp "$work/pictures" >"$work/export.out"
check parts "$work/two.ddm"
check cost "$work/two.txt"
check network "$work/two.ddm" "$dump"
train again_quiet --steps 1 --lr 0 --part quiet --init "$work/two.ddm"
check restored "$work/two.ddm" "$work/quiet/last.pt" "$work/again_quiet/last.pt" quiet
echo "a second network for quiet noise"

check measure "$work/toy/last.pt" "$work/toy.ddm" "$work/pictures"
"$python" "$top/train/measure.py" "$work/toy.ddm" "$work/pictures" --count 2 --crop 64 \
    --per-octave 1 >"$work/measure.out"
grep "^ideal bpp at" "$work/measure.out"
