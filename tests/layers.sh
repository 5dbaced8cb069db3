#!/bin/sh
# A file includes only what lies below it, and there are no circles; the table is HACKING.md's.
set -eu
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$top_srcdir/src"

find . -name '*.[ch]' | sed 's|^\./||' | sort | xargs awk '
    BEGIN {
        may["base"] = "base"
        may["cpu"] = "base cpu"
        may["topology"] = "topology"
        may["model"] = "base topology model"
        may["limits"] = "limits"
        may["kernels"] = "base cpu topology kernels trellis"
        may["nn"] = "base kernels topology model nn"
        may["diffusion"] = "base limits model diffusion"
        may["trellis"] = "base limits trellis"
        may["channel"] = "base limits cpu kernels trellis channel"
        may["exif"] = "base exif"
        may["format"] = "base limits exif format"
        may["exact"] = "base exact"
        may["api"] = "base limits api"
        may["fields"] = "base nn channel chain"
        may["chain"] = "base limits cpu model nn diffusion trellis channel exact api chain fields"
        may["decode"] = "base limits cpu model diffusion trellis format exact api chain decode"
        may["encode"] = "base limits cpu model diffusion trellis channel format exact api chain encode"
        may["recode"] = "base limits format api chain decode encode"
        may["imgio"] = "exif imgio"
        may["tools"] = "imgio tools"
    }
    function bad(text) {
        print FILENAME ": " text
        failed = 1
    }
    # The folder of a file, but for the inner loops, the labels that they share with the walk, the table of limits, and
    # what the library and the programs both read of Exif.
    function layer(path) {
        if (path ~ /^(nn\/conv\/|channel\/search\/)/)
            return "kernels"
        if (path ~ /^channel\/(trellis|placement)/)
            return "trellis"
        if (path == "format/limits.h")
            return "limits"
        if (path ~ /^format\/exif/)
            return "exif"
        if (path == "chain/fields.h")
            return "fields"
        if (path ~ /^model\/topology/)
            return "topology"
        sub(/\/.*/, "", path)
        return path
    }
    FNR == 1 {
        files++
        mine = layer(FILENAME)
        if (!(mine in may))
            bad("is in no layer")
    }
    /^#include "/ {
        split($0, part, "\"")
        included = part[2]
        if (included == "ddz.h" || included == "ddz/research.h" || included == "config.h")
            next
        if (index(" " may[mine] " ", " " layer(included) " ") == 0)
            bad("includes " included)
    }
    /^#include <(png|jpeg|webp\/|tiff|zlib|zstd)[a-z_]*\.h>/ {
        place = $0 ~ /png/ ? "imgio/png.c" : $0 ~ /jpeg/ ? "imgio/jpeg.c" : $0 ~ /webp/ ? "imgio/webp.c" : $0 ~ /tiff/ ? "imgio/tiff_open.h" : $0 ~ /zstd/ ? "format/frames.c model/load.c" : ""
        if (place != "" && index(place, FILENAME) == 0)
            bad($0)
    }
    /^#include <(omp|pthread|sched|stdatomic|threads)\.h>/ && FILENAME !~ /^base\/(parallel|wave|once)\.c$/ {
        bad($0)
    }
    /^#pragma omp/ && !/^#pragma omp simd/ && FILENAME != "base/parallel.c" {
        bad($0)
    }
    # The library prints nothing, opens nothing, never exits.
    mine != "tools" && mine != "imgio" && /(^|[^a-z_])(v?f?printf|f?puts|putchar|fopen|getenv|exit|abort|perror)\(/ {
        bad("calls " $0)
    }
    END {
        print files " files"
        exit failed || files < 40
    }'

# No circles: a file is a header together with its source, and whatever it includes comes before it.
find . -name '*.[ch]' | sed 's|^\./||' | sort | xargs awk '
    function file(path) {
        sub(/\.[ch]$/, "", path)
        return path
    }
    FNR == 1 { print file(FILENAME), file(FILENAME) }
    /^#include "/ && !/"(ddz|config|ddz\/research)\.h"/ {
        split($0, part, "\"")
        if (file(part[2]) != file(FILENAME))
            print file(part[2]), file(FILENAME)
    }' > "$scratch/edges"
tsort "$scratch/edges" > /dev/null 2> "$scratch/circles" || true
if [ -s "$scratch/circles" ]; then
    cat "$scratch/circles"
    exit 1
fi
[ "$(wc -l < "$scratch/edges")" -ge 100 ]
