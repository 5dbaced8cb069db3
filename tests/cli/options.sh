#!/bin/sh
# The options that a program takes are those of its table, those that its --help lists, and those that its manual page
# describes; neither text speaks of others.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

# Words that begin with one or two hyphens, one a line
options_of() {
    grep -oE '(^|[[:space:],(])--?[a-zA-Z][-a-z]*' | sed 's/^[^-]*//' | sort -u
}

for program in ddpmenc ddpmdec ddpmeval ddpmsample; do
    expect 0 $program --help
    grep -E '^ +-' out | sed -E 's/^ +((-[a-zA-Z], )?--[-a-z]+).*/\1/' | options_of > helped
    # Where a page describes an option: a line of bold face behind a .TP or .TQ
    awk '/^\.T[PQ]/ { describes = 1; next } describes && /^\.BR? / { print } { describes = 0 }' \
        "$top_srcdir/man/$program.1" | sed 's/\\-/-/g; s/^\.BR* / /; s/"/ /g' | options_of > described
    cmp -s helped described || fail "$program --help and $program(1) differ: $(diff helped described)"
    [ "$(wc -l < helped)" -gt 10 ] || fail "hardly any options of $program"
    # Lines of the table: {"name", no_argument, NULL, 'letter'}; other codes than letters are constants.
    sed -n "s/.*{\"\([a-z-]*\)\", [a-z]*_argument, NULL, \([^}]*\)}.*/--\1 \2/p" \
        "$top_srcdir/src/tools/$program.c" "$top_srcdir/src/tools/options.h" |
        sed "s/'\(.\)'/-\1/" | options_of > coded
    cmp -s helped coded || fail "$program --help and its table differ: $(diff helped coded)"
    # What else the texts speak of
    sed 's/\\-/-/g' out "$top_srcdir/man/$program.1" | grep -o '\(^\|[^a-z-]\)--[a-z][a-z-]*' | sed 's/^[^-]//' | sort -u > spoken
    [ -z "$(comm -13 helped spoken)" ] || fail "$program speaks of $(comm -13 helped spoken)"
    # What is listed is known, and takes a value if the list names one.
    while read -r option; do
        case $option in
        --help | --version | -h | -V) continue ;;
        esac
        value=$(grep -E -- "^ +(-., )?$option(,| |\$)" out | sed -E 's/^ +(-., )?--[-a-z]+ ?([A-Z]*).*/\2/')
        "$top_builddir/$program" "$option" > /dev/null 2> err < /dev/null
        [ $? -eq 1 ] || fail "$program $option alone"
        ! grep -q 'unknown' err || fail "$program does not know $option"
        if [ -n "$value" ]; then
            grep -q 'needs a value' err || fail "$program $option $value: $(cat err)"
        else
            ! grep -q 'needs a value' err || fail "$program $option has a value that --help does not name"
        fi
    done < helped
done
