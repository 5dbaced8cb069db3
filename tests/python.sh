# shellcheck shell=sh
# Sourced by the tests that need Python: one thread, and no byte code beside the sources, which may be
# read-only (make distcheck).
OMP_NUM_THREADS=1
PYTHONDONTWRITEBYTECODE=1
export OMP_NUM_THREADS PYTHONDONTWRITEBYTECODE

# find_python MODULES (as after import): $python is one that has them; without one the test is skipped.
find_python() {
    for python in ${PYTHON:-} python3 /usr/bin/python3; do
        if "$python" -c "import $1" 2> /dev/null; then
            return
        fi
    done
    echo "skipped: needs Python 3 with $1"
    exit 77
}

# The reference decoder and the trainer compress with the zstd program; without it the test is skipped.
need_zstd() {
    command -v zstd > /dev/null || { echo "skipped: needs the zstd program"; exit 77; }
}
