"""The chain, from the steps of a stream to a picture"""
import math
import zlib

import numpy as np

from channel import Mixing, first, trellis
from exact import Exact
from integers import ONE, H, R, hashes, level, ratio, shift_round, sigma
from network import Network
from stream import Stream


def predict(x):
    p = np.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    up, down, left, right = p[:-2, 1:-1], p[2:, 1:-1], p[1:-1, :-2], p[1:-1, 2:]
    cross = p[:-2, :-2] - p[:-2, 2:] - p[2:, :-2] + p[2:, 2:]
    return np.stack([shift_round(left - right, 2), shift_round(up - down, 2), shift_round(cross, 5)])


def join(y, bands, w, h):
    i, j = np.arange(h), np.arange(w)
    a = np.where(j % 2, -1, 1)[None, :, None]
    b = np.where(i % 2, -1, 1)[:, None, None]
    at = np.ix_(i // 2, j // 2)
    return y[at] + shift_round(a * bands[0][at] + b * bands[1][at] + a * b * bands[2][at], 1)


def keep_and_noise(a, b):
    r2 = 0 if a is None else ratio(2 * (b - a))
    root = math.isqrt((2**30 - r2) << 30)
    return r2, R(sigma(b) * root, 2**30)


def change(y, estimate, c, a, b):
    r2, noise = keep_and_noise(a, b)
    return shift_round((2**30 - r2) * (estimate - y), 30) + shift_round(noise * c, 20)


VIEWS = [lambda x: x, lambda x: x[::-1, ::-1], lambda x: x[:, ::-1], lambda x: x[::-1]]


def without_colour(x):
    """Of a grey picture all three samples of a pixel are their mean."""
    return np.repeat(R(x.sum(-1, keepdims=True), 3), 3, axis=-1)


def estimate_of(stream, net, y, k, v, last=False):
    norm = math.isqrt(v * v + 4177920**2)
    p = 4177920 * 2**30 // norm
    z = level(v)
    inputs = np.clip(shift_round(y * (2**44 // norm), 24), -32768, 32767)
    label = stream.label(k, R(z, 256))
    views = VIEWS[: 4 if label in (2, 3, 4) or last and label > 1 else stream.views if last else 1]
    F = R(sum(view(net.run(view(inputs), z, label)) for view in reversed(views)), len(views))
    out = shift_round((p * p >> 30) * y, 30) + shift_round((v * p >> 30) * F, 20)
    out = np.clip(out, -ONE, ONE)
    return without_colour(out) if stream.grey else out


def updated(stream, x, net, c, a, b):
    _, noise = keep_and_noise(a, b)
    moved = net.update(c)
    moved = without_colour(moved) if stream.grey else moved
    return np.clip(x + shift_round(noise * moved, 20), -ONE, ONE)


def walk(stream, net, seed):
    """Scale, y, its noise, and the estimate at the chain's end"""
    k = len(stream.sizes) - 1
    w, h = stream.sizes[k]
    y = np.zeros((h, w, 3), np.int64)
    x, v = y + np.array(stream.model.mean), 0
    x = without_colour(x) if stream.grey else x
    for i, s, L, bits, B in stream.walk() if seed is None else stream.walk_all(seed):
        key, known = H(0x64647A2D31, i), len(bits)
        fresh = s["lift"] or s["a"] is None
        if fresh:
            bits += (hashes(key ^ 0x64647A2D31, B)[known:] & np.uint64(1)).tolist()
            known = B
        mixing = Mixing(s["N"], B, key)
        c = mixing.unmix(trellis(bits, s["N"], B, L, key))
        if x is None:
            x = estimate_of(stream, net, y, k, v)
        if s["lift"]:
            k -= 1
            w, h = stream.sizes[k]
            bands = predict(x)
            c = c.reshape(bands.shape)
            bands = change(0, bands, c, None, 0)
            y = join(y, bands, w, h)
            v, x = sigma(0), None
        else:
            c = c.reshape(y.shape)
            step = change(y, x, c, s["a"], s["b"])
            v = sigma(s["b"])
            x = updated(stream, x, net, c, s["a"], s["b"]) if s["update"] and known == B else None
            if known < B:
                mixed = mixing.mix(step.reshape(-1))
                mixed[first(known, s["N"], B) :] = 0
                step = mixing.unmix(mixed).reshape(y.shape)
                F, Gs = sigma(s["a"]), v
                v = math.isqrt(F * F - ((F * F - Gs * Gs) >> 16) * ((known << 16) // B))
            y = y + step
    if v:
        x = estimate_of(stream, net, y, k, v, last=True)
    return k, y, v, x


class Picture:
    """Of a stream, or of its beginning: the mean, or a sample.

    rgb: 8 bits, of the estimate; exact: the layer, or None; agrees: the digest does
    """

    def __init__(self, data, model, seed=None):
        stream = Stream(data, model)
        k, y, v, x = walk(stream, Network(model), seed)
        self.agrees = zlib.crc32(y.astype("<i4").tobytes()) == stream.digest
        noisy = y.tolist() if k == 0 and v else None
        while k > 0:
            k -= 1
            x = join(x, predict(x), *stream.sizes[k])
        self.rgb = np.clip((x + 32768) >> 8, 0, 255).astype(np.uint8)
        self.exact, layer = None, stream.exact()
        if seed is None and layer and len(layer[0]) >= 8:
            self.exact = Exact(*layer, np.clip(x, -32768, 32767).tolist(), noisy)

    def rgb8(self):
        """With the exact rows, which have 8 bits"""
        rgb, rows = self.rgb.copy(), self.exact.rows if self.exact else []
        for y, row in enumerate(rows):
            assert self.exact.depth == 8
            has = np.array([self.exact.has(x, y) for x in range(len(row))])
            rgb[y] = np.where(has[:, None], self.exact.colours(row), rgb[y])
        return rgb
