#!/bin/sh
# No function over 60 lines but the kernels' inner loops, no file of C over 450.
# As clang-format lays them out: a function's braces stand alone at the beginning of a line.
set -eu
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
cd "$top_srcdir"

find include src tests bench -name '*.[ch]' | sort | xargs awk '
    function bad(text) {
        print text
        failed = 1
    }
    FNR == 1 {
        files++
        open = 0
    }
    FNR == 451 { bad(FILENAME ": over 450 lines") }
    # What a function begins with: the line after the last blank one, directive or comment.
    /^$|^#|\*\/$/ { first = FNR + 1 }
    /^{$/ { open = first }
    /^}$/ && open {
        functions++
        if (FNR - open + 1 > 60 && FILENAME !~ /^src\/(nn\/conv|channel\/search)\//)
            bad(FILENAME ":" open ": a function of " FNR - open + 1 " lines")
        open = 0
    }
    END {
        print files " files, " functions " functions"
        exit failed || files < 100 || functions < 1000
    }'
