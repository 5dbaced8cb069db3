"""The coder of graphics"""
from integers import H, M64, R, ilog, limited, toward_zero
from levels import Counter, Ended, Reader, squash, stretch

O = 0x9E3779B97F4A7C15
SPREAD = 0xD1342543DE82EF95
ORDERS = {1: (0,), 2: (1, 0), 3: (1, 0, 2), 4: (3, 1, 0, 2)}
GROWING = (
    ((-6, 0), (-7, 0), (2, -3), (-2, -3), (1, -4), (-1, -4), (5, -1), (6, -1)),
    ((-4, 0), (-5, 0), (0, -4), (1, -3), (-1, -3), (4, -1), (3, -2), (-3, -2)),
    ((-3, 0), (0, -3), (3, -1), (-3, -1), (2, -2), (-2, -2)),
    ((-1, -2), (1, -2), (2, -1), (-2, -1)),
    ((-2, 0), (0, -2)),
    ((-1, -1), (1, -1)),
    ((-1, 0), (0, -1)),
)
WORTH = 2**24 + 2**16


def A(h, *values):
    for v in values:
        u = (h ^ v & M64) * O & M64
        h = u ^ u >> 29
    return h


def least_bits(low, high, enough):
    return next((b for b in range(low, high) if enough(b)), high)


def middle(*three):
    return sorted(three)[1]


class Table(dict):
    """Counters, weights and the like, made when they are asked for"""

    def __init__(self, make):
        self.make = make

    def __missing__(self, name):
        self[name] = self.make()
        return self[name]


class Blend:
    def __init__(self, t, h, weights):
        self.t, self.h, self.bits = t, h, 0
        self.sets = [Table(lambda: list(weights)) for _ in range(2)]
        self.points = Table(lambda: [squash(178 * j - 2848) for j in range(33)])

    def bit(self, reader, counters, others, sets, context):
        x = [c.stretched() for c in counters] + others
        weights = [table[name] for table, name in zip(self.sets, sets)]
        says = [limited((sum(map(int.__mul__, w, x)) + 2**15) >> 16, 2839) for w in weights]
        both = sum(says) >> 1
        points, (j, rest) = self.points[context], divmod(both + 2848, 178)
        k = 256 * rest // 178
        mapped = max(1, points[j] + ((points[j + 1] - points[j]) * k >> 8))
        bit = reader.bit((squash(both) + mapped + 1) // 2)
        rate = self.t + 2**16 * self.h // (2**16 + min(self.bits, 2**24))
        for w, s in zip(weights, says):
            error = rate * (65536 * bit - squash(s))
            w[:] = [limited(v + ((i * error + 2**19) >> 20), 2**22) for v, i in zip(w, x)]
        points[j + (k >= 128)] += ((65598 * bit) - points[j + (k >= 128)]) >> 6
        for c in counters:
            c.learn(bit)
        self.bits += 1
        return bit


class Slot:
    def __init__(self, check, v):
        self.check, self.f, self.s, self.run = check, v, v, 0


class Record:
    def __init__(self, d, spread, r):
        self.d, self.spread, self.r = d, spread, r


NOTHING = Record([0] * 10, [0] * 3, 0)


class Outlook:
    """What is known of a channel of a pixel before those before it are"""

    def __init__(self, g, x, channel):
        self.channel, self.reference = channel, 1 if g.channels > 2 and channel in (0, 2) else None
        around = [g.c(x, i, j) for i, j in ((-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (1, -2))]
        self.plain = [g.part(v, channel) for v in around]
        if self.reference is None:
            self.p, self.moving = self.simple(self.plain), 7
        else:
            less = [g.part(v, channel) - g.part(v, self.reference) for v in around]
            self.p, self.moving = self.simple(self.plain)[:3] + self.simple(less), 3
        records = [
            g.record(x, i, j, channel) for i, j in ((-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (2, -1))
        ]
        off = [sum(r.d[i] for r in records) for i in range(len(self.p))]
        self.best = off.index(min(off))
        u = [(v >> max(0, g.depth - 8)) + 1 for v in off]
        self.weight = [2**26 // (v * v) + 1 for v in u]
        self.total = sum(self.weight)
        spread = [sum(r.spread[k] for r in records + records[:2]) for k in range(3)]
        self.slope = [11356 // (v + 8) for v in spread]
        self.spread = min(23, ilog(spread[1] ** 2 + 1))

    @staticmethod
    def simple(v):
        w, n, nw, ne, ww, nn, nne = v
        return [middle(w, n, w + n - nw), w + n - nw, w, n, w + ne - n, n + ne - nne, (2 * (w + n) + ne - nw + 2) >> 2]

    def weighted(self, p):
        return sum(map(int.__mul__, self.weight, p))

    def mean(self, value):
        """Of all predictors, with a reference that has this value"""
        m = toward_zero(16 * self.weighted(self.p), self.total)
        if self.reference is None:
            return m
        return m + ((256 * sum(self.weight[self.moving :]) // self.total * value) >> 4)

    def below(self, g, m, k, v):
        if v == 0 or v >= 2**g.depth:
            return WORTH if v else 0
        return 256 * squash((16 * v - 8 - m) * self.slope[k] >> 4) + (2**16 * v >> g.depth)


class Graphics:
    def __init__(self, code, whole, width, height, channels, depth, some=False):
        self.some, self.blocks = some, None
        self.reader, self.width, self.height = Reader(code, whole), width, height
        self.channels, self.depth, self.order = channels, depth, ORDERS[channels]
        self.rows, self.records, self.foreseen = [], [], []
        self.h, self.a, self.q, self.seen, self.last_copy = [], [], [], {}, 0
        self.again, self.follows = Table(lambda: Counter(60)), Table(lambda: Counter(60))
        self.bits = least_bits(6, 17, lambda b: 2**b >= width * height)
        self.slots, self.flags, self.states = {}, Table(Counter), Table(Counter)
        self.guessing = Blend(8, 40, [3640] * 27)
        self.values = [Blend(12, 80, [12000] * n + [14000] * 4) for n in (5, 7)]
        self.filters = [[0] * 15 for _ in range(channels)]
        most = (16, 14, 15, 15, 15, 16, 16)
        self.line_bits = [least_bits(4, m, lambda b: 2 ** (b + 2) >= width * height) for m in most]
        self.lines = {}

    # ---- What is around ----------------------------------------------------------------------

    def c(self, x, i, j):
        y, x = len(self.rows) - 1 + j, x + i
        if y >= 0 and x < 0:
            x, y = 0, y - 1
        return self.rows[y][min(x, self.width - 1)] if y >= 0 else 0

    def inside(self, x, j):
        return 0 <= x < self.width and len(self.rows) - 1 + j >= 0

    def record(self, x, i, j, channel):
        there = self.inside(x + i, j)
        return self.records[len(self.rows) - 1 + j][x + i][channel] if there else NOTHING

    def was_foreseen(self, x, i, j):
        return not self.inside(x + i, j) or self.foreseen[len(self.rows) - 1 + j][x + i]

    def part(self, colour, channel):
        return colour >> 16 * channel & 0xFFFF

    # ---- Blocks ---------------------------------------------------------------------------------

    def code_blocks(self):
        """Which blocks are coded: {(column, row)}"""
        counters, found = Table(Counter), set()
        for j in range((self.height + 15) // 16):
            for i in range((self.width + 15) // 16):
                k = counters[tuple(at in found for at in ((i - 1, j), (i, j - 1), (i - 1, j - 1), (i + 1, j - 1)))]
                bit = self.reader.bit(max(1, k.share // 64))
                k.learn(bit)
                if bit:
                    found.add((i, j))
        return found

    def is_coded(self, x, y):
        return self.blocks is None or (x // 16, y // 16) in self.blocks

    # ---- Rows -----------------------------------------------------------------------------------

    def end_row(self, bits):
        h = 0
        for v in self.rows[-1]:
            h = H(h ^ v)
        same = self.h and self.h[-1] == h
        self.a.append(self.a[-1] + 1 if same else 0)
        self.h.append(h)
        self.q.append(H((h + self.a[-1]) & M64))
        y, place = len(self.h) - 1, self.q[-1] >> (64 - bits)
        z = self.seen.get(place)
        self.seen[place] = y
        return z + 1 if z is not None and self.q[z] == self.q[y] else None

    def source(self, y, follower):
        """The row that row y is a copy of, or None"""
        agrees = follower is not None and self.h[follower] == self.h[y - 1]
        name = self.last_copy + (0 if follower is None else 3 if agrees else 6)
        self.last_copy = 0
        for kind, row, table in ((1, y - 1, self.again), (2, follower, self.follows)):
            if kind == 2 and (follower is None or agrees):
                return None
            bit = self.reader.bit(max(1, table[name].share // 64))
            table[name].learn(bit)
            if bit:
                self.last_copy = kind
                return row
        return None

    def decode(self):
        bits, follower = least_bits(4, 17, lambda b: 2**b >= 2 * self.height), None
        done = []
        try:
            self.blocks = self.code_blocks() if self.some else None
        except Ended:
            return done
        for y in range(self.height):
            try:
                source = self.source(y, follower) if y else None
                self.rows.append([])
                blank = [{k: NOTHING for k in range(self.channels)} for _ in range(self.width)]
                self.records.append(self.records[y - 2] if source is not None and y > 1 else blank)
                self.foreseen.append([] if source is None else [True] * self.width)
                for x in range(self.width):
                    if not self.is_coded(x, y):
                        colour = self.c(x, -1, 0)
                        self.foreseen[y].append(True)
                    else:
                        colour = self.pixel(x, y) if source is None else self.rows[source][x]
                    self.rows[y].append(colour)
            except Ended:
                break
            follower = self.end_row(bits)
            done.append([tuple(self.part(v, k) for k in range(self.channels)) for v in self.rows[y]])
        return done

    # ---- Pixels ---------------------------------------------------------------------------------

    def pixel(self, x, y):
        w, n, nw, ne = (self.c(x, *at) for at in ((-1, 0), (0, -1), (-1, -1), (1, -1)))
        guesses, hashes, base, slots, names = self.guesses(x, y)
        asked = any(self.was_foreseen(x, *at) for at in ((-1, 0), (-2, 0), (0, -1), (-1, -1), (1, -1)))
        flat = w == n == nw == ne
        colour, outlook = None, None
        if not (asked and flat):
            outlook = [Outlook(self, x, k) for k in range(self.channels)]
        if asked:
            odds = [0] * len(guesses) if flat else self.odds(guesses, outlook)
            known = sum(s is not None for s in slots)
            for k, guess in enumerate(guesses):
                counters = [
                    self.flags[i, ((g ^ (guess - b + 1) * SPREAD) & M64) * O % 2**64 >> (63 - self.bits)]
                    for i, (g, b) in enumerate(zip(hashes, base))
                ]
                later = int(k > 0)
                counters += [self.states[i, later, self.state(s, (guess - base[i]) & M64)] for i, s in enumerate(slots)]
                pattern = (later, w == guess, n == guess, nw == guess, ne == guess, w == nw, n == ne)
                if self.guessing.bit(self.reader, counters, [256, odds[k]], ((k, known), pattern), pattern):
                    colour = guess
                    break
        if colour is None:
            outlook = outlook or [Outlook(self, x, k) for k in range(self.channels)]
            colour = self.value(x, outlook, asked, w, n)
        elif not flat:
            for place, k in enumerate(self.order):
                self.learn(x, outlook[k], self.expect(x, outlook[k], place, colour), self.part(colour, k))
        self.foreseen[y].append(colour in guesses)
        for i, s in enumerate(slots):
            v = (colour - base[i]) & M64
            if s is None:
                self.slots[names[i]] = Slot(self.check(hashes[i]), v)
            elif s.f == v:
                s.run = min(15, s.run + 1)
            else:
                s.s, s.f, s.run = s.f, v, 0
        return colour

    # ---- Guesses --------------------------------------------------------------------------------

    @staticmethod
    def check(g):
        return g % 2**32 | 1

    @staticmethod
    def state(slot, v):
        if slot is None:
            return 0
        return (16 if slot.f == v else 32 if slot.s == v else 48) + slot.run

    def hashes(self, x, y):
        c = lambda i, j: self.c(x, i, j)
        w, n = c(-1, 0), c(0, -1)
        g, h = [0] * 16, 1
        for i in range(6, -1, -1):
            h = g[i] = A(h, *(c(*at) for at in GROWING[i]))
        g[15] = A(10, n - w, c(-1, -1) - w, c(1, -1) - w)
        g[8] = A(g[15], c(-2, 0) - w, c(0, -2) - w)
        g[7] = A(g[8], c(-3, 0) - w, c(2, -1) - w, c(-2, -1) - w, c(1, -2) - w)
        g[9], g[10], g[11] = 0, A(1, w), A(2, n)
        g[12] = A(3, w, c(-2, 0), c(-3, 0), c(-4, 0))
        g[13] = A(4, n, c(0, -2), c(0, -3))
        g[14] = A(5, x % 8 + 8 * (y % 8), 3 * w + n)
        return g, [w if i in (7, 8, 15) else 0 for i in range(16)]

    def guesses(self, x, y):
        g, base = self.hashes(x, y)
        names = [(i, (g[i] * O & M64) >> (64 - self.bits)) for i in range(9)]
        slots = [self.slots.get(name) for name in names]
        slots = [s if s and s.check == self.check(g[i]) else None for i, s in enumerate(slots)]
        told = [(s.f + b) & M64 for s, b in zip(slots, base) if s]
        told += [self.c(x, *at) for at in ((-1, 0), (0, -1), (1, -1), (-1, -1))]
        told += [(s.s + b) & M64 for s, b in zip(slots, base) if s]
        possible = sum((2**self.depth - 1) << 16 * k for k in range(self.channels))
        found = []
        for v in told:
            if len(found) < 8 and v & ~possible == 0 and v not in found:
                found.append(v)
        return found, g, base, slots, names

    def odds(self, guesses, outlook):
        left, odds = 2**32 - 1, []
        for guess in guesses:
            score = 2**32 - 1
            for o in outlook:
                v = self.part(guess, o.channel)
                m = o.mean(0 if o.reference is None else self.part(guess, o.reference))
                score = score * (o.below(self, m, 0, v + 1) - o.below(self, m, 0, v)) >> 24
            score = min(score, 2**32 - 1)
            odds.append(stretch(min(max(65536 * score // (left + 1), 1), 65535)))
            left = max(0, left - score)
        return odds

    # ---- Channels -------------------------------------------------------------------------------

    def expect(self, x, o, place, known):
        """Predictors, inputs of the filter, means"""
        add = 0 if o.reference is None else self.part(known, o.reference)
        most = 2**self.depth - 1
        p = [min(max(v + (add if i >= o.moving else 0), 0), most) for i, v in enumerate(o.p)]
        m = 16 * o.weighted(p) // o.total
        r = lambda i, j, k: self.record(x, i, j, k).r
        inputs = [16 * v - m for v in o.plain] + [r(-1, 0, o.channel), r(0, -1, o.channel)]
        for k in self.order[:place]:
            inputs += [r(0, 0, k), r(1, -1, k)]
        corrected = m + R(sum(map(int.__mul__, self.filters[o.channel], inputs)), 2**16)
        return p, inputs, [m, min(max(corrected, 0), 16 * most), 16 * p[o.best]]

    def learn(self, x, o, expected, v):
        p, inputs, means = expected
        r = 16 * v - means[1]
        record = Record([abs(v - q) for q in p], [min(65535, abs(16 * v - m) // 4) for m in means], r)
        self.records[-1][x][o.channel] = record
        step = toward_zero(2**32 * r, 2**12 + sum(i * i for i in inputs))
        f = self.filters[o.channel]
        for i, v in enumerate(inputs):
            f[i] = limited(f[i] + (step * v >> 20), 2**20)

    def value(self, x, outlook, asked, w, n):
        known = 0
        for place, k in enumerate(self.order):
            o = outlook[k]
            expected = self.expect(x, o, place, known)
            m, K = expected[2], 2**32 * k
            last = self.record(x, 0, 0, self.order[place - 1]).r if place else 0
            contexts = [
                A(k + 1, known, 7, 1),
                A(K | 5, (m[0] + 8) >> 4),
                A(K | 6, (m[1] + 8) >> 4, o.spread // 2),
                A(K | 7, o.plain[0], o.plain[1]),
                A(K | 8, (m[1] + 8) >> 4, (last + 16) >> 5),
                A(k + 1, known, 7, 2, w),
                A(k + 1, known, 7, 3, n),
            ]
            v = self.levels(o, m, contexts[: 7 if asked else 5], self.values[asked])
            self.learn(x, o, expected, v)
            known |= v << 16 * k
        return known

    def line(self, i, v, low, e):
        u = A(v, (low + 2**32 * e) * O) * O & M64
        name, check = (i, u >> (64 - self.line_bits[i])), u % 2**32 | 1
        if name not in self.lines or self.lines[name][0] != check:
            self.lines[name] = check, Table(Counter)
        return self.lines[name][1]

    def levels(self, o, means, contexts, blend):
        low, j, lines, ends = 0, 1, [], [[0, WORTH] for _ in means]
        for e in range(self.depth):
            if e % 4 == 0:
                lines, j = [self.line(i, v, low, e) for i, v in enumerate(contexts)], 1
            one = 1 << (self.depth - 1 - e)
            middles = [o.below(self, m, k, low + one) for k, m in enumerate(means)]
            says = []
            for mid, (begin, end) in zip(middles, ends):
                z = 9 if end - begin >= 2**20 else 4 if end - begin >= 2**16 else 0
                s = ((end - mid >> z) << 16) // ((end - begin >> z) + 1)
                says.append(stretch(min(max(s, 1), 65535)))
            counters = [line[j] for line in lines]
            sets = (o.channel, e), (o.spread, min(e, 7))
            bit = blend.bit(self.reader, counters, says + [256], sets, (o.channel, o.spread))
            for mid, pair in zip(middles, ends):
                pair[1 - bit] = mid
            low, j = low + bit * one, 2 * j + bit
        return low


def graphics_rows(code, whole, width, height, channels, depth):
    """Rows of samples, [w][channels], as far as they are known"""
    return Graphics(code, whole, width, height, channels, depth).decode()


def block_rows(code, whole, width, height, channels, depth):
    """The same of some blocks of a picture, and whether pixel (x, y) is in one of them"""
    g = Graphics(code, whole, width, height, channels, depth, some=True)
    return g.decode(), g.is_coded
