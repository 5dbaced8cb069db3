#!/bin/sh
# The unit tests in which kernels take part, once for each instruction set that the machine has but the best, which
# the plain run uses: with no feature, with the first, with the first two ... With DDZ_ISA_ALL the slow ones, too.
set -u
: "${top_builddir:=.}"
: "${isa_tests:?}" "${isa_slow_tests:?}"
: "${EXEEXT:=}"

# Run by itself, for one test: prints its log if it fails.
if [ "${1:-}" = --one ]; then
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    if "$top_builddir/$2$EXEEXT" > "$log" 2>&1; then
        echo "PASS $2 with '$DDZ_FEATURES'"
        exit 0
    fi
    echo "FAIL $2 with '$DDZ_FEATURES'"
    cat "$log"
    exit 1
fi

tests=$isa_tests
[ -z "${DDZ_ISA_ALL:-}" ] || tests="$isa_slow_tests $isa_tests"
features=$("$top_builddir/tests/list_features$EXEEXT") || exit 99
status=0
DDZ_FEATURES=
export DDZ_FEATURES top_builddir isa_tests isa_slow_tests EXEEXT
for next in $features; do
    echo "$tests" | tr -s ' ' '\n' | xargs -n 1 -P "$(getconf _NPROCESSORS_ONLN)" sh "$0" --one || status=1
    DDZ_FEATURES="$DDZ_FEATURES $next"
done

# A name that is not known would hide all, unnoticed.
if DDZ_FEATURES=nonesuch "$top_builddir/tests/list_features$EXEEXT" 2> /dev/null; then
    echo "an unknown feature was accepted"
    status=1
fi
exit $status
