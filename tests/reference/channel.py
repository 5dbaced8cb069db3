"""From bits to noise: pseudo-random bits, the trellis, mixing"""
import math

import numpy as np

from integers import H, wrap


def draw(key, bits, B):
    begin = len(bits) // 8 * 8
    drawn = [H(key, j // 8) >> (7 - j % 8) & 1 for j in range(B - begin)]
    return bits + drawn[len(bits) - begin :]


def first(i, N, B):
    return i * N // B


def trellis(bits, N, B, L, key):
    c = np.zeros(N, np.int64)
    S = max(1, (B + 2048) // 4096)
    starts = {8 * (j * B // S // 8) for j in range(S)}
    W = 0
    for i, bit in enumerate(bits):
        if i in starts:
            W = 0
        W = (2 * W + bit) % 2 ** (L + 1)
        middle = W // 2 % 2 ** (L - 1)
        h = H(key, i)
        add = h % 2**16
        mul = (((h >> 16) % 2**32 | 1) << (17 - L)) % 2**16
        label = (add + middle * mul) % 2**16
        n = first(i + 1, N, B) - first(i, N, B)
        sign = (W ^ W >> L ^ label * n >> 15) & 1
        a = (math.isqrt(n << 26) + 1) // 2
        c[first(i, N, B) + label * n // 2**16] = -a if sign else a
    return c


class Mixing:
    def __init__(self, N, B, key):
        D = max(4096, 32 * -(-N // B))
        self.N, self.block = N, 1
        while self.block <= N // 4 and self.block < D:
            self.block *= 4

        def near(f, h):
            v = ((N * f >> 32) + h % math.isqrt(N)) % N
            while math.gcd(v, N) > 1:
                v = v + 1 if v + 1 < N else 1
            return v

        j = np.arange(N, dtype=object)
        self.samples = ((near(0x9E3779B9, H(key, 0)) * j + H(key, 1) % N) % N).astype(np.int64)
        self.visits = ((near(0x6A09E668, H(key, 2)) * j + H(key, 3) % N) % N).astype(np.int64)
        self.signs, self.overlap = self.flips(H(key, 4)), self.flips(H(key, 5))

    def flips(self, key):
        return np.array([-1 if H(key, j // 64) >> j % 64 & 1 else 1 for j in range(self.N)], np.int64)

    @staticmethod
    def transform(x):
        d, m = 1, len(x)
        while d < m:
            g = x.reshape(-1, 4, d)
            a, b, c, e = g[:, 0], g[:, 1], g[:, 2], g[:, 3]
            out = np.stack([a + b + c + e, a - b + c - e, a + b - c - e, a - b - c + e], 1)
            x = (wrap(out + 1) >> 1).reshape(-1)
            d *= 4
        return x

    def last(self, x):
        x[self.N - self.block :] = self.transform(x[self.N - self.block :])

    def flip_last(self, x):
        x[self.N - self.block :] *= self.overlap[self.N - self.block :]

    def blocks(self, x):
        for b in range(0, self.N - self.block + 1, self.block):
            x[b : b + self.block] = self.transform(x[b : b + self.block])

    def unmix(self, mixed):
        x = np.zeros(self.N, np.int64)
        x[self.visits] = mixed
        if self.N % self.block:
            self.last(x)
            self.flip_last(x)
        self.blocks(x)
        c = np.zeros(self.N, np.int64)
        c[self.samples] = x * self.signs
        return c

    def mix(self, c):
        x = c[self.samples] * self.signs
        self.blocks(x)
        if self.N % self.block:
            self.flip_last(x)
            self.last(x)
        return x[self.visits]
