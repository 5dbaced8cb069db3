#!/bin/sh
# Plots, page and comparison of the benchmark, on measurements and codecs of the test's own.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
OMP_NUM_THREADS=1
export OMP_NUM_THREADS
# the sources may be read-only (make distcheck)
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

for candidate in ${PYTHON:-} python3 /usr/bin/python3; do
    if "$candidate" -c 'import matplotlib, numpy, PIL, scipy' 2>/dev/null; then
        exec "$candidate" "$top/tests/bench_page_check.py"
    fi
done
echo "skipped: needs Python 3 with matplotlib, NumPy, PIL and SciPy (python3-matplotlib, python3-pil, python3-scipy)"
exit 77
