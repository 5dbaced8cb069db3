#!/bin/sh
# Options and arguments of the programs.
# shellcheck source=lib.sh
. "${top_srcdir:-.}/tests/cli/lib.sh"

for program in ddpmenc ddpmdec ddpmeval ddpmsample; do
    for option in --help -h; do
        expect 0 $program $option
        grep -q "^Usage: $program" out || fail "$program $option has no usage line"
        [ ! -s err ] || fail "$program $option writes to standard error"
    done
    expect 0 $program --version
    grep -Eq "^$program [0-9]+\.[0-9]+\.[0-9]+$" out || fail "$program --version"
    expect 0 $program -V

    expect 1 $program
    expect 1 $program --no-such-option x y
    expect 1 $program -Z x y
    expect 1 $program --help=yes
    expect 1 $program --threads
    expect 1 $program -t
    for value in '' -1 257 1.5 1x ' 1' 99999999999999999999; do
        expect 1 $program --threads "$value" x y
    done
    expect 1 $program --isa sse9 x y
    if [ -w /dev/full ]; then
        $program --help > /dev/full 2> err
        [ $? -eq 2 ] || fail "$program --help does not notice a full disk"
        one_line $program --help
    fi
done

expect 1 ddpmenc "$data/small.png"
expect 1 ddpmenc "$data/small.png" a.ddz b.ddz
for option in '-q 101' '-q -1' '-q nan' '-q 1e1' '--bpp 0' '--bpp x' '--bytes 0' '--bytes 1.5' '--psnr inf' \
    '--effort 0' '--effort 10' '--trellis-bits 7' '--trellis-bits 17' '--seed 1' \
    '-q 5 --bpp 1' '--bytes 100 --psnr 30'; do
    # shellcheck disable=SC2086 # an option and its value
    expect 1 ddpmenc $option "$data/small.png" a.ddz
    absent a.ddz
done

expect 0 ddpmenc "$data/3x5.png" a.ddz
expect 1 ddpmdec a.ddz b.png c.png
for option in '--bits x' '--bits -1' '--bytes x' '--bpp 0' '--bits 9 --bytes 9' '--recon median' '--seed x' '--steps 3' \
    '--steps 64' '--info x.png' '--frames dir x.png'; do
    # shellcheck disable=SC2086
    expect 1 ddpmdec a.ddz $option
    absent a.png x.png dir
done

for option in '--bpp 1,x' '--bpp ,' '--bits 0' '--calls 3' '--calls 64' '--updates 3' '--updates 16' '--prefixes --bits 9' '--bpp 1 --prefixes' \
    '--ideal --prefixes' '--compare'; do
    # shellcheck disable=SC2086
    expect 1 ddpmeval $option "$data/3x5.png"
done

# A stream has its size; how much of it to use has no meaning without one.
for option in '--size 0x0' '--size 0x5' '--size 5x' '--size 5' '--size x' '--size 5x5x5' '--size -1x5' \
    '--size 5X5' '--size 70000x70000' '--size 1x65536' '--size 4294967297x1' '--size 3x5 --from a.ddz' \
    '--bits 9' '--bytes 9' '--bpp 1' '--from a.ddz --bits 9 --bytes 9' '--from a.ddz --bits x' \
    '--seed x' '--seed 4294967296' '--count 0' '--count 10000' '--steps 0' '--steps 3' '--steps 64' \
    '--frames dir' 'two.png'; do
    # shellcheck disable=SC2086
    expect 1 ddpmsample $option b.png
    absent b.png two.png dir
done
expect 1 ddpmsample --frames dir --grid
expect 1 ddpmsample --count 2 -
absent dir

# The environment names an instruction set, too.
DDZ_ISA=sse9
export DDZ_ISA
expect 1 ddpmdec a.ddz b.png
absent b.png
DDZ_ISA=portable
expect 0 ddpmdec a.ddz b.png
