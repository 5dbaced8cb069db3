#!/bin/sh
# The golden streams by a second decoder, which follows ddz.5 and shares no code with the first.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
command -v zstd > /dev/null || { echo "skipped: needs the zstd program"; exit 77; }
. "$top/tests/python.sh"
find_python numpy

"$python" "$top/tests/reference.py" "$top/tests/golden"
