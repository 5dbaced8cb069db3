"""The exact layer: the residual coder, and samples as they are; graphics.py has the third coder."""
import struct
import zlib

from graphics import block_rows, graphics_rows
from integers import ilog, limited, toward_zero
from levels import Ended, Levels, Reader

MOST = 2047
CHANNEL_ORDER = (1, 0, 2)


# ---- Prediction -------------------------------------------------------------------------------


def scaled(v, bits):
    """floor(v 2^bits)"""
    return v << bits if bits >= 0 else v >> -bits


def signed64(v):
    return (v + 2**63) % 2**64 - 2**63


def lim(v):
    return limited(v, 2**31 - 1)


def weights_from(m, n):
    """Of the matrix' lower triangle; it is overwritten."""
    half = []
    for i in range(n + 1):
        m[i][i] = max(0, m[i][i]) + 128
        half.append((29 - ilog(m[i][i])) // 2)
    if m[n][n] == 128:
        return [0] * n
    for i in range(n + 1):
        for j in range(i + 1):
            m[i][j] = lim(scaled(m[i][j], half[i] + half[j]))
        m[i][i] += 2**14
    pivots = []
    for j in range(n):
        c = [lim(m[j][k] * pivots[k] >> 24) for k in range(j)]
        dot = lambda i: signed64(sum(map(int.__mul__, m[i], c))) >> 24
        pivot = lim(m[j][j] - dot(j))
        used = pivot >= 2**13
        pivots.append(pivot if used else 1)
        bits = ilog(pivots[j])
        q = 2 ** (30 + bits) // pivots[j]
        for i in range(j + 1, n + 1):
            m[i][j] = limited(lim(m[i][j] - dot(i)) * q >> 6 + bits, 2**30) if used else 0
    weights, rest = [0] * n, m[n][:n]
    for i in range(n - 1, -1, -1):
        u = limited(rest[i], 2**30)
        weights[i] = limited(scaled(u, half[i] - half[n] - 8), 2**20)
        for k in range(i):
            rest[k] -= u * m[i][k] >> 24
    return weights


class Regression:
    """The weights of a channel's inputs, a row of the picture's blocks after the other"""

    def __init__(self, width, n):
        self.n = n
        blank = lambda: [[0] * (i + 1) for i in range(n + 1)]
        self.blank, self.blocks = blank(), [blank() for _ in range((width + 15) // 16)]

    def begin_row(self):
        for block in self.blocks:
            for row in block:
                row[:] = [s - (s >> 4) for s in row]
        self.whole = [[sum(s) for s in zip(*rows)] for rows in zip(*self.blocks)]

    def weights(self, b):
        left = self.blocks[b - 1] if b else self.blank
        right = self.blocks[b + 1] if b + 1 < len(self.blocks) else self.blank
        products = [
            [s + (l + r >> 1) + (w >> 6) for s, l, r, w in zip(*rows)]
            for rows in zip(self.blocks[b], left, right, self.whole)
        ]
        return weights_from(products, self.n)

    def add(self, b, vectors):
        for v in vectors:
            for i, row in enumerate(self.blocks[b]):
                row[:] = [s + v[i] * f for s, f in zip(row, v)]


# ---- Pictures ---------------------------------------------------------------------------------


class Rows:
    """Rows of numbers that go on to both sides with their first and last one"""

    def __init__(self, rows):
        self.rows = rows

    def at(self, x, y):
        row = self.rows[min(max(y, 0), len(self.rows) - 1)]
        return row[min(max(x, 0), len(row) - 1)]


class Coded(Rows):
    """Those that are known as they are coded; the last one is the present one."""

    def __init__(self, width):
        self.rows, self.blank, self.width = [], [0] * width, width

    def at(self, x, y):
        row = self.rows[y] if y >= 0 else self.blank
        if x < 0 and len(row) < self.width:
            return self.at(0, y - 1)
        return row[min(max(x, 0), len(row) - 1)]


class Channel:
    def __init__(self, k, channels, estimate, noisy):
        limit = lambda v: limited(v, MOST)
        pairs = [list(zip(a, b)) for a, b in zip(estimate, noisy or estimate)]
        self.k, self.estimate = k, estimate
        self.e = Rows([[v >> 4 for v in row] for row in estimate])
        self.d = Rows([[limit((b - a) >> 4) if noisy else 0 for a, b in row] for row in pairs])
        width = len(estimate[0])
        self.r, self.a = Coded(width), Coded(width)
        self.regression = Regression(width, 19 + 8 * k + 3 * (channels - 1 - k) + 1)

    def begin_row(self):
        self.r.rows.append([])
        self.a.rows.append([])
        self.regression.begin_row()

    def change(self, x, y, i, j):
        return limited(self.e.at(x + i, y + j) - self.e.at(x, y), MOST)

    def inputs(self, others, x, y):
        r = [(-1, 0), (-2, 0), (0, -1), (1, -1), (-1, -1), (2, -1), (-2, -1), (0, -2), (1, -2), (-1, -2)]
        beside = [(-1, 0), (1, 0), (0, -1), (0, 1)]
        v = [self.r.at(x + i, y + j) for i, j in r]
        v += [self.change(x, y, i, j) for i, j in beside]
        v += [self.d.at(x + i, y + j) for i, j in [(0, 0)] + beside]
        for o in others:
            if o.k < self.k:
                v += [o.r.at(x + i, y + j) for i, j in [(0, 0), (-1, 0), (1, 0), (0, -1), (1, -1)]]
                v += [o.change(x, y, i, j) for i, j in [(-1, 0), (0, -1)]]
            elif o.k > self.k:
                v += [o.r.at(x + i, y + j) for i, j in [(0, -1), (1, -1)]]
            if o.k != self.k:
                v.append(o.d.at(x, y))
        return v + [16]

    def surroundings(self, others, x, y):
        """west, north, near, others, activity"""
        a, e = self.a.at, self.e.at
        west, north = a(x - 1, y), a(x, y - 1)
        near = 10 * (west + north) + 7 * (a(x + 1, y - 1) + a(x - 1, y - 1)) + 5 * (a(x - 2, y) + a(x, y - 2))
        j = 0 if self.k else -1
        of = [o.a for o in others if (o.k < self.k if self.k else o.k > 0)]
        sums = sum(2 * b.at(x, y + j) + b.at(x - 1, y + j) + b.at(x + 1, y + j) for b in of)
        mean = sums // (4 * len(of)) if of else near // 44
        activity = 16 * (abs(e(x + 1, y) - e(x - 1, y)) + abs(e(x, y + 1) - e(x, y - 1)))
        return west, north, near // 44, mean, activity

    def code_row(self, others, levels, y):
        row, width = [], len(self.estimate[0])
        for begin in range(0, width, 16):
            weights, vectors = self.regression.weights(begin // 16), []
            for x in range(begin, min(begin + 16, width)):
                v = self.inputs(others, x, y)
                known = self.surroundings(others, x, y)
                E = self.estimate[y][x] + 32640
                correction = limited(sum(map(int.__mul__, weights, v)) >> 12, 8192)
                mean = min(max(256 * (E + correction), 0), 255 * 65536)
                level, error = levels.level(self.k, mean, *known)
                self.r.rows[y].append(limited(((level * levels.unit >> 24) - E) >> 4, MOST))
                self.a.rows[y].append(error)
                vectors.append(v + [self.r.rows[y][-1]])
                row.append(level)
            self.regression.add(begin // 16, vectors)
        return row


def residual_rows(code, whole, channels, depth, error, estimate, noisy):
    """estimate, noisy: [h][w][3] integers; noisy may be None. Rows of samples, [w][channels], as far as they are known"""

    def planes(picture):
        if picture is None:
            return [None] * channels
        if channels == 1:
            return [[[toward_zero(sum(v), 3) for v in row] for row in picture]]
        return [[[v[c] for v in row] for row in picture] for c in CHANNEL_ORDER]

    known = [
        Channel(k, channels, *both) for k, both in enumerate(zip(planes(estimate), planes(noisy)))
    ]
    levels, rows = Levels(Reader(code, whole), depth, error), []
    for y in range(len(estimate)):
        for c in known:
            c.begin_row()
        try:
            coded = [c.code_row(known, levels, y) for c in known]
        except Ended:
            break
        if channels == 3:
            coded = [coded[CHANNEL_ORDER.index(c)] for c in range(3)]
        rows.append(list(zip(*coded)))
    return rows


def raw_rows(code, width, height, channels, depth):
    size = 2 if depth > 8 else 1
    row = width * channels * size
    samples = lambda b: [min(int.from_bytes(b[i : i + size], "little"), 2**depth - 1) for i in range(0, row, size)]
    rows = [samples(code[y * row : y * row + row]) for y in range(min(height, len(code) // row))]
    return [[tuple(r[i : i + channels]) for i in range(0, len(r), channels)] for r in rows]


class Exact:
    """The layer, of a record's content: its coder; rows of samples, with alpha where all is there or all is coded
    together; their channels, depth and error; of some blocks, which pixels it has"""

    def __init__(self, content, whole, estimate, noisy):
        self.coder, self.channels, self.depth, self.error, check = struct.unpack("<4BI", content[:8])
        code, self.rows, alpha = content[8:], [], []
        self.has = lambda x, y: True
        h, w = len(estimate), len(estimate[0])
        apart = self.coder == 0 and self.channels % 2 == 0
        all_there = whole
        if apart:
            size = int.from_bytes(code[:4], "little")
            code, alpha_code = code[4 : 4 + size], code[4 + size :]
            whole = whole or len(alpha_code) > 0
            self.channels -= 1
        if self.coder == 0:
            self.rows = residual_rows(code, whole, self.channels, self.depth, self.error, estimate, noisy)
        elif self.coder == 1:
            self.rows = graphics_rows(code, whole, w, h, self.channels, self.depth)
        elif self.coder == 2:
            self.rows = raw_rows(code, w, h, self.channels, self.depth)
        elif self.coder == 3:
            self.rows, self.has = block_rows(code, whole, w, h, self.channels, self.depth)
        if apart and len(self.rows) == h:
            alpha = graphics_rows(alpha_code, all_there, w, h, 1, self.depth)
        if all_there:
            samples = [s for rows in (self.rows, alpha) for row in rows for pixel in row for s in pixel]
            assert len(self.rows) == h and (not apart or len(alpha) == h)
            assert zlib.crc32(struct.pack("<%dH" % len(samples), *samples)) == check
        if len(alpha) == h:
            self.rows = [[c + a for c, a in zip(*both)] for both in zip(self.rows, alpha)]
            self.channels += 1

    def colours(self, row):
        """[w][1] of a grey picture, or [w][3]"""
        return [pixel[: 3 if self.channels > 2 else 1] for pixel in row]
