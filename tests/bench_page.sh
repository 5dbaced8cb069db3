#!/bin/sh
# Plots, page and comparison of the benchmark, on measurements and codecs of the test's own.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
. "$top/tests/python.sh"
find_python "matplotlib, numpy, PIL, scipy"

"$python" "$top/tests/bench_page_check.py"
