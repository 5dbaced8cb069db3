#!/bin/sh
# bench/speed --pareto and --codecs: rates and seconds at equal quality against closed forms, and the
# commands themselves on a small picture.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
. "$top/tests/python.sh"
find_python "matplotlib, numpy, PIL, scipy"

"$python" "$top/tests/bench_pareto_check.py" "${top_builddir:-$top/build}"
