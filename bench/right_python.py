"""The Python that a script of this folder needs: another one than Debian's may be first on the PATH, and not
see Debian's packages."""

import importlib.util
import os
import sys

DEBIAN_PYTHON = "/usr/bin/python3"
PACKAGES = {"numpy": "NumPy", "scipy": "SciPy", "PIL": "Pillow", "matplotlib": "Matplotlib"}


def require(modules):
    """Go on with a Python that has `modules`, or end with a line that says which are missing."""
    missing = [PACKAGES[name] for name in modules if not importlib.util.find_spec(name)]
    other = os.path.exists(DEBIAN_PYTHON) and not os.path.samefile(DEBIAN_PYTHON, sys.executable)
    if missing and other:
        os.execv(DEBIAN_PYTHON, [DEBIAN_PYTHON, os.path.abspath(sys.argv[0]), *sys.argv[1:]])
    if missing:
        name = os.path.basename(sys.argv[0])
        sys.exit(f"{name}: Python lacks {', '.join(missing)}: bench/install.sh installs them")
