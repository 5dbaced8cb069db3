#!/bin/sh
# train/example.sh: a model of one's own that a picture is sent with.
set -eu

top=${top_srcdir:-$(dirname "$0")/..}
. "$top/tests/python.sh"
find_python "torch, numpy, PIL"
need_zstd

work=$(mktemp -d "${TMPDIR:-/tmp}/ddz-example.XXXXXX")
trap 'rm -rf "$work"' EXIT
PYTHON=$python DDZ_BUILD_DIR=${top_builddir:-$top/build} "$top/train/example.sh" "$work" >"$work/log" 2>&1 || {
    cat "$work/log"
    exit 1
}
"$python" - "$top/testdata/small.png" "$work/out.png" <<'END'
import sys

import numpy as np
from PIL import Image

a, b = (np.asarray(Image.open(path).convert("RGB")).astype(float) for path in sys.argv[1:])
error = np.mean((a - b) ** 2)
flat = np.mean((a - a.mean((0, 1))) ** 2)
print(f"mean square error {error:.1f}, of a flat picture {flat:.1f}")
sys.exit(int(error > flat / 8))
END
