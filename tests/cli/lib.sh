# Read by the tests of the programs: a scratch folder, a small model, and checks.
# shellcheck shell=sh disable=SC2034 # some names are for the tests alone
set -u

: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
data=$top_srcdir/testdata

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# Random weights are enough for all that does not ask for good pictures.
toy=$scratch/toy.ddm
"$top_builddir/tests/make_toy_model" 1 "$toy" || exit 99
DDZ_MODEL=$toy
export DDZ_MODEL
unset DDZ_ISA

cd "$scratch" || exit 99

ddpmenc() { "$top_builddir/ddpmenc" "$@"; }
ddpmdec() { "$top_builddir/ddpmdec" "$@"; }
ddpmeval() { "$top_builddir/ddpmeval" "$@"; }
ddpmsample() { "$top_builddir/ddpmsample" "$@"; }

fail() {
    echo "FAILED: $*"
    exit 1
}

# expect STATUS PROGRAM ARGUMENT ... : runs it, its output in the files out and err. A failure says so
# in one line that begins with the program's name.
expect() {
    expected=$1
    shift
    "$@" > out 2> err
    status=$?
    if [ "$status" -ne "$expected" ]; then
        cat err
        fail "status $status, not $expected: $*"
    fi
    [ "$expected" -eq 0 ] || one_line "$@"
}

one_line() {
    if [ "$(wc -l < err)" -ne 1 ] || ! grep -q "^$1: ." err; then
        cat err
        fail "not one line that begins with '$1:' : $*"
    fi
}

absent() {
    for name; do
        [ ! -e "$name" ] || fail "$name exists"
    done
}

same() {
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

differ() {
    ! cmp -s "$1" "$2" || fail "$1 and $2 are the same"
}

size_of() {
    wc -c < "$1" | tr -d ' '
}

# Instruction sets whose kernels this machine runs (others fall back to these).
isas="portable sse2 avx2 avxvnni avx512 amx"
