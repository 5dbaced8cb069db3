"""The progressive alpha, and the exact one"""
import numpy as np

from integers import shift_round


class RangeReader:
    """Bits, as far as the bytes tell them"""

    def __init__(self, data, whole):
        self.data, self.at, self.whole, self.ended = data, 0, whole, False
        self.range, self.code, self.unknown = 2**32 - 1, 0, 0
        for _ in range(4):
            self.byte()

    def byte(self):
        there = self.at < len(self.data)
        self.code = self.code << 8 | (self.data[self.at] if there else 0)
        self.unknown = self.unknown << 8 | (0 if there or self.whole else 255)
        self.at += 1

    def bit(self, contexts, name):
        ones, seen = contexts.get(name, (32768, 0))
        bound = (self.range >> 16) * ones
        one = self.code < bound
        if self.ended or (one and self.code + self.unknown >= bound):
            self.ended = True
            return 0
        if one:
            self.range = bound
        else:
            self.code, self.range = self.code - bound, self.range - bound
            self.unknown = min(self.unknown, max(0, self.range - 1 - self.code))
        while self.range < 2**24:
            self.range <<= 8
            self.byte()
        rate = 65536 // (seen + 2)
        ones += (65536 - ones) * rate >> 16 if one else -(ones * rate >> 16)
        contexts[name] = min(max(ones, 32), 65504), min(seen + 1, 126)
        return int(one)


def alpha_levels(w, h):
    levels = []
    while True:
        across = h == 1 or (len(levels) % 2 == 0 and w > 1)
        levels.append((w, h, across))
        if w == h == 1:
            return levels
        w, h = ((w + 1) // 2, h) if across else (w, (h + 1) // 2)


def alpha_difference(r, c, mean, up, predicted, activity, near):
    most = max(min(s, 510 - s) for s in (2 * mean - up, 2 * mean - up + 1))
    predicted = min(max(predicted, -most), most)
    if most == 0 or not r.bit(c, ("differs", activity, near, most < 8)):
        return predicted
    sign = (predicted > 0) - (predicted < 0)
    if r.bit(c, ("extreme", activity)):
        value = -most if r.bit(c, ("sign of extreme", sign)) else most
    else:
        negative, size, found = r.bit(c, ("sign", sign)), 0, 1
        while size < 9 and r.bit(c, ("size", activity, size)):
            size += 1
        for _ in range(size):
            found = 2 * found + r.bit(c if found < 4 else {}, ("fine", size, found))
        value = min(max(predicted + (-found if negative else found), -most), most)
    return predicted if r.ended else value


def alpha_level(r, c, means, w, h, across, up):
    """A level from the one above it; both with pairs side by side"""
    if not across:
        means, w, h = means.T, h, w
    plane = np.zeros((h, w), np.int64)
    rows, columns = means.shape
    order = [(i, j) for i in range(rows) for j in range(columns)]
    if not across:
        order.sort(key=lambda p: (p[1], p[0]))
    for i, j in order:
        mean = int(means[i, j])
        if 2 * j + 1 == w:
            plane[i, 2 * j] = mean
            continue
        near = lambda a, b: int(means[a, b]) if 0 <= a < rows and 0 <= b < columns else mean
        before, after = near(i, j - 1), near(i, j + 1)
        last = int(plane[i, 2 * j - 1]) if j else mean
        beside = int(plane[i - 1, 2 * j] - plane[i - 1, 2 * j + 1]) if i else 0
        total = sum(abs(v - mean) for v in (before, after, near(i - 1, j), near(i + 1, j)))
        activity = min((total + 1).bit_length() - 1, 7)
        predicted = shift_round(85 * (last - mean) + 64 * (mean - after), 8)
        d = alpha_difference(r, c, mean, up, predicted, activity, (last != mean) + 2 * (beside != 0))
        s = 2 * mean - up
        s += (s ^ d) & 1
        plane[i, 2 * j], plane[i, 2 * j + 1] = (s + d) // 2, (s - d) // 2
    return plane if across else plane.T


def alpha_plane(data, whole, w, h):
    r, c, levels, value = RangeReader(data, whole), {}, alpha_levels(w, h), 255
    for i in range(7, -1, -1):
        bit = r.bit(c, ("root", i))
        if not r.ended:
            value = value & ~(1 << i) | bit << i
    plane = np.full((1, 1), value, np.int64)
    for i in range(len(levels) - 2, -1, -1):
        plane = alpha_level(r, c, plane, *levels[i], i % 2)
    return plane.astype(np.uint8)


def unpacked_alpha(content, w, h):
    """The exact plane"""
    plane = np.frombuffer(content[1:], np.uint8).reshape(h, w).astype(int)
    for y in range(h if content[0] else 0):
        for x in range(w):
            a = plane[y, x - 1] if x else 0
            b = plane[y - 1, x] if y else 0
            c = plane[y - 1, x - 1] if x and y else 0
            plane[y, x] = (plane[y, x] + min((a, b, c), key=lambda v: abs(a + b - c - v))) % 256
    return plane.astype(np.uint8)
