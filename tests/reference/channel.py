"""From bits to noise: pseudo-random bits, the trellis, mixing"""
import math

import numpy as np

from integers import H, hashes, wrap


def draw(key, bits, B):
    begin = len(bits) // 8 * 8
    j = np.arange(B - begin)
    drawn = hashes(key, len(j) // 8 + 1)[j // 8].astype(np.int64) >> (7 - j % 8) & 1
    return bits + drawn.tolist()[len(bits) - begin :]


def first(i, N, B):
    return i * N // B


def registers(bits, B, L):
    """The last L + 1 bits at each bit; there are none before the start of a span"""
    S = max(1, (B + 2048) // 4096)
    starts = [8 * (j * B // S // 8) for j in range(S)] + [B]
    W = np.zeros(len(bits), np.int64)
    for a, b in zip(starts, starts[1:]):
        span = bits[a:b]
        for k in range(min(L + 1, len(span))):
            W[a + k : b] |= span[: len(span) - k] << k
    return W


def trellis(bits, N, B, L, key):
    c, bits = np.zeros(N, np.int64), np.array(bits, np.int64)
    W, i, h = registers(bits, B, L), np.arange(len(bits)), hashes(key, len(bits))
    middle = W // 2 % 2 ** (L - 1)
    add = (h % np.uint64(2**16)).astype(np.int64)
    mul = (((h >> np.uint64(16)) % np.uint64(2**32)).astype(np.int64) | 1) << (17 - L)
    label = (add + middle * (mul % 2**16)) % 2**16
    n = first(i + 1, N, B) - first(i, N, B)
    sign = (W ^ W >> L ^ label * n >> 15) & 1
    a = np.zeros(len(bits), np.int64)
    for size in set(n.tolist()):
        a[n == size] = (math.isqrt(size << 26) + 1) // 2
    c[first(i, N, B) + label * n // 2**16] = np.where(sign, -a, a)
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

        j = np.arange(N)
        self.samples = (near(0x9E3779B9, H(key, 0)) * j + H(key, 1) % N) % N
        self.visits = (near(0x6A09E668, H(key, 2)) * j + H(key, 3) % N) % N
        self.signs, self.overlap = self.flips(H(key, 4)), self.flips(H(key, 5))

    def flips(self, key):
        j = np.arange(self.N)
        words = hashes(key, self.N // 64 + 1)[j // 64]
        return np.where(words >> (j % 64).astype(np.uint64) & np.uint64(1), -1, 1)

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
