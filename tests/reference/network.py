"""The network"""
import numpy as np

from integers import shift_round


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
        x = np.concatenate(parts, 2).astype(float)  # sums stay below 2^31, which doubles hold exactly
        acc = (x.reshape(-1, x.shape[2]) @ w.reshape(len(w), -1).T).reshape(*x.shape[:2], -1).astype(np.int64)
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
