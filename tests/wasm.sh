#!/bin/sh
# The kernels for WebAssembly, in node. Skipped where there is no compiler for it (Debian: clang, lld, wasi-libc,
# libclang-rt-14-dev-wasm32) or no node.
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/.." && pwd)}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

skip() {
    echo "skipped: $1"
    exit 77
}

command -v node > "$scratch/node" || skip "no node"
node -e 'require("node:wasi")' 2> /dev/null || skip "a node without WASI"
echo 'int main(void) { return 0; }' > "$scratch/empty.c"
clang --target=wasm32-wasi -msimd128 "$scratch/empty.c" -o "$scratch/empty.wasm" 2> "$scratch/messages" ||
    skip "no clang for wasm32-wasi"

cd "$top_srcdir" || exit 99
clang --target=wasm32-wasi -msimd128 -O2 -std=c11 -Wall -Wextra -Werror -DDDZ_SIMD128 -Isrc -Iinclude \
    -Wl,-z,stack-size=1048576 -o "$scratch/kernels.wasm" tests/wasm_kernels.c src/base/once.c src/cpu/detect.c src/cpu/cpu.c \
    src/cpu/features.c src/nn/conv/*.c src/nn/conv/wasm/*.c src/channel/search/*.c src/channel/search/wasm/*.c || exit 1

cat > "$scratch/run.mjs" << 'RUN'
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';
const wasi = new WASI({ version: 'preview1', args: process.argv.slice(2), returnOnExit: true });
const module = await WebAssembly.compile(await readFile(process.argv[2]));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
RUN
node --no-warnings "$scratch/run.mjs" "$scratch/kernels.wasm"
