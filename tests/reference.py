"""A second decoder, written from ddz.5: slow, for small pictures.

    reference.py DIRECTORY

checks the golden streams there: digests, and CRC-32 of the pixels and the alpha of whole streams and prefixes.
"""
import math
import os
import struct
import subprocess
import sys
import zlib

import numpy as np

M64 = 2**64 - 1
T = [round(2**30 * 2 ** (-j / 32)) for j in range(32)]
ONE = 32640


def R(a, b=1):
    """floor(a / b + 1/2)"""
    return (2 * a + b) // (2 * b)


def H(v, c=None):
    if c is not None:
        return H(H(v) ^ ((c * 0xD1342543DE82EF95 + 1) & M64))
    v = (v + 0x9E3779B97F4A7C15) & M64
    v = ((v ^ (v >> 30)) * 0xBF58476D1CE4E5B9) & M64
    v = ((v ^ (v >> 27)) * 0x94D049BB133111EB) & M64
    return v ^ (v >> 31)


def ratio(n):
    return R(T[n % 32], 2 ** (n // 32))


def sigma(e):
    k = 30 + e // 32
    return R(5849088 * T[e % 32], 2**k)


def G(v):
    n = v.bit_length() - 1
    m = v * 2**31 // 2**n
    f = 0
    for _ in range(16):
        m = m * m >> 31
        f *= 2
        if m >= 2**32:
            m >>= 1
            f += 1
    return 65536 * n + f


def level(v):
    return (G(5849088) - G(v)) // 8


def unzstd(data):
    """What comes out of a frame, cut or not"""
    pipe = subprocess.PIPE
    return subprocess.run(["zstd", "-dcq"], input=data, stdout=pipe, stderr=subprocess.DEVNULL).stdout


# ---- Model ------------------------------------------------------------------------------------


class Model:
    def __init__(self, data):
        assert data[:8] == b"DDZMODEL"
        version, self.id, size = struct.unpack("<IIQ", data[8:24])
        body = unzstd(data[24:])
        assert version == 4 and len(body) == size and zlib.crc32(body) == self.id
        records, at = {}, 0
        while at < size:
            tag, n = body[at : at + 4], struct.unpack("<I", body[at + 4 : at + 8])[0]
            records.setdefault(tag, []).append(body[at + 8 : at + 8 + n])
            at += 8 + (n + 7) // 8 * 8
        self.read_arch(*records[b"ARCH"])
        self.read_embeddings(*records[b"EMBT"])
        self.read_plan(*records[b"PLAN"])
        self.read_rates(*records[b"RATE"])
        self.layers = dict(self.read_layer(p) for p in records[b"LAYR"])

    def read_arch(self, p):
        v = np.frombuffer(p, "<i4")
        self.D, self.E, networks = (int(n) for n in v[:3])
        self.first, shape = v[3 : 2 + networks], [int(n) for n in v[2 + networks :]]
        self.channels, self.blocks = shape[: self.D], shape[self.D :]

    def read_embeddings(self, p):
        self.embed_nodes = [int(x) for x in np.frombuffer(p[:12], "<i4")]
        self.embed = np.frombuffer(p[16:], "<i2").astype(np.int64).reshape(-1, 8, self.embed_nodes[2], self.E)

    def read_plan(self, p):
        v = [int(x) for x in np.frombuffer(p, "<i4")]
        self.mean, at, self.plan = v[:3], 3, {}
        for label in range(1, 8):
            n = v[at]
            self.plan[label] = [(v[at + 1 + 2 * i], v[at + 2 + 2 * i] % 2**32) for i in range(n)]
            at += 1 + 2 * n
        self.lift_rate = [x % 2**32 for x in v[at:]]
        assert len(self.lift_rate) == 8

    def read_rates(self, p):
        self.rate_nodes = [int(x) for x in np.frombuffer(p[:12], "<i4")]
        v = [int(x) for x in np.frombuffer(p[16:], "<u4")]
        n = self.rate_nodes[2]
        self.rate_table = [v[l * n : (l + 1) * n] for l in range(8)]
        self.lift_density = v[8 * n :]

    @staticmethod
    def place(nodes, at, scale):
        d = nodes[1] * scale
        t = min(max(at - nodes[0] * scale, 0), d * (nodes[2] - 1))
        i = min(t // d, nodes[2] - 2)
        return d, i, t - i * d

    def network(self, label, z):
        return sum(z >= 256 * f for f in self.first) if label == 0 else 0

    def embedding(self, label, z):
        d, i, u = self.place(self.embed_nodes, z, 256)
        a, b = self.embed[self.network(label, z), label, i : i + 2]
        return (a * (d - u) + b * u + d // 2) // d

    def rate(self, label, e):
        d, i, u = self.place(self.rate_nodes, e, 1)
        a, b = self.rate_table[label][i : i + 2]
        return (a * (d - u) + b * u + d // 2) // d

    def read_layer(self, p):
        name = p[:24].split(b"\0")[0].decode()
        taps, cin, cout, shift = struct.unpack("<4i", p[24:40])
        at = 40
        arrays = []
        for kind, n in (
            ("<u4", cout),
            ("<i4", cout),
            ("<i4", cout * self.E),
            ("<i2", cout),
            ("<i2", cout * self.E),
            ("i1", taps * cin * cout),
        ):
            size = np.dtype(kind).itemsize * n
            arrays.append(np.frombuffer(p[at : at + size], kind).astype(np.int64))
            at += size
        assert at == len(p)
        scale, bb, bw, gb, gw, w = arrays
        bw, gw, w = bw.reshape(cout, self.E), gw.reshape(cout, self.E), w.reshape(cout, taps, cin)
        return name, (taps, shift, scale, bb, bw, gb, gw, w)


def shift_round(v, n):
    return (v + (1 << (n - 1))) >> n


class Network:
    def __init__(self, model):
        self.m = model

    def conv(self, name, x, residual=0):
        taps, shift, scale, bb, bw, gb, gw, w = self.m.layers[self.prefix + name]
        e = self.e
        gain = np.clip(gb + shift_round(gw @ e, 14), -32768, 32767)
        mult = shift_round(gain * scale, 12)
        bias = np.clip(bb + shift_round(bw @ e, 14), -(2**24), 2**24 - 1)
        h, wd, _ = x.shape
        if taps == 9:
            padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            parts = [padded[i : i + h, j : j + wd] for i in range(3) for j in range(3)]
        elif taps == 4:
            parts = [x[i::2, j::2] for i in range(2) for j in range(2)]
        else:
            parts = [x]
        acc = sum(p @ w[:, t].T for t, p in enumerate(parts))
        v = shift_round(acc * mult + (bias << (shift - 4)), shift)
        if name.startswith("up"):
            v = pixels(v)
        return np.clip(v + residual, -32768, 32767)

    def block(self, name, x):
        v = self.conv(name + ".conv1", x)
        half = v.shape[2] // 2
        return self.conv(name + ".conv2", gate(v[..., :half], v[..., half:]), residual=x)

    def run(self, y, z, label):
        m, (h, w, _) = self.m, y.shape
        self.e, number = m.embedding(label, z), m.network(label, z)
        self.prefix = f"{number}:" if number else ""
        x = self.conv("head", self.patches(y))
        kept = []
        for i in range(m.D):
            for b in range(m.blocks[i]):
                x = self.block(f"enter.{i}.{b}", x)
            kept.append(x)
            if i < m.D - 1:
                x = self.conv(f"down.{i}", x)
        for i in range(m.D - 2, -1, -1):
            x = self.conv(f"up.{i}", x, residual=kept[i])
            for b in range(m.blocks[i]):
                x = self.block(f"leave.{i}.{b}", x)
        self.gates = self.conv("gates", x)
        return pixels(self.conv("tail", x))[:h, :w]

    def update(self, c):
        """J c; J is that of the last run"""
        h, w, _ = c.shape
        c = np.clip(c, -32768, 32767)
        return pixels(self.conv("join", gate(self.conv("sift", self.patches(c)), self.gates)))[:h, :w]

    def patches(self, x):
        h, w, _ = x.shape
        s = 2**self.m.D
        x = np.pad(x, ((0, -h % s), (0, -w % s), (0, 0)))
        return np.stack([x[a::2, b::2, c] for c in range(3) for a in range(2) for b in range(2)], 2)


def gate(v, opening):
    return shift_round(v * np.maximum(opening, 0), 15)


def pixels(v):
    h, w, c = v.shape
    return v.reshape(h, w, c // 4, 2, 2).transpose(0, 3, 1, 4, 2).reshape(2 * h, 2 * w, c // 4)


# ---- Alpha ------------------------------------------------------------------------------------


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


def take_records(data):
    """Records up to their end: kind, content, the bytes of both; and what follows; None where they are cut"""
    records, at = [], 0
    while at < len(data):
        begin, kind, length, shift = at, data[at], 0, 0
        at += 1
        if kind == 0:
            return records, data[at:]
        while at < len(data):
            length |= (data[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if data[at - 1] < 128:
                break
        records.append((kind, data[at : at + length], data[begin : at + length], at + length <= len(data)))
        at += length
    return records, None


def frame_end(data):
    """Where a zstd frame ends, whose head is 6 bytes"""
    at, last = 6, 0
    while not last and at + 3 <= len(data):
        block = int.from_bytes(data[at : at + 3], "little")
        last, at = block & 1, at + 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
    return at + (4 if data[4] & 4 else 0)


# ---- Stream -----------------------------------------------------------------------------------


class Bits:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def left(self):
        return 8 * len(self.data) - self.at

    def bit(self):
        v = self.data[self.at // 8] >> (7 - self.at % 8) & 1
        self.at += 1
        return v

    def number(self, bits):
        v = 0
        for _ in range(bits):
            v = 2 * v + self.bit()
        return v

    def signed(self):
        start, zeros = self.at, 0
        while self.left() and not self.bit():
            zeros += 1
        self.at = start + zeros
        if self.left() < zeros + 1:
            return None
        v = self.number(zeros + 1) - 1
        return (v + 1) // 2 if v % 2 else -(v // 2)


class Stream:
    """What there is of a stream: w, h, the preview, main content, settings, digest."""

    def __init__(self, data, model):
        assert data[:1] in (b"\xDD", b"\xDE")
        self.model, head = model, Bits(data[:10], 8)
        if head.bit() == 0:
            shape, longer = head.number(3), 16 * (head.number(9) + 1)
            a, b = [(1, 1), (3, 2), (2, 3), (4, 3), (3, 4), (16, 9), (9, 16), (16, 10)][shape]
            self.w, self.h = longer * a // max(a, b), longer * b // max(a, b)
        else:
            self.w, self.h = head.number(14) + 1, head.number(14) + 1
        assert head.number(3) == model.id & 7
        if self.w == self.h == 16384:
            self.w, self.h = head.number(16) + 1, head.number(16) + 1
        layered, self.grey = data[0] == 0xDE, False
        if layered:
            self.about = head.number(8)
            self.orientation, self.grey = (self.about >> 5) + 1, bool(self.about >> 4 & 1)
        self.body = data[head.at // 8 :]
        self.sizes = [(self.w, self.h)]
        while max(self.sizes[-1]) > 8:
            w, h = self.sizes[-1]
            self.sizes.append(((w + 1) // 2, (h + 1) // 2))
        self.L, self.s, self.u, self.uniform, self.end, self.views = 8, 3, 0, 0, 132, 4
        steps = self.schedule()
        bits = sum(s["B0"] for s in steps if s["fixed"])
        size = (bits + 7) // 8
        self.opening, rest = self.body[:size], self.body[size:]
        self.main, self.digest, self.records, behind = b"", None, [], None
        if rest:
            self.main = unzstd(rest)
            behind = rest[frame_end(rest) :]
        if layered and len(self.main) > 7:
            self.separate(behind)
        if len(self.main) >= 7:
            c = self.main
            self.L, self.s, self.uniform, self.end = (c[0] >> 4) + 8, c[0] >> 1 & 7, c[0] & 1, c[1]
            self.u, self.views = c[2] >> 6, 4 >> (c[2] & 3)
            assert c[2] & 0x38 == 0 and int.from_bytes(c[3:7], "little") == model.id
            steps = self.schedule()
            if not layered and data[-5:-4] == b"\0":  # no records
                self.digest = struct.unpack("<I", data[-4:])[0]
        self.steps = steps

    def separate(self, behind):
        """Records and steps of the main frame's content, and what is behind it"""
        records, rest = take_records(self.main[7:])
        self.main = self.main[:7] + b"".join(r[1] for r in records if r[0] == 4) + (rest or b"")
        more, digests = take_records(behind)
        self.records = [r for r in records if r[0] != 4] + more
        if digests is not None and len(digests) == 8:
            self.digest, check = struct.unpack("<II", digests)
            assert check == zlib.crc32(bytes([self.about]) + b"".join(r[2] for r in self.records))

    def alpha(self):
        pieces = b"".join(r[1] for r in self.records if r[0] == 1)
        whole = False
        for kind, content, _, complete in self.records:
            if kind == 2 and complete:
                return unpacked_alpha(unzstd(content), self.w, self.h)
            if kind == 3 and complete:
                whole, crc = struct.unpack("<BI", content)
                plane = alpha_plane(pieces, whole, self.w, self.h)
                assert zlib.crc32(plane.tobytes()) == crc
                return plane
        return alpha_plane(pieces, whole, self.w, self.h)

    def label(self, k, e):
        side = max(self.sizes[k])
        if k == 0 and e > 32:
            return 0
        if k < 3 and side > 64:
            return k
        return 3 + min(4, max(0, 7 - math.ceil(math.log2(side))))

    def schedule(self):
        steps, e = [], None
        K = len(self.sizes) - 1

        def add(k, lift, a, b, rate, update=False):
            label = self.label(k, -(10**9) if a is None else a)
            w, h = self.sizes[k]
            N = 9 * ((w + 1) // 2) * ((h + 1) // 2) if lift else 3 * w * h
            least = -(-N // 32768)
            if rate:
                B = (N * rate + 32768) // 65536
            else:
                if lift:
                    nats = self.model.lift_density[label] // 2
                else:
                    r2 = ratio(2 * (b - a))
                    nats = self.model.rate(label, a) * (2**16 * (2**30 - r2) // (2 * r2)) // 2**16
                B = ((N * nats // 256) * 101663) // 2**24
                least = max(least, min(32, N))
            B0 = min(max(B, least), N)
            step = dict(k=k, lift=lift, a=a, b=b, N=N, B0=B0, least=least, fixed=bool(rate), update=update)
            steps.append(step)

        def call(k, a, b, rate):
            if rate:
                return add(k, False, a, b, rate)
            n = min(2**self.u, b - a)
            for i in range(n):
                add(k, False, a + (b - a) * i // n, a + (b - a) * (i + 1) // n, 0, update=i < n - 1)

        for k in range(K, -1, -1):
            if k < K:
                add(k, True, 0, 0, self.model.lift_rate[self.label(k, 0)])
                e = 0
            if k > 0 or K == 0:
                label = self.label(k, -(10**9) if e is None else e)
                for to, rate in self.model.plan[label]:
                    call(k, e, to, rate)
                    e = to
        while e < self.end:
            d, length, border = self.end - e, 32 >> self.s, 0
            if not self.uniform and d > 64:
                length, border = 4 * length, 64
            elif not self.uniform and d > 32:
                length, border = 2 * length, 32
            to = e + min(length, 16, d - border)
            call(0, e, to, 0)
            e = to
        return steps[:640]

    def walk(self):
        """(index, step, register bits, bits, B), the last one maybe with too few bits"""
        opening, main, q = Bits(self.opening), Bits(self.main, 56), 0
        for i, s in enumerate(self.steps):
            source, L, B = (opening, 14, s["B0"]) if s["fixed"] else (main, self.L, None)
            if B is None:
                if len(self.main) < 7:
                    return
                change = main.signed()
                if change is None:
                    return
                q += change
                assert abs(change) <= 192 and abs(q) <= 96
                u = -(-q // 8) if q > 0 else 0
                B = R(min(2**u * s["B0"], 2 * s["N"]) * ratio(4 * (8 * u - q)), 2**30)
                B = min(max(B, s["least"]), s["N"])
            n = min(B, source.left())
            if n == 0:
                return
            yield i, s, L, [source.bit() for _ in range(n)], B
            if n < B:
                return

    def walk_all(self, seed, steps=8):
        """The same, and then steps that are drawn, so many an octave at full size"""
        key, done, k, e = H(seed, 0x73616D706C65), 0, len(self.sizes) - 1, None
        for i, s, L, bits, B in self.walk():
            yield i, s, L, draw(H(key, i), bits, B), B
            done, k, e = i + 1, s["k"], s["b"]
        for i, s in enumerate(self.drawn(k, e, steps), done):
            yield i, s, 8, draw(H(key, i), [], s["N"]), s["N"]

    def drawn(self, k, e, steps):
        """Steps from level e at scale k on"""
        while True:
            end, (w, h) = 32 if k else 196, self.sizes[k]
            while e is None or e < end:
                to = -160 if e is None else min(end, e + max(1, 32 // (steps * 2**k)))
                yield dict(lift=False, a=e, b=to, N=3 * w * h, update=False)
                e = to
            if k == 0:
                return
            k, e, (w, h) = k - 1, 0, self.sizes[k - 1]
            yield dict(lift=True, a=0, b=0, N=9 * ((w + 1) // 2) * ((h + 1) // 2), update=False)


def draw(key, bits, B):
    begin = len(bits) // 8 * 8
    drawn = [H(key, j // 8) >> (7 - j % 8) & 1 for j in range(B - begin)]
    return bits + drawn[len(bits) - begin :]


# ---- Channel ----------------------------------------------------------------------------------


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


def wrap(v):
    return (v + 2**31) % 2**32 - 2**31


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


# ---- Chain ------------------------------------------------------------------------------------


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


def decode(data, model, seed=None):
    """Pixels: the mean, or a sample; and whether the digest agrees"""
    stream, net = Stream(data, model), Network(model)
    k = len(stream.sizes) - 1
    w, h = stream.sizes[k]
    y = np.zeros((h, w, 3), np.int64)
    x, v = y + np.array(model.mean), 0
    x = without_colour(x) if stream.grey else x
    for i, s, L, bits, B in stream.walk() if seed is None else stream.walk_all(seed):
        key, known = H(0x64647A2D31, i), len(bits)
        fresh = s["lift"] or s["a"] is None
        if fresh:
            bits += [H(key ^ 0x64647A2D31, j) & 1 for j in range(known, B)]
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
    digest = zlib.crc32(y.astype("<i4").tobytes())
    while k > 0:
        k -= 1
        x = join(x, predict(x), *stream.sizes[k])
    rgb = np.clip((x + 32768) >> 8, 0, 255).astype(np.uint8)
    return rgb, digest == stream.digest


def check(directory):
    model = Model(open(os.path.join(directory, "model.ddm"), "rb").read())
    wrong = 0
    for line in open(os.path.join(directory, "CRC32")):
        name, *sums = line.split()
        data = open(os.path.join(directory, name + ".ddz"), "rb").read()
        half = len(data) // 2
        for size, seed, expected in zip((len(data), half, half, 25, 25), (None, None, 1, None, 1), sums):
            rgb, agrees = decode(data[:size], model, seed)
            crc = "%08X" % zlib.crc32(rgb.tobytes())
            good = crc == expected and (agrees or size < len(data))
            what = "%s of %d bytes of %s" % ("sample" if seed else "mean", size, name)
            print("%s: %s, expected %s%s" % (what, crc, expected, "" if good else ": WRONG"))
            wrong += not good
    for line in open(os.path.join(directory, "ALPHA32")):
        name, *sums = line.split()
        data = open(os.path.join(directory, name + ".ddz"), "rb").read()
        for size, expected in zip((len(data), 250, 400), sums):
            crc = "%08X" % zlib.crc32(Stream(data[:size], model).alpha().tobytes())
            print("alpha of %d bytes of %s: %s%s" % (size, name, crc, "" if crc == expected else ": WRONG"))
            wrong += crc != expected
    return wrong


if __name__ == "__main__":
    sys.exit(1 if check(sys.argv[1]) else 0)
