#!/usr/bin/env bash
# Build, and run all tests. Takes the options of tests/setup.sh. The last line counts.
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
previous=
for argument in "$@"; do
    [ "$previous" = --build ] && build=$argument
    previous=$argument
done

"$top/tests/setup.sh" "$@" || exit 1
cd "$build" || exit 1
find . -name '*.trs' -delete
make -j "$(nproc)" -k check
status=$?

# Automake writes one result a test.
count() {
    find . -name '*.trs' -exec cat {} + | grep -c "^:test-result: *\($1\)"
}
failed=$(count 'FAIL\|ERROR\|XPASS')
[ "$failed" -eq 0 ] || cat test-suite.log
echo "$(count PASS) passed, $failed failed, $(count SKIP) skipped"
exit $status
