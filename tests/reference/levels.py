"""Levels of the residual coder, and the probabilities of their bits"""
from functools import lru_cache

from integers import G, R, ilog, limited, toward_zero

M = 2977044472


# ---- Probabilities ----------------------------------------------------------------------------


def powers():
    e = [2**32]
    while len(e) < 4096:
        e.append((e[-1] * 4278222805 + 2**31) // 2**32)
    return e


E = powers()


def ln(v):
    """256 ln(v / 2^32)"""
    return R((G(v) - 2**21) * M, 2**40)


SOFTPLUS = [ln(2**32 + e) for e in E]  # of -z
RISE = [0] + [w + ln(2**32 - E[w]) for w in range(1, 4096)]


def softplus(z):
    return SOFTPLUS[z] + z if z >= 0 else SOFTPLUS[-z]


Q = [(2**31 * e + (2**32 + e) // 2) // (2**32 + e) for e in E[:2840]]
MIDDLES = [None] + [(a + b) // 2 for a, b in zip(Q[1:], Q)]


def squash(x):
    x = limited(x, 2839)
    p = (Q[abs(x)] + 2**14) // 2**15
    return p if x < 0 else 65536 - p


@lru_cache(None)
def nearest(p):
    return next((x for x in range(2839, 0, -1) if 2**15 * p <= MIDDLES[x]), 0)


def stretch(p):
    if p < 2048:
        return -nearest(p)
    if p < 32768:
        return -nearest(p // 16 * 16 + 8)
    return nearest((4095 - p // 16) * 16 + 8 if p <= 63488 else 65536 - p)


class Counter:
    def __init__(self, limit=255):
        self.share, self.bits, self.limit = 2**21, 0, limit

    def stretched(self):
        return stretch(max(1, self.share // 64))

    def learn(self, bit):
        rate = (131072 + self.bits + 1) // (2 * self.bits + 3)
        self.share += ((bit * (2**22 - 1) - self.share) * rate + 2**15) // 65536
        self.bits = min(self.bits + 1, self.limit)


class Counters(dict):
    def __missing__(self, name):
        self[name] = Counter()
        return self[name]


class Ended(Exception):
    """The next bit is not known."""


class Reader:
    """Bits, as far as the bytes tell them: the code is at least `code`, at most `most`."""

    def __init__(self, data, whole):
        self.data, self.at, self.whole = data, 0, whole
        self.range, self.code, self.most = 2**32 - 1, 0, 0
        for _ in range(4):
            self.byte()
        self.code, self.most = min(self.code, 2**32 - 2), min(self.most, 2**32 - 2)

    def byte(self):
        there = self.at < len(self.data)
        byte = self.data[self.at] if there else 0
        self.code = self.code << 8 | byte
        self.most = self.most << 8 | (byte if there or self.whole else 255)
        self.at += 1

    def bit(self, p):
        ones = self.range * p // 65536
        if self.code < ones <= self.most:
            raise Ended
        bit = int(self.code < ones)
        if bit:
            self.range = ones
        else:
            self.code, self.most, self.range = self.code - ones, self.most - ones, self.range - ones
        while self.range < 2**24:
            self.range <<= 8
            self.byte()
        return bit


# ---- Levels -----------------------------------------------------------------------------------


def class_of(v, f, b, n):
    o = ilog(v + 2**f)
    return min(n - 1, 2**b * (o - f) + ((v + 2**f) >> (o - b)) % 2**b)


class Scales(dict):
    def __missing__(self, name):
        self[name] = [0, 0]  # the errors' sum and number
        return self[name]

    def mean(self, name, prior):
        total, number = self[name]
        return max(1, (total + 4 * prior) // (number + 4))

    def learn(self, name, error):
        s = self[name]
        s[0], s[1] = s[0] + error, s[1] + 1
        if s[1] == 200:
            s[0], s[1] = s[0] // 2, s[1] // 2


class Levels:
    """What decodes levels around their means, and learns"""

    def __init__(self, reader, depth, error):
        self.reader, self.top, self.span, self.error = reader, 2**depth - 1, 2 * error + 1, error
        self.unit = 255 * 2**32 // self.top
        self.counters, self.scales, self.mixers = Counters(), Scales(), {}

    def level(self, channel, mean, west, north, near, others, activity):
        """The level, and the error of its mean"""
        cn, co = class_of(near, 8, 2, 32), class_of(others, 8, 2, 32)
        ca = class_of(activity, 6, 1, 16)
        cw, ch = class_of(west, 8, 1, 16), class_of(north, 8, 1, 16)
        prior = 1229 + (92 * near + 61 * others) // 256
        names = [(channel, 0, cn, co), (channel, 1, cn, ca)]
        expected = [self.scales.mean(name, prior) for name in names]
        self.slopes = [1453635 // m for m in expected]
        both = sum(expected) // 2
        cs = class_of(both, 7, 2, 32)
        self.channel, self.mean = channel, mean
        self.contexts = [(0, cs), (1, cn, co), (2, cw, ch), (3, ca, cs)]
        bins = (both << 20) // (self.unit * self.span)
        self.g = ilog(bins // 4) if bins >= 8 else 0
        self.centre = min(self.top, (65536 * mean + self.unit // 2) // self.unit)
        self.first = -((self.centre + self.error) // self.span)
        self.last = (self.top - self.centre + self.error) // self.span
        level = min(max(self.centre + self.bin() * self.span, 0), self.top)
        error = abs((level * self.unit >> 16) - mean) >> 4
        for name in names:
            self.scales.learn(name, error)
        return level, error

    def begin(self, k):
        return (2 * self.centre + (2 * k - 1) * self.span) * self.unit >> 17

    def z(self, i, v):
        return limited(v * self.slopes[i] >> 16, 4095)

    def decide(self, number, x):
        counters = [self.counters[(self.channel, number) + c] for c in self.contexts]
        x = x + [c.stretched() for c in counters] + [77]
        w = self.mixers.setdefault((self.channel, number), [26214] * 2 + [3276] * 5)
        p = squash(limited((sum(map(int.__mul__, w, x)) + 2**15) >> 16, 2839))
        bit = self.reader.bit(p)
        w[:] = [limited(a + ((b * 8 * (65536 * bit - p) + 2**19) >> 20), 2**22) for a, b in zip(w, x)]
        for c in counters:
            c.learn(bit)
        return bit

    def bin(self):
        if self.first == self.last:
            return self.first
        low = -(2**self.g // 2)
        high = low + 2**self.g
        lower, upper = self.begin(low), self.begin(high)
        start = high if upper - self.mean < self.mean - lower else low
        start = min(max(start, self.first + 1), self.last)
        edge, width = self.begin(start), upper - lower
        part = min(7, max(0, toward_zero(8 * (self.mean - edge + width // 2), width)))
        if self.decide(part, [-self.z(i, edge - self.mean) for i in (0, 1)]):
            return self.outward(start, 1)
        return self.outward(start - 1, 0)

    def outward(self, k, upwards):
        t, size = 0, 2**self.g
        while True:
            if upwards:
                low, high = k, min(k + size - 1, self.last)
                near, far, end = self.begin(low) - self.mean, self.begin(high + 1) - self.mean, high == self.last
            else:
                low, high = max(k - size + 1, self.first), k
                near, far, end = self.mean - self.begin(high + 1), self.mean - self.begin(low), low == self.first
            x = [softplus(-self.z(i, near)) - RISE[max(1, self.z(i, far - near))] for i in (0, 1)]
            if end or not self.decide(8 + 2 * min(19, t) + upwards, x):
                return self.within(low, high)
            k = high + 1 if upwards else low - 1
            t += 1
            if t > 20:
                size *= 2

    def density(self, v):
        return toward_zero(sum(-z - 2 * softplus(-z) for z in (self.z(0, v), self.z(1, v))), 2)

    def within(self, first, last):
        told = 0
        while first < last:
            k = first + (last - first) // 2 + 1
            l = toward_zero(self.begin(first) + self.begin(k), 2)
            u = toward_zero(self.begin(k) + self.begin(last + 1), 2)
            counter = self.counters["halves", self.channel, self.g, told]
            bit = self.reader.bit(
                squash(counter.stretched() + self.density(u - self.mean) - self.density(l - self.mean))
            )
            counter.learn(bit)
            first, last = (k, last) if bit else (first, k - 1)
            told += 1
        return first
