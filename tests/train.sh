#!/bin/sh
# The training side, end to end on a toy: draw pictures, pack them, train, resume, export, and hold the C
# network to the integer network in NumPy (train/reference.py), value for value.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
dump=${DDZ_NET_DUMP:-${top_builddir:-.}/tests/net_dump}
. "$top/tests/python.sh"
find_python "torch, numpy, PIL"
need_zstd

work=$(mktemp -d "${TMPDIR:-/tmp}/ddz-train.XXXXXX")
trap 'rm -rf "$work"' EXIT
pack=$work/toy-00.zip

check() {
    "$python" "$top/tests/trainer" "$@"
}
# RUN ARGUMENTS...: a training run whose output is shown only if it fails
train() {
    run=$work/$1
    shift
    "$python" "$top/train/train.py" --packs "$pack" --run "$run" --threads 1 --channels 16 32 --blocks 1 1 \
        --batch 4 --side 32 "$@" >"$run.out" 2>&1 || {
        cat "$run.out"
        exit 1
    }
}

for name in fixed randomness fused optimiser schedule odd updates; do
    check $name
done
check pieces "$work/pieces"
check pictures "$work/pictures"
check packs "$work/pictures" "$work"
"$python" "$top/train/pack.py" "$work/toy" --sharp "$work/pictures" >"$work/pack.out"
check cuts "$pack"
check precision "$pack" "$work/none" >"$work/precision.out"
echo "the parts of the trainer"

train straight --steps 6 --decay 0 --checkpoint full
train broken --steps 3 --decay 0 --checkpoint full
train broken --steps 6 --decay 0 --checkpoint full --resume
grep -q "^high: resumed at 3 updates" "$work/broken.out"
check same "$work/straight" "$work/broken"
echo "resumed training equals training in one go"

train toy --steps 150 --lr 3e-3
cat >"$work/plan.json" <<EOF2
{"levels": {"7": [-16, 32]}, "rates": {"7": [0.125, 0.25]}, "lift_rates": {"5": 0.1}, "efficiency": 0.8}
EOF2
"$python" "$top/train/export.py" "$work/toy" "$work/toy.ddm" --packs "$pack" --plan "$work/plan.json" >"$work/export.out"
check plan "$work/toy.ddm"
check cost "$work/toy.txt"
check parts "$work/toy.ddm"
check network "$work/toy.ddm" "$dump"
echo "two networks, exported"

train again --steps 1 --lr 0 --checkpoint full --init "$work/toy.ddm"
check restored "$work/toy.ddm" "$work/toy" "$work/again"
echo "training goes on from a model file"

train one --steps 20 --lr 3e-3 --parts all
"$python" "$top/train/export.py" "$work/one" "$work/one.ddm" --packs "$pack" >"$work/export.out"
check cost "$work/one.txt"
check network "$work/one.ddm" "$dump"
train low --steps 20 --parts low --init "$work/one"
grep -q "low held out, label 0" "$work/low.out"
if grep "label 1" "$work/low.out"; then
    exit 1
fi
echo "one network for all noise, and a second one from it"

train brief --minutes 0.05 --until 0.5
train brief --minutes 0.05 --resume
grep -q "^high: resumed at .* 50.0% of the schedule" "$work/brief.out"
grep -q "^plan: about " "$work/brief.out"
grep -q "^high,.*,0,0.7," "$work/brief/validation.csv"
echo "a run of a few seconds, in two parts"

check measure "$work/toy" "$work/toy.ddm" "$work/pictures"
"$python" "$top/train/measure.py" "$work/toy.ddm" "$pack" --count 2 --crop 64 --per-octave 1 >"$work/measure.out"
grep "^ideal bpp at" "$work/measure.out"
