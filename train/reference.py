"""The integer network in NumPy: the definition that the C network is held to, bit for bit.

Reads a model file by itself (ddz.5, "MODEL FILE"). Sums of int16 x int8 products are formed in
float64, which holds them exactly; everything after a sum is int64. A shift to the right is the
arithmetic one, `rshift_round` is floor(x / 2^n + 1/2).

  reference.py MODEL            list the records of a model file
"""

import dataclasses
import math
import struct
import subprocess
import sys
import zlib

import numpy as np

LABELS = 8
MAGIC = b"DDZMODEL"
VERSION = 4
ONE = 32640  # x_0 = 1.0
SIGMA_LIFTED_Q8 = 5849088  # level 0: 0.7 * 32640 * 256
SD_Q8 = ONE // 2 * 256
POW2_Q30 = [round(2 ** (30 - j / 32)) for j in range(32)]


@dataclasses.dataclass
class Layer:
    """One convolution and its conditioning; shapes as in the file."""

    name: str
    taps: int
    cin: int
    cout: int
    shift: int
    scale: np.ndarray  # u32 [cout]
    bias_base: np.ndarray  # i32 [cout]
    bias_weight: np.ndarray  # i32 [cout][embedding]
    gain_base: np.ndarray  # i16 [cout]
    gain_weight: np.ndarray  # i16 [cout][embedding]
    weight: np.ndarray  # i8 [cout][taps][cin]


@dataclasses.dataclass
class Network:
    """One of a model's networks; all have one shape."""

    first_level: int  # of label 0 that it is for; of the first network, which has all else, None
    embed: np.ndarray  # i16 [label][node][embedding], q14
    layers: dict  # name: Layer


@dataclasses.dataclass
class Model:
    channels: tuple
    blocks: tuple
    embedding: int
    embed_first: int
    embed_step: int
    mean: tuple
    plan: dict  # label: [(level, rate_q16)]
    lift_rate: tuple
    rate_first: int
    rate_step: int
    rate: np.ndarray  # u32 [label][node], q16
    lift_density: tuple
    provenance: str
    networks: list
    id: int = 0

    def network(self, label, level_q8):
        reached = [n for n in self.networks[1:] if label == 0 and level_q8 >= 256 * n.first_level]
        return reached[-1] if reached else self.networks[0]


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def array(self, kind, *shape):
        kind = np.dtype(kind).newbyteorder("<")
        count = math.prod(shape)
        if self.at + count * kind.itemsize > len(self.data):
            raise ValueError("record too short")
        out = np.frombuffer(self.data, kind, count, self.at).reshape(shape)
        self.at += count * kind.itemsize
        return out.astype(kind.newbyteorder("="))

    def numbers(self, kind, count):
        return [int(v) for v in self.array(kind, count)]

    def end(self):
        if self.at != len(self.data):
            raise ValueError("record too long")


def records(body):
    """Yield (tag, payload)."""
    at = 0
    while at < len(body):
        tag, size = struct.unpack_from("<4sI", body, at)
        payload = body[at + 8:at + 8 + size]
        end = (at + 8 + size + 7) // 8 * 8
        if end > len(body) or any(body[at + 8 + size:end]):
            raise ValueError("damaged record")
        yield tag.decode("ascii"), payload
        at = end


def read(path):
    """Model of a .ddm file; ValueError if it is damaged."""
    with open(path, "rb") as f:
        head, packed = f.read(24), f.read()
    magic, version, identity, size = struct.unpack("<8sIIQ", head)
    if magic != MAGIC or version != VERSION:
        raise ValueError(f"{path}: not a model file")
    body = subprocess.run(["zstd", "-d", "-q", "-c"], input=packed, stdout=subprocess.PIPE, check=True).stdout
    if len(body) != size or zlib.crc32(body) != identity:
        raise ValueError(f"{path}: damaged")
    fields, networks = dict(id=identity), []
    for tag, payload in records(body):
        r = _Reader(payload)
        if tag == "ARCH":
            levels, fields["embedding"], count = r.numbers("u4", 3)
            networks += [Network(level, None, {}) for level in [None] + r.numbers("i4", count - 1)]
            fields["channels"] = tuple(r.numbers("u4", levels))
            fields["blocks"] = tuple(r.numbers("u4", levels))
        elif tag == "EMBT":
            fields["embed_first"], fields["embed_step"], nodes, _ = r.numbers("i4", 4)
            for network in networks:
                network.embed = r.array("i2", LABELS, nodes, fields["embedding"])
        elif tag == "PLAN":
            fields["mean"] = tuple(r.numbers("i4", 3))
            fields["plan"] = {}
            for label in range(1, LABELS):
                (count,) = r.numbers("u4", 1)
                fields["plan"][label] = [(r.numbers("i4", 1)[0], r.numbers("u4", 1)[0]) for _ in range(count)]
            fields["lift_rate"] = tuple(r.numbers("u4", LABELS))
        elif tag == "RATE":
            fields["rate_first"], fields["rate_step"], nodes, _ = r.numbers("i4", 4)
            fields["rate"] = r.array("u4", LABELS, nodes)
            fields["lift_density"] = tuple(r.numbers("u4", LABELS))
        elif tag == "PROV":
            fields["provenance"] = payload.decode("utf-8")
            r.at = len(payload)
        elif tag == "LAYR":
            layer = _read_layer(r, fields["embedding"])
            number, _, layer.name = layer.name.rpartition(":")
            networks[int(number or 0)].layers[layer.name] = layer
        else:
            raise ValueError(f"{path}: unknown record {tag}")
        r.end()
    return Model(**fields, networks=networks)


def _read_layer(r, embedding):
    name = r.array("u1", 24).tobytes().rstrip(b"\0").decode("ascii")
    taps, cin, cout, shift = r.numbers("u4", 4)
    return Layer(name, taps, cin, cout, shift, scale=r.array("u4", cout), bias_base=r.array("i4", cout),
                 bias_weight=r.array("i4", cout, embedding), gain_base=r.array("i2", cout),
                 gain_weight=r.array("i2", cout, embedding), weight=r.array("i1", cout, taps, cin))


# ---- Fixed point ------------------------------------------------------------------------------


def rshift_round(v, n):
    return (v + (1 << (n - 1))) >> n


def clamp16(v):
    return np.clip(v, -32768, 32767)


def ilog2_q16(v):
    """floor(log2(v) * 2^16) by squaring the mantissa bit by bit, as src/base/fixed.c does."""
    whole = v.bit_length() - 1
    m = v >> (whole - 31) if whole > 31 else v << (31 - whole)
    fraction = 0
    for _ in range(16):
        m = (m * m) >> 31
        fraction <<= 1
        if m >> 32:
            m >>= 1
            fraction |= 1
    return whole << 16 | fraction


def sigma_q8(level):
    """Noise of a whole level, in 1/32640 with 8 more bits."""
    octaves, j = divmod(level, 32)
    return rshift_round(SIGMA_LIFTED_Q8 * POW2_Q30[j], 30 + octaves)


def level_q8_of_sigma(sigma):
    return (ilog2_q16(SIGMA_LIFTED_Q8) - ilog2_q16(sigma)) >> 3


def embedding(model, label, level_q8):
    """int64 [embedding], q14: linear between nodes, constant outside."""
    table = model.network(label, level_q8).embed[label].astype(np.int64)
    den = model.embed_step * 256
    at = min(max(level_q8 - model.embed_first * 256, 0), (len(table) - 1) * den)
    node, f = divmod(at, den)
    after = table[min(node + 1, len(table) - 1)]
    return (table[node] * (den - f) + after * f + den // 2) // den


def conditioning(layer, emb):
    """(mult, bias) int64 [cout] of a layer for an embedding."""
    gain = clamp16(layer.gain_base + rshift_round(layer.gain_weight.astype(np.int64) @ emb, 14))
    bias = layer.bias_base + rshift_round(layer.bias_weight.astype(np.int64) @ emb, 14)
    mult = rshift_round(gain * layer.scale.astype(np.int64), 12)
    return mult, np.clip(bias, -(2**24), 2**24 - 1)


# ---- The network: activations are int64 (..., H, W, C) that fit int16 ---------------------------


def accumulate(layer, x):
    """Sums of weight * input, int64 (..., H', W', cout)."""
    w = layer.weight.astype(np.float64)
    if layer.taps == 9:
        bordered = np.pad(x, [(0, 0)] * (x.ndim - 3) + [(1, 1), (1, 1), (0, 0)])
        h, wide = x.shape[-3:-1]
        inputs = [bordered[..., dy:dy + h, dx:dx + wide, :] for dy in range(3) for dx in range(3)]
    elif layer.taps == 4:
        inputs = [x[..., dy::2, dx::2, :] for dy in range(2) for dx in range(2)]
    else:
        inputs = [x]
    total = sum(part.astype(np.float64) @ w[:, tap].T for tap, part in enumerate(inputs))
    return total.astype(np.int64)


def rescale(layer, acc, emb):
    mult, bias = conditioning(layer, emb)
    return rshift_round(acc * mult + bias * (1 << (layer.shift - 4)), layer.shift)


def convolve(layer, x, emb, finish=clamp16):
    return finish(rescale(layer, accumulate(layer, x), emb))


def unshuffle(x):
    """(..., 2h, 2w, c) to (..., h, w, 4c); torch's order: channel, row, column."""
    *lead, h, w, c = x.shape
    x = x.reshape(*lead, h // 2, 2, w // 2, 2, c)
    n = len(lead)
    x = x.transpose(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return x.reshape(*lead, h // 2, w // 2, 4 * c)


def shuffle(x):
    """(..., h, w, 4c) to (..., 2h, 2w, c)"""
    *lead, h, w, c = x.shape
    x = x.reshape(*lead, h, w, c // 4, 2, 2)
    n = len(lead)
    x = x.transpose(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return x.reshape(*lead, 2 * h, 2 * w, c // 4)


def gate(a, opening):
    """a * opening, opening q15; closed where it is negative"""
    return rshift_round(a * np.maximum(opening, 0), 15)


def pad(pictures, model):
    height, width = pictures.shape[-3:-1]
    multiple = 2 ** len(model.channels)
    padding = [(0, 0)] * (pictures.ndim - 3) + [(0, -height % multiple), (0, -width % multiple), (0, 0)]
    return np.pad(pictures, padding).astype(np.int64)


def forward(model, in_q12, label, level_q8):
    """(F of int16 pictures (..., H, W, 3), q12, to the same; the update's gates, q15)"""
    emb = embedding(model, label, level_q8)
    layers = model.network(label, level_q8).layers

    def conv(name, x, finish=clamp16):
        return convolve(layers[name], x, emb, finish)

    def block(name, x):
        a, b = np.split(conv(name + ".conv1", x), 2, -1)
        return conv(name + ".conv2", gate(a, b), lambda v: clamp16(x + v))

    height, width = in_q12.shape[-3:-1]
    x = conv("head", unshuffle(pad(in_q12, model)))
    deepest = len(model.channels) - 1
    skips = []
    for level in range(deepest + 1):
        for i in range(model.blocks[level]):
            x = block(f"enter.{level}.{i}", x)
        if level < deepest:
            skips.append(x)
            x = conv(f"down.{level}", x)
    for level in reversed(range(deepest)):
        x = conv(f"up.{level}", x, lambda v: clamp16(skips[level] + shuffle(v)))
        for i in range(model.blocks[level]):
            x = block(f"leave.{level}.{i}", x)
    return shuffle(conv("tail", x))[..., :height, :width, :].astype(np.int16), conv("gates", x)


def update(model, c_q12, gates, label, level_q8):
    """J c of int16 noise c (..., H, W, 3), q12, to the same; `gates` of the call at that label and level."""
    emb = embedding(model, label, level_q8)
    layers = model.network(label, level_q8).layers
    height, width = c_q12.shape[-3:-1]
    x = convolve(layers["sift"], unshuffle(pad(c_q12, model)), emb)
    x = convolve(layers["join"], gate(x, gates), emb)
    return shuffle(x)[..., :height, :width, :].astype(np.int16)


def denoise(model, y, sigma, label):
    """xhat_0 of pictures y, int32 (..., H, W, 3) in 1/32640, with noise `sigma` (q8)."""
    y = y.astype(np.int64)
    norm = math.isqrt(sigma * sigma + SD_Q8 * SD_Q8)
    a0 = clamp16(rshift_round(y * ((1 << 44) // norm), 24)).astype(np.int16)
    f = forward(model, a0, label, level_q8_of_sigma(sigma))[0].astype(np.int64)
    t = (SD_Q8 << 30) // norm
    skip_q30, out_q8 = (t * t) >> 30, (sigma * t) >> 30
    estimate = rshift_round(skip_q30 * y, 30) + rshift_round(out_q8 * f, 20)
    return np.clip(estimate, -ONE, ONE).astype(np.int32)


def main():
    model = read(sys.argv[1])
    print(f"id {model.id:08x}: channels {model.channels} blocks {model.blocks} embedding {model.embedding}")
    print(model.provenance)
    print(f"mean {model.mean}, plan {model.plan}, lift rate {model.lift_rate}, lift density {model.lift_density}")
    for number, network in enumerate(model.networks):
        print(f"network {number}" + (f", label 0 from level {network.first_level} on" if number else ""))
        for layer in network.layers.values():
            print(f"{layer.name:24} {layer.taps} x {layer.cin:3} -> {layer.cout:3}  shift {layer.shift}")


if __name__ == "__main__":
    main()
