#!/usr/bin/env node
// ThumbHash and BlurHash as command-line programs.
//
//   hashes.mjs thumbhash encode IN.ppm OUT
//   hashes.mjs thumbhash decode IN OUT.ppm
//   hashes.mjs blurhash encode IN.ppm OUT
//   hashes.mjs blurhash decode IN OUT.ppm
//
// PPM is P6 of 8 bits, without comments, of at most 100 pixels a side. The decoded picture is as small
// as these formats mean it to be, at most 32 pixels a side; whoever shows it enlarges it.

import { readFileSync, writeFileSync } from "node:fs";
import { decode as fromBlurHash, encode as toBlurHash } from "blurhash";
import { rgbaToThumbHash, thumbHashToRGBA } from "thumbhash";

const SIDE = 32;

function readPpm(path) {
    const data = readFileSync(path);
    const header = /^P6\s(\d+)\s(\d+)\s255\s/.exec(data.subarray(0, 40).toString("latin1"));
    if (!header) {
        throw new Error(`${path}: not a P6 picture of 8 bits`);
    }
    const [w, h] = [Number(header[1]), Number(header[2])];
    const rgba = new Uint8ClampedArray(4 * w * h).fill(255);
    for (let i = 0; i < w * h; i++) {
        rgba.set(data.subarray(header[0].length + 3 * i, header[0].length + 3 * i + 3), 4 * i);
    }
    return { w, h, rgba };
}

function writePpm(path, { w, h, rgba }) {
    const rgb = Buffer.alloc(3 * w * h);
    for (let i = 0; i < w * h; i++) {
        rgb.set(rgba.subarray(4 * i, 4 * i + 3), 3 * i);
    }
    writeFileSync(path, Buffer.concat([Buffer.from(`P6\n${w} ${h}\n255\n`), rgb]));
}

// BlurHash leaves the number of components to its caller: the usual 4 by 3, the longer side having 4.
const formats = {
    thumbhash: {
        encode: ({ w, h, rgba }) => rgbaToThumbHash(w, h, rgba),
        decode: (hash) => thumbHashToRGBA(hash),
    },
    blurhash: {
        encode: ({ w, h, rgba }) => toBlurHash(rgba, w, h, w < h ? 3 : 4, w < h ? 4 : 3),
        decode: (hash) => ({ w: SIDE, h: SIDE, rgba: fromBlurHash(hash.toString("latin1"), SIDE, SIDE) }),
    },
};

const [name, direction, source, target] = process.argv.slice(2);
if (!formats[name] || !["encode", "decode"].includes(direction) || !target) {
    console.error("hashes.mjs: usage: thumbhash|blurhash encode|decode IN OUT");
    process.exit(2);
}
if (direction === "encode") {
    writeFileSync(target, formats[name].encode(readPpm(source)));
} else {
    writePpm(target, formats[name].decode(readFileSync(source)));
}
