#!/bin/sh
# The golden streams by a second decoder, which follows ddz.5 and shares no code with the first.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
command -v zstd > /dev/null || { echo "skipped: needs the zstd program"; exit 77; }
for python in ${PYTHON:-} python3 /usr/bin/python3; do
    if "$python" -c 'import numpy' 2> /dev/null; then
        exec "$python" -B "$top/tests/reference.py" "$top/tests/golden"
    fi
done
echo "skipped: needs Python 3 with numpy"
exit 77
