"""Checks of train/ that tests/train.sh runs; each exits with an error if something is wrong.

  pictures DIR            render pictures to train on
  fixed                   fixed point of the reference against floating point
  updates                 what a step's noise says of x_0, and the losses that updates are trained by
  network MODEL DUMP      net_dump (the C network) against the reference, value for value
  precision DIR RUN       what the network is computed in
  same A B                two checkpoints hold the same bits
  plan MODEL              the tables and the plan of a model file
  cost REPORT             what the integers cost, from export.py's report
  restored MODEL A RUN [PART]    weights read back from a model file: near A's, and what RUN began with
  parts MODEL             two networks, each where it belongs
  measure CHECKPOINT MODEL DIR
"""

import contextlib
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
import train  # noqa: E402
from net import Arch, Denoiser  # noqa: E402

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


def updates():
    """White Gaussian x_0 of variance v: xhat_0 = k y, k = v / (v + sigma^2), is moved by a step's noise c by
    sigma_s sqrt(1-r^2) k_s c exactly, k_s being k of the noise after the step."""
    v, n, rng = 0.3, 2, torch.Generator().manual_seed(5)
    x, eps = (scale * torch.randn(6, 3, 8, 8, generator=rng, dtype=torch.double) for scale in (v**0.5, 1))
    sigma = torch.tensor([0.1, 0.4, 0.7, 2.0, 0.3, 0.02], dtype=torch.double)
    label, r = torch.tensor([0, 0, 1, 2, 3, 4]), torch.tensor([0.75, 0.95], dtype=torch.double)

    def column(values):
        return values[:, None, None, None]

    def share(s):
        return v / (v + s * s)

    def linear(strength):
        def net(y, sigma, label, step=None):
            estimate = column(share(sigma)) * y
            if step is None:
                return estimate
            (x_0, fresh, r), first = step, estimate[:len(step[2])]
            after, r2 = column(sigma[:len(r)] * r), column(r * r)
            # the c that leaves r^2 y_t + (1-r^2) x_0 + sigma_s sqrt(1-r^2) fresh, from xhat_0 instead of x_0
            c = fresh + (1 - r2) * (x_0 - first) / (after * (1 - r2).sqrt())
            return estimate, strength * share(after) * c
        return net

    s = column(torch.cat([sigma[:-n], sigma[:n] * r]))
    pictures, y = torch.cat([x[:-n], x[:n]]), torch.cat([x + column(sigma) * eps])[:-n]
    before, r2 = x[:n] + column(sigma[:n]) * eps[:n], column(r * r)
    y = torch.cat([y, r2 * before + (1 - r2) * x[:n] + s[-n:] * (1 - r2).sqrt() * eps[-n:]])
    plain = (((pictures - share(s) * y) / s).square() * (s / 0.35) ** 0.5).mean()
    moved = share(s[-n:]) * y[-n:] - share(column(sigma[:n])) * before
    missed = ((moved / s[-n:]).square() * (s[-n:] / 0.35) ** 0.5).mean()
    for strength in (1, 0.5, 0):
        loss = train.rate_loss(linear(strength), x, sigma, label, eps, r, 0.5, contextlib.nullcontext())
        assert abs(loss - plain - (1 - strength) ** 2 * missed) < 1e-6 * plain, strength
        error, found = train.held_out_errors(linear(strength), x, eps, eps.flip(0), 0.4, 0)
        assert abs(error - (x - share(0.4) * (x + 0.4 * eps)).square().mean() / 0.16) < 1e-4
        assert abs(found - (1 - (1 - strength) ** 2)) < 1e-4, (strength, found)

    net, heard = Denoiser(Arch((16, 32), (1, 1))), []
    x, y, s, eps, r = (t.float() for t in (x, y, s, eps, r))
    net.update = lambda c, features, emb: heard.append(c)
    estimate, _ = net(y, s.flatten(), label, (x[:n], eps[-n:], r))
    (c,), r2, after = heard, column(r * r), s[:n] * column(r)
    reached = r2 * y[:n] + (1 - r2) * estimate[:n] + after * (1 - r2).sqrt() * c
    assert (reached - r2 * y[:n] - (1 - r2) * x[:n] - after * (1 - r2).sqrt() * eps[-n:]).abs().max() < 1e-5
    assert not c.requires_grad and estimate.requires_grad


def network(path, dump):
    model = reference.read(path)
    rng = np.random.default_rng(8)
    cases = [(1, 1, 0, 0), (7, 5, 0, 20000), (33, 18, 3, 8191), (16, 24, 7, -40000), (40, 41, 0, 49013),
             (8, 8, 7, -10**6), (9, 3, 5, 10**6)]
    compared = 0
    for (h, w, label, level_q8), loud in itertools.product(cases, (False, True)):
        x = rng.integers(-32768, 32768, (h, w, 3)) if loud else np.clip(rng.normal(0, 5000, (h, w, 3)), -32768, 32767)
        x, c = x.astype("<i2"), rng.integers(-32768, 32768, (h, w, 3)) if loud else rng.normal(0, 4096, (h, w, 3))
        c = c.clip(-32768, 32767).astype("<i2")
        estimate, gates = reference.forward(model, x, label, level_q8)
        expected = np.stack([estimate, reference.update(model, c, gates, label, level_q8)])
        for isa in ("0", "1", "2"):
            out = subprocess.run([dump, path, str(label), str(level_q8), str(w), str(h), isa],
                                 input=x.tobytes() + c.tobytes(), stdout=subprocess.PIPE, check=True).stdout
            got = np.frombuffer(out, "<i2").reshape(2, h, w, 3)
            if not np.array_equal(got, expected):
                sys.exit(f"{w}x{h} label {label} level {level_q8} isa {isa}: {np.sum(got != expected)} of {got.size} "
                         f"values differ, by {np.abs(got.astype(int) - expected).max()} at most")
            compared += got.size
        assert h * w == 1 or all(np.unique(e).size > 10 for e in expected), "the outputs hardly vary"
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


def precision(folder, run):
    x = torch.ones(1, 16, 4, 4)
    for words, expected in ((["--float32"], torch.float32), ([], torch.bfloat16)):
        sys.argv = ["train.py", "--sharp", folder, "--run", run, "--steps", "1", "--channels", "16", "32",
                    "--blocks", "1", "1", *words]
        trainer = train.Trainer(train.arguments())
        with trainer.autocast():
            assert trainer.net.enter[0][0].conv1.conv(x).dtype == expected, words


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
