#!/bin/sh
# The golden streams by a second decoder, which follows ddz.5 and shares no code with the first.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
. "$top/tests/python.sh"
find_python numpy
need_zstd

"$python" "$top/tests/reference" "$top/tests/golden"
