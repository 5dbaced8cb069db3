#!/bin/sh
# bench/damage: which bits are flipped, how decoders' failures are told apart, and the command itself with
# whatever codecs are installed.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
. "$top/tests/python.sh"
find_python "matplotlib, numpy, PIL, scipy"

"$python" "$top/tests/bench_damage_check.py" "${top_builddir:-$top/build}"
