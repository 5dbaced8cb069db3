"""The model file"""
import struct
import zlib

import numpy as np

from records import unzstd


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
