#!/bin/sh
# bench/rd: its metrics and rate differences against independent ones, its cache, and the command itself
# with whatever codecs are installed.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
python=
for candidate in ${PYTHON:-} python3 /usr/bin/python3; do
    if "$candidate" -c 'import numpy, scipy, skimage, PIL' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "skipped: needs Python 3 with numpy, scipy, skimage and PIL (python3-skimage, python3-pil)"
    exit 77
fi
# the sources may be read-only (make distcheck)
PYTHONDONTWRITEBYTECODE=1
OMP_NUM_THREADS=1
export PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS

"$python" "$top/tests/bench_check.py" "${top_builddir:-$top/build}"
