"""Checks of train/ that tests/train.sh runs; each exits with an error if something is wrong.

  pictures DIR            render pictures to train on
  fixed                   fixed point of the reference against floating point
  network MODEL DUMP      net_dump (the C network) against the reference, value for value
  same A B                two checkpoints hold the same bits
  plan MODEL              the tables and the plan of a model file
  cost REPORT             what the integers cost, from export.py's report
  restored MODEL A RUN [PART]    weights read back from a model file: near A's, and what RUN began with
  parts MODEL             two networks, each where it belongs
  measure CHECKPOINT MODEL DIR
"""

import itertools
import math
import pathlib
import re
import subprocess
import sys

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "train"))
import export  # noqa: E402
import measure as meter  # noqa: E402
import reference  # noqa: E402

torch.set_num_threads(1)


def pictures(folder):
    """Shades, discs and stripes: enough structure for a small network to learn something from."""
    rng = np.random.default_rng(3)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(72):
        h, w = (int(n) for n in rng.integers(66, 120, 2))
        y, x = np.mgrid[:h, :w]
        corners = rng.uniform(0, 255, (3, 3))
        p = corners[0] + (corners[1] - corners[0]) * (y / h)[..., None] + (corners[2] - corners[0]) * (x / w)[..., None]
        for _ in range(6):
            cy, cx, r = rng.uniform(0, h), rng.uniform(0, w), rng.uniform(3, 25)
            angle, period = rng.uniform(0, math.pi), rng.uniform(3, 12)
            stripe = np.sin((x * math.cos(angle) + y * math.sin(angle)) * 2 * math.pi / period) > 0
            inside = (y - cy) ** 2 + (x - cx) ** 2 < r * r
            p[inside] = rng.uniform(0, 255, 3)
            p[inside & stripe] = rng.uniform(0, 255, 3)
        Image.fromarray(np.clip(p, 0, 255).astype(np.uint8)).save(folder / f"{number:03d}.png")


def fixed():
    for v in (1, 2, 3, 12345, 2**31 - 1, 2**40 + 7, 2**63 + 5):
        assert abs(reference.ilog2_q16(v) - math.log2(v) * 65536) <= 2, v
    for level in range(-320, 321):
        exact = 0.7 * 2 ** (-level / 32) * reference.ONE * 256
        sigma = reference.sigma_q8(level)
        assert abs(sigma - exact) <= 0.5 + exact * 2**-30, level
        assert abs(reference.level_q8_of_sigma(sigma) - 256 * level) <= 1 + 12000 / sigma, level
    picture = np.random.default_rng(0).integers(0, 100, (2, 4, 6, 5))
    torch_order = torch.nn.functional.pixel_unshuffle(torch.from_numpy(picture).permute(0, 3, 1, 2), 2)
    assert (reference.unshuffle(picture) == torch_order.permute(0, 2, 3, 1).numpy()).all()
    assert (reference.shuffle(reference.unshuffle(picture)) == picture).all()


def network(path, dump):
    model = reference.read(path)
    rng = np.random.default_rng(8)
    cases = [(1, 1, 0, 0), (7, 5, 0, 20000), (33, 18, 3, 8191), (16, 24, 7, -40000), (40, 41, 0, 49013),
             (8, 8, 7, -10**6), (9, 3, 5, 10**6)]
    compared = 0
    for (h, w, label, level_q8), loud in itertools.product(cases, (False, True)):
        x = rng.integers(-32768, 32768, (h, w, 3)) if loud else np.clip(rng.normal(0, 5000, (h, w, 3)), -32768, 32767)
        x = x.astype("<i2")
        expected = reference.forward(model, x, label, level_q8)
        for isa in ("0", "1", "2"):
            out = subprocess.run([dump, path, str(label), str(level_q8), str(w), str(h), isa], input=x.tobytes(),
                                 stdout=subprocess.PIPE, check=True).stdout
            got = np.frombuffer(out, "<i2").reshape(h, w, 3)
            if not np.array_equal(got, expected):
                sys.exit(f"{w}x{h} label {label} level {level_q8} isa {isa}: {np.sum(got != expected)} of {got.size} "
                         f"values differ, by {np.abs(got.astype(int) - expected).max()} at most")
            compared += got.size
    assert np.unique(expected).size > 10, "the outputs hardly vary: nothing was tested"
    print(f"{compared} values of the C network equal the reference's")


def equal(a, b, where):
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            equal(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, pair in enumerate(zip(a, b)):
            equal(*pair, f"{where}[{i}]")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    else:
        assert a == b, where


def same(a, b):
    a, b = torch.load(a), torch.load(b)
    assert a["step"] == b["step"]
    for key in ("net", "ema", "optimisers"):
        equal(a[key], b[key], key)


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


def restored(model_path, checkpoint, run, part="all"):
    weights = export.load_weights(model_path, part)
    original = torch.load(checkpoint)["ema"]
    equal(export.load_weights(checkpoint), original, "ema")
    assert weights.keys() == original.keys()
    for key, value in original.items():
        if not key.startswith("embed."):
            error = (weights[key] - value).norm() / (value.norm() + 0.05)
            assert error < 0.03, f"{key} is off by {error:.4f}"
    net, _ = meter.load_checkpoint(checkpoint)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(weights)
    ln_sigma = torch.log(torch.tensor([0.02, 0.2, 0.6, 0.5, 3.0]))
    label = torch.tensor([0, 0, 2, 5, 7])
    with torch.no_grad():
        after = net.embed(ln_sigma, label)
        net.load_state_dict(before)
        error = (after - net.embed(ln_sigma, label)).abs().max()
    assert error < 0.05, f"the embedding is off by {error:.4f}"
    equal(dict(weights), dict(torch.load(run)["net"]), "net")  # a run at learning rate 0


def parts(path):
    model = reference.read(path)
    loud, quiet = model.networks
    assert quiet.first_level == 96 and not np.array_equal(loud.embed, quiet.embed)
    assert all(not np.array_equal(loud.layers[name].weight, quiet.layers[name].weight) for name in loud.layers)
    assert model.network(0, 96 * 256) is quiet and model.network(0, 96 * 256 - 1) is loud
    assert all(model.network(label, 200 * 256) is loud for label in range(1, 8))
    y = torch.zeros(1, 3, 8, 8)
    denoise = meter.float_denoiser(lambda y, sigma, label: y + 0.25, lambda y, sigma, label: y + 0.5)
    for label, level, expected in ((0, 97, 0.5), (0, 96, 0.5), (0, 95, 0.25), (1, 97, 0.25)):
        assert (denoise(y, meter.sigma_of(level), label) == expected).all(), (label, level)


def measure(checkpoint, model, folder):
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
    curves = [meter.measure(meter.load_denoiser(path), found, 1)[0] for path in (checkpoint, model)]
    for (_, bpp0, db0), (_, bpp1, db1) in zip(*curves):
        assert abs(bpp1 / bpp0 - 1) < 0.03 and abs(db1 - db0) < 0.1, (bpp0, bpp1, db0, db1)
    assert curves[0][-1][2] > curves[0][0][2] + 3, "less noise, and no better estimate"


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
