#!/bin/sh
# bench/rd: its metrics and rate differences against independent ones, its means, published curves and tables, its
# cache, and the command itself with whatever codecs are installed.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
. "$top/tests/python.sh"
find_python "numpy, scipy, skimage, PIL"

"$python" "$top/tests/bench_tables_check.py"
"$python" "$top/tests/bench_check.py" "${top_builddir:-$top/build}"
