"""Random numbers that are the same on every device.

PyTorch's generators give other numbers on a GPU than on a CPU. Here each number is a hash of the seed, the
name of what it is drawn for, a step and a place, in whole-number arithmetic of tensors: a batch is a pure
function of (seed, step), on any device, without a state to save, and a CUDA graph that is replayed draws
anew because the step is a tensor on the device.
"""

import hashlib
import math

import torch

WORD = 0xFFFFFFFF  # mask of 32 bits; words are int64 tensors, which hold their products without a sign


def constant(*words):
    """32 bits that depend on numbers and names, on the host."""
    return int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:4], "big")


def host_share(*words):
    """A number in [0, 1) that depends on numbers and names, on the host."""
    return constant("share", *words) / 2**32


def mixed(x):
    """A bijection of 32-bit words in which every bit of the input moves every bit of the output."""
    x = (x ^ (x >> 16)) * 0x7FEB352D & WORD
    x = (x ^ (x >> 15)) * 0x6C068CA7 & WORD
    return x ^ (x >> 16)


class Draws:
    """Numbers for one step of one process.

    seed, rank    whole numbers
    step          int64 tensor of no dimension, on the device where the numbers are wanted
    """

    table = {}  # of standard normal quantiles, by device

    def __init__(self, seed, rank, step):
        self.seed, self.rank, self.step = seed, rank, step

    def words(self, name, count):
        """(count,) int64 in [0, 2^32), independent for each name."""
        place = torch.arange(count, device=self.step.device)
        step = mixed((self.step + constant("step", self.seed, self.rank, name)) & WORD)
        return mixed(mixed((place + constant("place", self.seed, self.rank, name)) & WORD) ^ step)

    def below(self, name, limit):
        """int64 tensor of the shape of `limit`, each value in [0, limit), limit < 2^31."""
        return (self.words(name, limit.numel()).reshape(limit.shape) * limit) >> 32

    def shares(self, name, count):
        """(count,) float32 in [0, 1)."""
        return (self.words(name, count) >> 8).float() / 2**24

    def normals(self, name, shape):
        """float32 tensor of standard normal values: quantiles of 2^16 equal shares, scaled to variance 1, so that
        they are the same on every device to the last bit."""
        count = math.prod(shape)
        words = self.words(name, (count + 1) // 2)
        quantiles = self.quantiles_on(self.step.device)
        return quantiles[torch.cat([words & 0xFFFF, words >> 16])[:count]].reshape(shape)

    @classmethod
    def quantiles_on(cls, device):
        """The table of normal quantiles on a device, made at the first call."""
        if device not in cls.table:
            share = (torch.arange(2**16, dtype=torch.float64) + 0.5) / 2**16
            z = math.sqrt(2) * torch.erfinv(2 * share - 1)
            cls.table[device] = (z / z.square().mean().sqrt()).float().to(device)
        return cls.table[device]
