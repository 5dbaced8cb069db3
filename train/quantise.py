"""From the float network to integers, and back.

Weights become int8 with a scale per filter. Rounding one weight of a filter is made up for by
the weights not yet rounded, by the inputs' second moments (Frantar et al. 2022, "GPTQ"; Hassibi
and Stork 1993): the error that counts is that of the filter's output. Activations are int16, a
scale per tensor, from the largest value seen and a margin. What a filter's sum is multiplied by
- its weight scale, the tensors' scales, the gain - is one integer and a shift.

model.h has the formula that these numbers enter; `prove` shows that it cannot overflow.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

import batches
from affine import affine_forward
from net import LABELS, Arch, Conditioned, Denoiser
from reference import Layer

EMBED_FIRST, EMBED_STEP, EMBED_NODES = -160, 8, 47  # noise levels -160 to 208
MARGIN = 1.8  # activations may exceed the largest ones seen by this
MAX_SUM = 65535  # of |weight| over a filter: 32768 * 65535 < 2^31
MAX_SCALE_BITS, MAX_SHIFT, MIN_SHIFT = 26, 40, 8
GAIN_ONE, BIAS_ONE, EMBED_ONE, INPUT_ONE = 1 << 12, 1 << 4, 1 << 14, 1 << 12
GATE_ONE = 1 << 15  # of a gate's opening
UPDATE = ("gates", "sift", "join")  # the update's layers
SCALES = "activation scales:"  # the line of the provenance that lets a model be trained further


def sigma_of(level):
    return 0.7 * 2 ** (-level / 32)


def convolutions(net):
    """{name: Conditioned} in the order of the file."""
    return {name: m for name, m in net.named_modules() if isinstance(m, Conditioned)}


def tensors(name):
    """Names of the tensors that a convolution reads and writes. All of a level's blocks add to
    one residual stream, which has one scale."""
    kind, *place = name.split(".")
    stream = "stream.{}".format
    if kind == "head":
        return "input", stream(0)
    if kind == "tail":
        return stream(0), "output"
    if kind in UPDATE:
        return {"gates": (stream(0), "gates"), "sift": ("noise", "sifted"), "join": ("sifted", "moved")}[kind]
    level = int(place[0])
    if kind == "down":
        return stream(level), stream(level + 1)
    if kind == "up":
        return stream(level + 1), stream(level)
    inner = f"{kind}.{level}.{place[1]}"  # after conv1: what the gate lets through or not
    return (stream(level), inner) if place[2] == "conv1" else (inner, stream(level))


# ---- Calibration --------------------------------------------------------------------------------


class Statistics:
    """Largest absolute value of every tensor, second moments of every convolution's input."""

    PATCHES = 256  # taken from each call

    def __init__(self, net, seed=0):
        self.rng = np.random.default_rng(seed)
        self.largest, self.moments, self.count = {}, {}, {}
        self.conditions = None  # gains and biases of the call under way
        self.with_moments = True
        self.hooks = [net.condition.register_forward_hook(self._keep_conditions)]
        for name, module in convolutions(net).items():
            self.hooks.append(module.conv.register_forward_pre_hook(self._hook(name, module)))
            if name.endswith(".conv1"):
                self.hooks.append(module.conv.register_forward_hook(self._gate_hook(name, net.rows(module))))
        self.hooks.append(net.sift.register_forward_hook(lambda module, arguments, out: self._see("sifted", out)))

    def _see(self, tensor, x):
        self.largest[tensor] = max(self.largest.get(tensor, 0.0), float(x.detach().abs().max()))

    def _keep_conditions(self, module, arguments, out):
        self.conditions = out.detach()

    def _gate_hook(self, name, rows):
        """What counts before a gate: what it lets through may be small by the gate alone."""
        def see(conv, arguments, out):
            gain, bias = (self.conditions[:, part] for part in rows)
            a, b = affine_forward(out, gain, bias).chunk(2, 1)
            self._see(tensors(name)[1], a * (b > -0.5))
        return see

    def _hook(self, name, module):
        def see(conv, arguments):
            x = arguments[0].detach()
            self._see(tensors(name)[0], x)
            if self.with_moments:
                patches = self._patches(x, conv)
                self.moments[name] = self.moments.get(name, 0) + (patches.t() @ patches).double().numpy()
                self.count[name] = self.count.get(name, 0) + len(patches)
        return see

    def _patches(self, x, conv):
        """(PATCHES, taps * cin) inputs of the filters at random places."""
        side, stride, pad = conv.kernel_size[0], conv.stride[0], conv.padding[0]
        x = F.pad(x, (pad,) * 4).permute(0, 2, 3, 1)
        n, h, w = (torch.from_numpy(self.rng.integers(limit, size=self.PATCHES))[:, None, None]
                   for limit in (x.shape[0], (x.shape[1] - side) // stride + 1, (x.shape[2] - side) // stride + 1))
        offset = torch.arange(side)
        return x[n, stride * h + offset[None, :, None], stride * w + offset[None, None, :]].reshape(self.PATCHES, -1)

    def close(self):
        for hook in self.hooks:
            hook.remove()


def extreme_pictures(side=32):
    """Pictures at the borders of what a picture can be, for the range of the activations."""
    rng = np.random.default_rng(1)
    row, column = np.mgrid[:side, :side]
    board = ((row + column) % 2)[..., None] * 2.0 - 1 + np.zeros(3)
    bars = (column // 8 % 2)[..., None] * 2.0 - 1 + np.zeros(3)
    colours = [np.broadcast_to(c, (side, side, 3)) for c in np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, 8).T]
    dice = rng.choice((-1.0, 1.0), (2, side, side, 3))
    return torch.from_numpy(np.stack([board, bars, *colours, *dice])).permute(0, 3, 1, 2).float()


@torch.no_grad()
def calibrate(net, pictures, part="all", seed=7):
    """Statistics over all labels and noise levels of a part, of the training pictures (a store.Store)."""
    statistics = Statistics(net, seed)
    extremes = extreme_pictures()
    for label in range(LABELS):
        span = batches.part_range(part, label)
        if not span or not pictures.has(label):
            continue
        low, high = span
        for i, share in enumerate(np.linspace(0, 1, 12 if label == 0 else 6 if label == LABELS - 1 else 4)):
            sigma = low * (high / low) ** share
            x = batches.fixed(pictures, label, 4 if label < 3 else 32, f"calibration {seed} {i}")
            for shown, statistics.with_moments in ((x, True), (extremes, False)):
                eps, fresh = (batches.normal(shown.shape, shown.device, seed, label, i, name)
                              for name in ("eps", "fresh"))
                n = len(shown)
                step = shown, fresh, torch.full((n,), 2 ** (-1 / 8))
                net(shown + sigma * eps, torch.full((n,), sigma), torch.full((n,), label), step)
    statistics.close()
    return statistics


# ---- Weights ------------------------------------------------------------------------------------


def clipping_scale(w, importance):
    """Scale of each filter (row) that rounds with the least weighted squared error."""
    largest = np.maximum(np.abs(w).max(1), 1e-12)
    best, best_error = largest / 127, np.full(len(w), np.inf)
    for share in np.linspace(0.5, 1, 26):
        s = share * largest / 127
        q = np.clip(np.rint(w / s[:, None]), -127, 127)
        error = ((w - q * s[:, None]) ** 2 * importance).sum(1)
        best = np.where(error < best_error, s, best)
        best_error = np.minimum(error, best_error)
    return best


def round_with_feedback(w, scale, moments):
    """int8 weights for filters (rows) w: each column's rounding error goes to the later columns
    as the moments say."""
    w = w.copy()
    q = np.zeros(w.shape, np.int8)
    feedback = np.linalg.cholesky(np.linalg.inv(moments)).T  # upper triangular
    for j in range(w.shape[1]):
        q[:, j] = np.clip(np.rint(w[:, j] / scale), -127, 127)
        error = (w[:, j] - q[:, j] * scale) / feedback[j, j]
        w[:, j + 1:] -= np.outer(error, feedback[j, j + 1:])
    return q


def quantise_weights(w, moments):
    """(int8 weights, scale of each filter) for w (cout, taps * cin)."""
    damped = moments + np.eye(len(moments)) * (0.01 * np.trace(moments) / len(moments) + 1e-12)
    scale = np.maximum(clipping_scale(w, np.diag(damped)), np.abs(w).sum(1) / MAX_SUM)
    while True:
        q = round_with_feedback(w, scale, damped)
        too_large = np.abs(q.astype(int)).sum(1) > MAX_SUM
        if not too_large.any():
            break
        scale = np.where(too_large, scale * 1.02, scale)
    # the scale that fits the rounded filter best
    image = q @ damped
    fitted = (image * w).sum(1) / np.maximum((image * q).sum(1), 1e-30)
    return q, np.where(fitted > 0, fitted, scale)


# ---- Layers -------------------------------------------------------------------------------------


def embedding_table(net):
    """int16 [label][node][embedding], q14"""
    levels = torch.arange(EMBED_NODES) * EMBED_STEP + EMBED_FIRST
    ln_sigma = math.log(0.7) - levels * (math.log(2) / 32)
    with torch.no_grad():
        rows = [net.embed(ln_sigma, torch.full((EMBED_NODES,), label)) for label in range(LABELS)]
    return np.rint(torch.stack(rows).numpy() * EMBED_ONE).astype(np.int16)


def activation_scales(net, statistics):
    """{tensor: integer units of 1.0}"""
    scales = {name: INPUT_ONE for name in ("input", "output", "noise", "moved")}
    for name in convolutions(net):
        tensor = tensors(name)[0]
        if tensor not in scales:
            largest = max(statistics.largest[tensor], 1e-6)
            scales[tensor] = float(f"{32767 / (MARGIN * largest):.7g}")
    return scales


def output_units(name, scales, cout):
    """(integer units of 1.0, what is added before) of each output of a convolution: the second half
    of a conv1's and all of "gates" are how far a gate is open, from -1/2 to 1/2."""
    first = 0 if name == "gates" else cout // 2 if name.endswith(".conv1") else cout
    units, offset = np.full(cout, float(GATE_ONE)), np.full(cout, 0.5)
    if first:
        units[:first], offset[:first] = scales[tensors(name)[1]], 0
    return units, offset


def integers(values, kind):
    """Rounded to an integer type, which must hold them."""
    rounded = np.rint(np.asarray(values, np.float64))
    limits = np.iinfo(kind)
    assert rounded.min() >= limits.min and rounded.max() <= limits.max, "value out of range"
    return rounded.astype(kind)


def conditioning(net, module):
    """(gain_base, gain_weight, bias_base, bias_weight) of a layer: views of net.condition's rows, (C,) and
    (C, embedding)"""
    gain, bias = net.rows(module)
    weight, base = net.condition.weight, net.condition.bias
    return base[gain], weight[gain], base[bias], weight[bias]


def quantise_layer(name, net, module, moments, scales, table):
    kernel = module.conv.weight.detach().double().numpy()
    cout, cin = kernel.shape[:2]
    taps = kernel.shape[2] * kernel.shape[3]
    gain_base, gain_weight, bias_base, bias_weight = (
        t.detach().double().numpy() for t in conditioning(net, module))
    # a gain too large for its 16 bits hands powers of two to the filter
    reach = np.abs(gain_base + table.reshape(-1, table.shape[2]) @ gain_weight.T / EMBED_ONE).max(0)
    reach = np.maximum.reduce([reach, np.abs(gain_base), np.abs(gain_weight).max(1)])
    spare = 2.0 ** np.maximum(0, np.ceil(np.log2(reach * 1.001 * GAIN_ONE / 32767)))
    q, scale = quantise_weights(kernel.transpose(0, 2, 3, 1).reshape(cout, -1), moments)
    unit_in, (unit_out, offset) = scales[tensors(name)[0]], output_units(name, scales, cout)
    multiplier = scale * spare * unit_out / unit_in
    shift = int(np.clip(math.floor(MAX_SCALE_BITS - math.log2(multiplier.max() * 1.0001)), MIN_SHIFT, MAX_SHIFT))
    return Layer(name, taps, cin, cout, shift,
                 scale=integers(np.maximum(1, multiplier * 2.0**shift), np.uint32),
                 bias_base=integers((bias_base + offset) * unit_out * BIAS_ONE, np.int32),
                 bias_weight=integers(bias_weight * unit_out[:, None] * BIAS_ONE, np.int32),
                 gain_base=integers(gain_base / spare * GAIN_ONE, np.int16),
                 gain_weight=integers(gain_weight / spare[:, None] * GAIN_ONE, np.int16),
                 weight=q.reshape(cout, taps, cin))


def prove(layer, table):
    """Bits that the layer's sums and their rescaling need at most, for any int16 input and any
    embedding of the table: (accumulator, rescaled). Asserts that they fit."""
    total = np.abs(layer.weight.astype(np.int64)).reshape(layer.cout, -1).sum(1)
    assert total.max() <= MAX_SUM and layer.scale.max() < 1 << MAX_SCALE_BITS
    rows = table.reshape(-1, table.shape[2]).astype(np.int64)
    gain = np.abs(layer.gain_base + (rows @ layer.gain_weight.T.astype(np.int64) >> 14)).max(0) + 2
    bias = np.abs(layer.bias_base + (rows @ layer.bias_weight.T.astype(np.int64) >> 14)).max(0) + 2
    worst_sum = worst = 0
    for o in range(layer.cout):
        acc = 32768 * int(total[o])
        mult = (min(int(gain[o]), 32768) * int(layer.scale[o]) >> 12) + 1
        assert mult < 1 << 31
        worst_sum = max(worst_sum, acc)
        worst = max(worst, acc * mult + (int(bias[o]) << (layer.shift - 4)) + (1 << (layer.shift - 1)))
    assert worst_sum < 1 << 31 and worst < 1 << 63
    return math.log2(worst_sum), math.log2(worst)


def quantise(net, statistics):
    """(layers, embedding table, activation scales)"""
    table = embedding_table(net)
    scales = activation_scales(net, statistics)
    layers = {name: quantise_layer(name, net, module, statistics.moments[name] / statistics.count[name], scales, table)
              for name, module in convolutions(net).items()}
    return layers, table, scales


# ---- Back to floats -----------------------------------------------------------------------------


def scales_line(scales):
    return SCALES + "".join(f" {name}={value:.7g}" for name, value in scales.items())


def parse_scales(provenance, number):
    """Of network `number`: the networks' lines stand in order."""
    lines = [line[len(SCALES):] for line in provenance.splitlines() if line.startswith(SCALES)]
    if number >= len(lines):
        raise ValueError("the model's provenance has no activation scales")
    return {name: float(value) for name, value in (pair.split("=") for pair in lines[number].split())}


def fit_embedding(embed, table):
    """Train the embedding's MLP to give the table; returns the rms residual. The table is all
    that a model file keeps of it."""
    levels = torch.arange(EMBED_NODES) * EMBED_STEP + EMBED_FIRST
    ln_sigma = (math.log(0.7) - levels * (math.log(2) / 32)).repeat(LABELS)
    label = torch.arange(LABELS).repeat_interleave(EMBED_NODES)
    target = torch.from_numpy(table.astype(np.float32) / EMBED_ONE).reshape(len(label), -1)
    optimiser = torch.optim.LBFGS(embed.parameters(), max_iter=800, history_size=30, tolerance_grad=1e-9,
                                  tolerance_change=1e-12, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        error = (embed(ln_sigma, label) - target).square().mean()
        error.backward()
        return error

    optimiser.step(loss)
    return math.sqrt(float(loss()))


def dequantise(model, number=0):
    """(network, rms residual of its embedding) of network `number` of a model file as reference.read gives it."""
    network = model.networks[number]
    if (model.embed_first, model.embed_step, network.embed.shape[1]) != (EMBED_FIRST, EMBED_STEP, EMBED_NODES):
        raise ValueError("embedding table at other noise levels")
    torch.manual_seed(0)
    net = Denoiser(Arch(model.channels, model.blocks, model.embedding))
    scales = parse_scales(model.provenance, number)
    for name, module in convolutions(net).items():
        layer = network.layers[name]
        unit_in, (unit_out, offset) = scales[tensors(name)[0]], output_units(name, scales, layer.cout)
        side = math.isqrt(layer.taps)
        scale = layer.scale * 2.0**-layer.shift * unit_in / unit_out
        kernel = layer.weight * scale[:, None, None]
        with torch.no_grad():
            values = (layer.gain_base / GAIN_ONE, layer.gain_weight / GAIN_ONE,
                      layer.bias_base / (unit_out * BIAS_ONE) - offset,
                      layer.bias_weight / (unit_out[:, None] * BIAS_ONE))
            kernel = kernel.reshape(layer.cout, side, side, layer.cin).transpose(0, 3, 1, 2)
            for parameter, value in ((module.conv.weight, kernel), *zip(conditioning(net, module), values)):
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(value, np.float32)))
    return net, fit_embedding(net.embed, network.embed)
