"""The denoiser: a U-Net of 3x3 convolutions, gates and additions, and nothing else; and the update, which
moves an estimate without a new call of it.

Every convolution is followed by a gain and a bias per channel that depend on the noise level
and on the scale (`Conditioned`); there is no normalisation and no attention, so the network
can be run exactly in integers (quantise.py) and in tiles.

The network works on y = x_0 + sigma * eps with x_0 in [-1, 1] (DDPM, Ho et al. 2020, eq. 4,
divided by sqrt(alpha_bar)) and is preconditioned as in EDM (Karras et al. 2022, table 1):
    xhat_0 = c_skip(sigma) y + c_out(sigma) F(c_in(sigma) y; sigma, scale)

The update. A step from sigma_t to sigma_s, r = sigma_s/sigma_t, leaves
    y_s = r^2 y_t + (1-r^2) xhat_0 + sigma_s sqrt(1-r^2) c
and all that it says of x_0 beyond xhat_0(y_t) is in c, unit noise that leans a little towards x_0. To first
order (Tweedie's formula once more) the estimate at y_s is xhat_0 + sigma_s sqrt(1-r^2) J c, with J the
covariance of x_0's error over sigma_t^2. The network tells J as filters and, for each place, how far each
is open: J c = join(gates * sift(c)).
"""

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import nn

import affine

SIGMA_DATA = 0.5
LABELS = 8  # scale labels, see scale_label()
LIFT = 0.35  # a scale ends, and the next finer one begins at twice this
COARSEST = 8  # the pyramid stops where the longer side is at most this


@dataclasses.dataclass(frozen=True)
class Arch:
    """Channels and residual blocks per level; level i works at 1/2^(i+1) of the resolution."""

    channels: tuple = (64, 112, 176)
    blocks: tuple = (2, 2, 4)  # the last level's count is its total, the others' are per side
    embedding: int = 32

    @property
    def multiple(self):
        """Width and height are padded to a multiple of this."""
        return 2 ** len(self.channels)


def scale_label(scale, longer_side):
    """Label that the network is told for a scale: 0, 1, 2 by distance from full size, from
    there on by the size of the whole picture at that scale (3: over 64, ... 7: up to 8)."""
    if scale < 3:
        return scale
    return 3 + min(max(7 - math.ceil(math.log2(max(longer_side, 1))), 0), 4)


def step_scale(sigma, r):
    """(size of the noise that a step from sigma to r sigma adds, sigma_s sqrt(1-r^2); what a difference of
    x_0 is divided by in c, sigma_s / sqrt(1-r^2)), both (N, 1, 1, 1)."""
    root = torch.sqrt(1 - r * r)
    return (sigma * r * root)[:, None, None, None], (sigma * r / root)[:, None, None, None]


def shuffled(x):
    """F.pixel_shuffle by 2, channels last on every device: PyTorch's own is that only on a CPU."""
    if x.device.type == "cpu":
        return F.pixel_shuffle(x, 2)
    n, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1).reshape(n, h, w, c // 4, 2, 2).permute(0, 1, 4, 2, 5, 3)
    return x.reshape(n, 2 * h, 2 * w, c // 4).permute(0, 3, 1, 2)


def unshuffled(x):
    """F.pixel_unshuffle by 2, channels last on every device."""
    return F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)


class Conditioned(nn.Module):
    """A bias-free convolution, and what follows it: a gain and a bias for each channel, which `Denoiser.condition`
    computes for all layers at once. `first` is where this one's begin: C gains, then C biases."""

    def __init__(self, cin, cout, kernel, stride, first, init=1.0):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2 if kernel == 3 else 0, bias=False)
        nn.init.normal_(self.conv.weight, std=init * math.sqrt(2 / (cin * kernel * kernel)))
        self.first, self.channels = first, cout

    def forward(self, x, conditions):
        return affine.affine(self.conv(x), *conditions[self])


class Block(nn.Module):
    """x + conv(gate(conv(x)))"""

    def __init__(self, conv1, conv2):
        super().__init__()
        self.conv1, self.conv2 = conv1, conv2

    def forward(self, x, conditions):
        inner = affine.gated(self.conv1.conv(x), *conditions[self.conv1])
        return affine.residual(x, self.conv2.conv(inner), *conditions[self.conv2])


class Embedding(nn.Module):
    """ln sigma and scale label to a vector; exported as a table, so its form is free."""

    KNOTS = 24

    def __init__(self, size):
        super().__init__()
        self.register_buffer("centres", torch.linspace(math.log(0.006), math.log(40.0), self.KNOTS), persistent=False)
        self.mlp = nn.Sequential(nn.Linear(self.KNOTS + LABELS, 128), nn.SiLU(), nn.Linear(128, size), nn.Tanh())

    def forward(self, ln_sigma, label):
        width = self.centres[1] - self.centres[0]
        knots = torch.exp(-0.5 * ((ln_sigma[:, None] - self.centres) / width) ** 2)
        of_label = label[:, None] == torch.arange(LABELS, device=label.device)
        return self.mlp(torch.cat([knots, of_label.to(knots.dtype)], 1))


class Denoiser(nn.Module):
    """xhat_0(y, sigma, label); y is (N, 3, H, W), sigma (N,) in units of x_0, label (N,) int64."""

    def __init__(self, arch):
        super().__init__()
        self.arch = arch
        self.embed = Embedding(arch.embedding)
        self.layers = []  # all Conditioned, in the order of their gains and biases
        c, deepest = arch.channels, len(arch.channels) - 1
        self.head = self.layer(12, c[0], 3, 1)
        self.enter = nn.ModuleList(nn.ModuleList(self.block(c[i]) for _ in range(arch.blocks[i]))
                                   for i in range(len(c)))
        self.leave = nn.ModuleList(nn.ModuleList(self.block(c[i]) for _ in range(arch.blocks[i]))
                                   for i in range(deepest))
        self.down = nn.ModuleList(self.layer(c[i], c[i + 1], 2, 2, init=0.7) for i in range(deepest))
        self.up = nn.ModuleList(self.layer(c[i + 1], 4 * c[i], 1, 1, init=0.5) for i in range(deepest))
        self.tail = self.layer(c[0], 12, 3, 1, init=0.1)
        self.gates = self.layer(c[0], c[0], 3, 1, init=0.1)
        self.sift = self.layer(12, c[0], 3, 1, init=0.7)
        self.join = self.layer(c[0], 12, 3, 1)
        self.condition = nn.Linear(arch.embedding, 2 * sum(layer.channels for layer in self.layers))
        with torch.no_grad():
            self.condition.weight.zero_()
            for layer in self.layers:
                gain, bias = self.rows(layer)
                self.condition.bias[gain], self.condition.bias[bias] = 1, 0
            # J is symmetric, and small where nothing is known
            self.join.conv.weight.copy_(self.sift.conv.weight.flip(2, 3).transpose(0, 1) * (12 / c[0]))
            self.condition.bias[self.rows(self.gates)[1]] = -0.25

    def layer(self, cin, cout, kernel, stride, init=1.0):
        first = sum(2 * layer.channels for layer in self.layers)
        self.layers.append(Conditioned(cin, cout, kernel, stride, first, init))
        return self.layers[-1]

    def block(self, channels):
        return Block(self.layer(channels, channels, 3, 1), self.layer(channels // 2, channels, 3, 1, init=0.25))

    @staticmethod
    def rows(layer):
        """(slice of a layer's gains, of its biases) among the outputs of `condition`"""
        middle = layer.first + layer.channels
        return slice(layer.first, middle), slice(middle, middle + layer.channels)

    def conditions(self, sigma, label):
        """{layer: (gain, bias)}, each (N, C)"""
        with torch.autocast(sigma.device.type, enabled=False):
            values = self.condition(self.embed(torch.log(sigma), label))
        each = values.split([layer.channels for layer in self.layers for _ in range(2)], 1)
        return dict(zip(self.layers, zip(each[::2], each[1::2])))

    def body(self, x, conditions):
        """F: (N, 3, H, W), H and W multiples of arch.multiple, to the same shape; and the last features."""
        with torch.autocast(x.device.type, enabled=False):  # small sigma needs more than 8 bits
            x = self.head(unshuffled(x), conditions)
        skips = []
        deepest = len(self.arch.channels) - 1
        for level in range(deepest):
            for block in self.enter[level]:
                x = block(x, conditions)
            skips.append(x)
            x = self.down[level](x, conditions)
        for block in self.enter[deepest]:
            x = block(x, conditions)
        for level in reversed(range(deepest)):
            x = shuffled(self.up[level](x, conditions)) + skips[level]
            for block in self.leave[level]:
                x = block(x, conditions)
        return shuffled(self.tail(x, conditions)), x

    def pad(self, x):
        """Width and height to multiples of arch.multiple, by zeros"""
        height, width = x.shape[2:]
        return F.pad(x, (0, -width % self.arch.multiple, 0, -height % self.arch.multiple))

    def update(self, c, features, conditions):
        """J c for the unit noise c (N, 3, H, W) of steps from where the network gave `features`."""
        height, width = c.shape[2:]
        sifted = self.sift(unshuffled(self.pad(c)), conditions)
        gated = sifted * (self.gates(features, conditions) + 0.5).clamp(0, 1)
        return shuffled(self.join(gated, conditions))[:, :, :height, :width]

    def forward(self, y, sigma, label, step=None, inside=None):
        """xhat_0; with `step` = (x_0, eps, r) of the first len(r) pictures, also J c of their steps by r. `inside`
        (N, 1, H, W) is 0 where a picture has ended: there the network sees the zeros that it pads pictures with."""
        height, width = y.shape[2:]
        s = sigma[:, None, None, None]
        norm = torch.sqrt(s * s + SIGMA_DATA**2)
        x = y / norm if inside is None else y / norm * inside
        conditions = self.conditions(sigma, label)
        f, features = self.body(self.pad(x), conditions)
        estimate = y * (SIGMA_DATA / norm) ** 2 + f[:, :, :height, :width].float() * (s * SIGMA_DATA / norm)
        if step is None:
            return estimate
        x_0, eps, r = step
        n = len(r)
        c = eps + (x_0 - estimate[:n].detach()) / step_scale(sigma[:n], r)[1]
        c = c if inside is None else c * inside[:n]
        first = {layer: (gain[:n], bias[:n]) for layer, (gain, bias) in conditions.items()
                 if layer in (self.gates, self.sift, self.join)}
        return estimate, self.update(c, features[:n], first)

    def macs_per_pixel(self):
        """Multiply-adds per pixel of one call, borders and the update left aside."""
        c, b = self.arch.channels, self.arch.blocks
        total = 9 * (12 * c[0] * 2 + c[0] * c[0]) / 4
        for i, width in enumerate(c):
            blocks = b[i] * (2 if i < len(c) - 1 else 1)
            total += blocks * 9 * width * (width + width // 2) / 4 ** (i + 1)
        for i in range(len(c) - 1):
            total += 2 * 4 * c[i] * c[i + 1] / 4 ** (i + 2)
        return total

    def update_macs_per_pixel(self):
        """Multiply-adds per pixel of an update and its gates."""
        c = self.arch.channels[0]
        return 9 * (c * c + 2 * 12 * c) / 4
