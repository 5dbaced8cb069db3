#!/bin/sh
# Pictures that train/render.py draws, and what measure.py says of them. Passes with whatever fonts there are.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
. "$top/tests/python.sh"
find_python "torch, numpy, PIL"

"$python" "$top/tests/render_check.py"
