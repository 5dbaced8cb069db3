"""Model files that are exported, and the C network that runs them"""
import itertools
import math
import pathlib
import re
import subprocess
import sys

import numpy as np
import torch
from PIL import Image

from shared import equal
import export
import measure as meter
import reference


def network(path, dump):
    model = reference.read(path)
    rng = np.random.default_rng(8)
    cases = [(1, 1, 0, 0), (7, 5, 0, 20000), (33, 18, 3, 8191), (16, 24, 7, -40000), (40, 41, 0, 49013),
             (8, 8, 7, -10**6), (9, 3, 5, 10**6)]
    compared = 0
    for (h, w, label, level_q8), extreme in itertools.product(cases, (False, True)):
        x = rng.integers(-32768, 32768, (h, w, 3)) if extreme else np.clip(rng.normal(0, 5000, (h, w, 3)), -32768, 32767)
        x, c = x.astype("<i2"), rng.integers(-32768, 32768, (h, w, 3)) if extreme else rng.normal(0, 4096, (h, w, 3))
        c = c.clip(-32768, 32767).astype("<i2")
        estimate, gates = reference.forward(model, x, label, level_q8)
        expected = np.stack([estimate, reference.update(model, c, gates, label, level_q8)])
        for features in ("0", "1", "3"):
            out = subprocess.run([dump, path, str(label), str(level_q8), str(w), str(h), features],
                                 input=x.tobytes() + c.tobytes(), stdout=subprocess.PIPE, check=True).stdout
            got = np.frombuffer(out, "<i2").reshape(2, h, w, 3)
            if not np.array_equal(got, expected):
                sys.exit(f"{w}x{h} label {label} level {level_q8} features {features}: {np.sum(got != expected)} of {got.size} "
                         f"values differ, by {np.abs(got.astype(int) - expected).max()} at most")
            compared += got.size
        assert h * w == 1 or all(np.unique(e).size > 10 for e in expected), "the outputs hardly vary"
    print(f"{compared} values of the C network equal the reference's")


def cost(path):
    text = pathlib.Path(path).read_text()
    rows = re.findall(r"^  (\d) +([\d.]+) ([\d.]+) ([\d.]+) [-+][\d.]+ %$", text, re.M)
    assert len(rows) > 20, "report without its table"
    # A toy's weights are few and its filters rounded more coarsely for it: the bound is that of
    # gross mistakes, such as a tap or a channel out of place.
    for label, sigma, before, after in rows:
        assert float(after) <= 1.02 * float(before) + 2e-5, f"label {label} sigma {sigma}: {before} became {after}"
    print(re.search("^quantisation cost.*", text, re.M).group())


def plan(path):
    """The file holds what `--plan` said, and rates that follow from its own table."""
    model = reference.read(path)
    assert model.plan[7] == [(-16, 8192), (32, 16384)] and model.lift_rate[5] == 6554
    assert all(rate == 0 for label in (1, 2, 3, 4) for _, rate in model.plan[label])
    (first, rate1), (second, rate2) = model.plan[6]
    assert (first, second) == (16, 32)
    for before, rate in ((0, rate1), (16, rate2)):  # half an octave: r^2 = 1/2
        density = model.rate[6][(before - model.rate_first) // model.rate_step] / 65536
        assert abs(rate / 65536 - density / 2 / math.log(2) / 0.8) < 1e-4
    assert all((np.diff(model.rate[label].astype(np.int64)) >= 0).all() for label in range(8)), "error falls with noise"
    assert all(-reference.ONE < m < reference.ONE for m in model.mean)


def restored(model_path, original, run):
    for part in ("high", "low"):
        net = export.load_network(model_path, part)
        weights, before = net.state_dict(), export.load_network(original, part)
        assert weights.keys() == before.state_dict().keys()
        for key, value in before.state_dict().items():
            if not key.startswith("embed."):
                error = (weights[key] - value).norm() / (value.norm() + 0.05)
                assert error < 0.03, f"{key} is off by {error:.4f}"
        ln_sigma = torch.log(torch.tensor([0.02, 0.2, 0.6, 0.5, 3.0]))
        label = torch.tensor([0, 0, 2, 5, 7])
        with torch.no_grad():
            error = (net.embed(ln_sigma, label) - before.embed(ln_sigma, label)).abs().max()
        assert error < 0.05, f"the embedding is off by {error:.4f}"
        # the run had a learning rate of 0
        equal(dict(weights), dict(export.load_network(run, part).state_dict()), part)


def parts(path):
    model = reference.read(path)
    high, low = model.networks
    assert low.first_level == 96 and not np.array_equal(high.embed, low.embed)
    assert all(not np.array_equal(high.layers[name].weight, low.layers[name].weight) for name in high.layers)
    assert model.network(0, 96 * 256) is low and model.network(0, 96 * 256 - 1) is high
    assert all(model.network(label, 200 * 256) is high for label in range(1, 8))

    class Shift(torch.nn.Module):
        def __init__(self, by):
            super().__init__()
            self.by = by

        def forward(self, y, sigma, label):
            return y + self.by

    y = torch.zeros(1, 3, 8, 8)
    denoise = meter.float_denoiser(Shift(0.25), Shift(0.5))
    for label, level, expected in ((0, 97, 0.5), (0, 96, 0.5), (0, 95, 0.25), (1, 97, 0.25)):
        assert (denoise(y, meter.sigma_of(level), label) == expected).all(), (label, level)


def measure(run, model, folder):
    # a denoiser whose error is known: every half octave of full size costs 3/2 of its density
    grey = np.full((16, 16, 3), 200, np.uint8)
    value, density = 200 / 127.5 - 1, 0.04
    curve, table = meter.picture_curve(lambda y, sigma, label: torch.full_like(y, value + 0.2 * sigma), grey,
                                       np.random.default_rng(0), 2)
    for (_, before, _), (_, after, _) in zip(curve, curve[1:]):
        assert abs(after - before - 1.5 * density) < 1e-4 * density
    assert all(abs(d - density) < 1e-4 * density for d in table.values())
    ramp = torch.arange(24.0).square().expand(1, 3, 20, 24) / 100  # quadratic: predicted exactly inside
    inner = (meter.details(ramp) - meter.predicted_details(meter.halve(ramp)))[..., 1:-1]
    assert inner.abs().max() < 1e-5 and meter.details(ramp).abs().max() > 0.1
    found = [np.array(Image.open(p)) for p in sorted(pathlib.Path(folder).iterdir())[:3]]
    curves = [meter.measure(meter.load_denoiser(path), found, 1)[0] for path in (run, model)]
    for (_, bpp0, db0), (_, bpp1, db1) in zip(*curves):
        assert abs(bpp1 / bpp0 - 1) < 0.03 and abs(db1 - db0) < 0.1, (bpp0, bpp1, db0, db1)
    assert curves[0][-1][2] > curves[0][0][2] + 3, "less noise, and no better estimate"
