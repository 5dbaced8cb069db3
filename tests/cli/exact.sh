#!/bin/sh
# The encoder makes the same stream with every instruction set and number of threads.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

for options in '-q 50 --effort 1' '--bytes 300 --effort 3' '--bpp 2 --effort 2 --trellis-bits 14' '--psnr 26 --effort 3'; do
    # shellcheck disable=SC2086
    expect 0 ddpmenc $options --isa portable --threads 1 "$data/small.png" reference.ddz
    for isa in $isas; do
        for threads in 1 2; do
            # shellcheck disable=SC2086
            expect 0 ddpmenc $options --isa "$isa" --threads $threads "$data/small.png" other.ddz
            same reference.ddz other.ddz
        done
    done
    for isa in $isas; do
        expect 0 ddpmdec --isa "$isa" --verbose reference.ddz x.png
    done
done
