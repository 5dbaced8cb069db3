"""A stream: its header, settings, schedule and steps"""
import math
import struct
import zlib

from alpha import alpha_plane, unpacked_alpha
from channel import draw
from integers import H, R, ratio
from records import frame_end, take_records, unzstd


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
        assert data[0] in (0xDD, 0xDE, 0xDB, 0xD7)
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
        layered, self.grey = data[0] in (0xDE, 0xD7), False
        self.short = data[0] in (0xDB, 0xD7)
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
            if not layered:
                self.records, digest = take_records(behind)
                if digest is not None and len(digest) == 4:
                    self.digest = struct.unpack("<I", digest)[0]
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

    def exact(self):
        """What there is of the exact layer's content, and whether that is all; or None"""
        for kind, content, _, complete in self.records:
            if kind in (0x90, 0x10):
                return content, complete
        return None

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
        if self.short:
            steps = [s for s in steps if s["fixed"] and s["k"] == K]
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
