"""Checks of train/ that tests/train.sh runs; each exits with an error if something is wrong.

  pictures DIR            draw pictures to train on
  fixed                   fixed point of the reference against floating point
  randomness              random numbers: their distribution, and that they depend on all that they should
  fused                   gains, biases and gates against PyTorch's own derivatives
  optimiser               Muon and AdamW, all weights in one tensor, against the textbook, weight by weight
  schedule                how budgets are spent
  packs DIR WORK          packs: their size, their order, what lies in them
  cuts PACK               crops, resized crops and whole pictures against the pictures they are of
  odd                     a network sees the border of a picture on a larger canvas as it sees that of the tensor
  updates                 what a step's noise says of x_0, and the losses that updates are trained by
  network MODEL DUMP      net_dump (the C network) against the reference, value for value
  precision PACK RUN      what the network is computed in
  same A B                two runs' checkpoints hold the same bits
  pieces RUN              checkpoints of every kind, in pieces, and one that is not whole
  plan MODEL              the tables and the plan of a model file
  cost REPORT             what the integers cost, from export.py's report
  restored MODEL A B      weights read back from a model file: near run A's, and what run B began with
  parts MODEL             two networks, each where it belongs
  measure RUN MODEL DIR
"""

import contextlib
import itertools
import math
import pathlib
import re
import subprocess
import sys
import zipfile

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "train"))
import affine  # noqa: E402
import batches  # noqa: E402
import checkpoint  # noqa: E402
import draws  # noqa: E402
import export  # noqa: E402
import loss  # noqa: E402
import measure as meter  # noqa: E402
import optimiser as training  # noqa: E402
import pack  # noqa: E402
import reference  # noqa: E402
import schedule as scheduling  # noqa: E402
import store  # noqa: E402
import train  # noqa: E402
from net import Arch, Denoiser  # noqa: E402

torch.set_num_threads(1)
TOP = pathlib.Path(__file__).resolve().parent.parent


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
        def net(y, sigma, label, step=None, inside=None):
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
    batch = batches.Batch(x, torch.ones_like(x[:, :1]), sigma, label, eps, r)
    for strength in (1, 0.5, 0):
        found = loss.rate_loss(linear(strength), batch, 0.5, contextlib.nullcontext())
        assert abs(found - plain - (1 - strength) ** 2 * missed) < 1e-6 * plain, strength
        error, found = loss.held_out_errors(linear(strength), x, eps, eps.flip(0), 0.4, 0)
        assert abs(error - (x - share(0.4) * (x + 0.4 * eps)).square().mean() / 0.16) < 1e-4
        assert abs(found - (1 - (1 - strength) ** 2)) < 1e-4, (strength, found)

    net, heard = Denoiser(Arch((16, 32), (1, 1))), []
    x, y, s, eps, r = (t.float() for t in (x, y, s, eps, r))
    net.update = lambda c, features, conditions: heard.append(c)
    estimate, _ = net(y, s.flatten(), label, (x[:n], eps[-n:], r))
    (c,), r2, after = heard, column(r * r), s[:n] * column(r)
    reached = r2 * y[:n] + (1 - r2) * estimate[:n] + after * (1 - r2).sqrt() * c
    assert (reached - r2 * y[:n] - (1 - r2) * x[:n] - after * (1 - r2).sqrt() * eps[-n:]).abs().max() < 1e-5
    assert not c.requires_grad and estimate.requires_grad


# ---- The trainer's parts --------------------------------------------------------------------------


def numbers(seed=1, rank=0, step=0):
    return draws.Draws(seed, rank, torch.tensor(step))


def randomness():
    z = numbers().normals("z", (3, 100_000))
    assert z.shape == (3, 100_000) and z.dtype == torch.float32
    for row in (*z, z.flatten()):
        assert abs(row.mean()) < 0.015 and abs(row.var() - 1) < 0.02 and abs(row.pow(4).mean() - 3) < 0.15
    flat = z.flatten()
    assert abs((flat[1:] * flat[:-1]).mean()) < 0.01 and 4 < flat.abs().max() < 4.5
    others = [numbers(seed=2), numbers(rank=1), numbers(step=1), numbers()]
    for i, (source, name) in enumerate(zip(others, "zzzy")):
        assert abs((source.normals(name, (300_000,)) * flat).mean()) < 0.01, i
    assert torch.equal(numbers(step=7).normals("z", (10,)), numbers(step=7).normals("z", (10,)))
    counts = torch.bincount(numbers().below("n", torch.full((70_000,), 7)), minlength=7)
    assert len(counts) == 7 and (counts - 10_000).abs().max() < 400
    shares = numbers().shares("u", 100_000)
    assert 0 <= shares.min() and shares.max() < 1 and abs(shares.mean() - 0.5) < 0.005
    assert 0.49 < np.mean([draws.host_share(1, step) for step in range(20_000)]) < 0.51
    # to the last bit what every other device draws: the same in Python's own integers
    expected = [mixed(mixed((place + draws.constant("place", 5, 2, "x")) % 2**32)
                      ^ mixed((1234 + draws.constant("step", 5, 2, "x")) % 2**32)) for place in range(1000)]
    assert numbers(5, 2, 1234).words("x", 1000).tolist() == expected


def mixed(x):
    for shift, factor in ((16, 0x7FEB352D), (15, 0x6C068CA7)):
        x = (x ^ x >> shift) * factor % 2**32
    return x ^ x >> 16


def fused():
    """Forwards and backwards against autograd's own derivatives of the plain formula, in double precision."""
    rng = torch.Generator().manual_seed(3)
    y, x = (torch.randn(2, 6, 4, 5, generator=rng, dtype=torch.double) for _ in range(2))
    gain, bias = (torch.randn(2, 6, generator=rng, dtype=torch.double) for _ in range(2))

    def moved(y, gain, bias):
        return y * gain[:, :, None, None] + bias[:, :, None, None]

    def gate(y, gain, bias):
        a, b = moved(y, gain, bias).chunk(2, 1)
        return a * (b + 0.5).clamp(0, 1)

    for name, ours, plain, inputs in (
            ("affine", affine.affine, moved, (y, gain, bias)),
            ("residual", affine.residual, lambda x, *rest: x + moved(*rest), (x, y, gain, bias)),
            ("gated", affine.gated, gate, (y, gain, bias))):
        results = []
        for function in (ours, plain):
            leaves = [t.clone().requires_grad_() for t in inputs]
            out = function(*leaves)
            weights = torch.linspace(-1, 2, out.numel(), dtype=torch.double).reshape(out.shape)
            results.append([out.detach(), *torch.autograd.grad((out * weights).sum(), leaves)])
        with torch.no_grad():
            results[0].append(ours(*inputs))
            results[1].append(results[1][0])
        for mine, other in zip(*results):  # sums are formed in float32
            assert (mine - other).abs().max() < 1e-5 * (1 + other.abs().max()), name


def optimiser():
    """Three steps against the same rules written out for each parameter."""
    torch.manual_seed(4)
    net = Denoiser(Arch((16, 32), (1, 1)))
    plain = {name: p.detach().double().clone() for name, p in net.named_parameters()}
    flat = training.Flat(net, torch.device("cpu"))
    assert all(torch.equal(p, plain[name].float()) for name, p in net.named_parameters())
    assert flat.data.numel() == sum(p.numel() for p in plain.values())
    assert sum(count for _, _, count, _, _ in flat.groups) == sum(p.ndim == 4 for p in plain.values())
    assert len(flat.groups) == len({(p.shape[0], p[0].numel()) for p in plain.values() if p.ndim == 4})
    tuner = training.Optimiser(flat, 0.1, torch.float32)
    tuner.rate.fill_(0.01)
    tuner.decay.fill_(0.75)
    state = {name: [torch.zeros_like(p), torch.zeros_like(p)] for name, p in plain.items()}
    average = {name: p.clone() for name, p in plain.items()}
    rng = torch.Generator().manual_seed(5)
    for step in range(1, 4):
        grads = {name: torch.randn(p.shape, generator=rng).double() * (5 if step == 2 else 1e-4)
                 for name, p in plain.items()}
        for name, p in net.named_parameters():
            p.grad.copy_(grads[name])
        tuner.step()
        norm = math.sqrt(sum(float(g.square().sum()) for g in grads.values()))
        for name, p in plain.items():
            g, (first, second) = grads[name] * min(1, 1 / (norm + 1e-6)), state[name]
            if p.ndim == 4:
                first.lerp_(g, 0.05)
                u, s, v = svd_steps(g.lerp(first, 0.95).reshape(len(g), -1))
                p.mul_(1 - 0.01 * 0.1)
                size = 0.2 * math.sqrt(max(len(g), g[0].numel()))
                p.sub_(0.01 * size * ((u * s) @ v).reshape(p.shape))
            else:
                first.lerp_(g, 0.1)
                second.lerp_(g * g, 0.02)
                p.sub_(0.01 * (first / (1 - 0.9**step)) / ((second / (1 - 0.98**step)).sqrt() + 1e-8))
            average[name].lerp_(p, 0.25)
        for name, p in net.named_parameters():
            error = (p.double() - plain[name]).abs().max()
            assert error < 2e-5, (step, name, error)
        assert not flat.grad.any()
    found = {name: p.clone() for name, p in net.named_parameters()}
    flat.swap(tuner.average)
    assert all((p.double() - average[name]).abs().max() < 2e-5 for name, p in net.named_parameters())
    flat.swap(tuner.average)
    assert all(torch.equal(p, found[name]) for name, p in net.named_parameters())
    next(net.parameters()).grad.fill_(math.nan)  # a step that must change nothing but by momentum and weight decay
    tuner.rate.fill_(0)
    tuner.step()
    assert all(torch.equal(p, found[name]) for name, p in net.named_parameters())


def svd_steps(g):
    """U, S, V^T after Muon's five steps, which act on the singular values alone: s -> a s + b s^3 + c s^5."""
    u, s, v = torch.linalg.svd(g, full_matrices=False)
    s = s / (g.norm() + 1e-7)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u, s, v


def schedule():
    plan = scheduling.Plan.of(10_000)
    assert plan.growth == 1 and scheduling.Plan.of(50_000).growth == 4 and scheduling.Plan.of(50_000, 2).growth == 2
    assert [plan.rate(p, 0.5, 10**6, False) for p in (0, 0.5, 0.75, 1)] == [1, 1, 0.5, 0]
    assert plan.rate(0, 0.5, 149, False) == 0.5 and plan.rate(0, 0, 10**6, False) == 1
    assert plan.rate(0, 0.5, 49, True) == 0.5
    assert scheduling.Plan.of(100).warm_up(False) == 3
    growing = scheduling.Plan.of(50_000)
    assert [growing.accumulate(p) for p in (0, 0.49, 0.5, 0.74, 0.75, 1)] == [1, 1, 2, 2, 4, 4]
    assert plan.decay(0) == 0.1 and abs(plan.decay(10**6) - 0.5 ** (1 / 250)) < 1e-12
    clock = scheduling.Clock(None, 1.0, 40, 0.0)
    assert clock.progress(10) == 0.25 and clock.over(1.0) and not clock.over(0.99) and clock.updates(10, 30) == 0
    clock = scheduling.Clock(1e-9, 0.75, None, 0.5)  # its time is over at once
    assert clock.progress(0) == 0.75 and clock.over(0.75) and clock.updates(5, 3) == 0 and clock.updates(7, 4) == 7
    clock = scheduling.Clock(60, 0.75, None, 0.25)
    assert abs(clock.progress(0) - 0.25) < 1e-3
    assert clock.updates(500, 100) == 0  # too early
    clock.begun -= 60 * 60 / 2  # half of the hour is over: 100 rounds in the last 10 s, as many as 18,000 in what is left
    clock.since, clock.since_round = clock.begun + 60 * 60 / 2 - 10, 50
    assert abs(clock.updates(500, 150) / (500 + 18_000 * 0.75 / 0.5) - 1) < 0.01


def packs(folder, work):
    """Packs hold every file, byte for byte, the sharp ones first, and are as small as they were asked to be."""
    work = pathlib.Path(work)
    sources = {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir())}
    soft = work / "soft"
    soft.mkdir()
    for name in list(sources)[:5]:
        (soft / name).write_bytes(sources[name])
    command = [sys.executable, TOP / "train" / "pack.py", "--sharp", folder, "--soft", soft, "--mib", "0.0625"]
    subprocess.run([*command[:2], work / "packs" / "a", *command[2:]], check=True, stdout=subprocess.DEVNULL)
    made = sorted((work / "packs").iterdir())
    assert len(made) > 2 and all(path.stat().st_size <= 2**16 for path in made)
    found = [entry for path in made for entry in pack.packed(path)]
    assert [kind for kind, _, _ in found] == ["sharp"] * len(sources) + ["soft"] * 5
    assert {name: content for _, name, content in found[:-5]} == sources
    assert all(content == sources[name] for _, name, content in found[-5:])
    assert [name for name, _ in pack.files(made[-1], "soft")] == [name for kind, name, _ in pack.packed(made[-1])
                                                                  if kind == "soft"]
    subprocess.run([*command[:2], work / "packs" / "b", *command[2:]], check=True, stdout=subprocess.DEVNULL)
    again = sorted(path for path in (work / "packs").iterdir() if path.name.startswith("b"))
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in made]
    for wrong in ([folder, folder], [work / "nothing"]):
        done = subprocess.run([*command[:2], work / "c", "--sharp", *wrong], stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    with zipfile.ZipFile(work / "odd.zip", "w") as archive:
        archive.writestr("blurred/x.png", b"")
    try:
        list(pack.packed(work / "odd.zip"))
        raise AssertionError("a kind that nobody knows")
    except ValueError:
        pass


def cuts(packed):
    device = torch.device("cpu")
    train_split, valid = store.load([packed], device, 32, lambda text: None)
    names = [name for _, name, _ in pack.packed(packed)]
    assert len(valid.found) == sum(map(pack.held_out, names)) > 0
    assert len(train_split.found) + len(valid.found) == len(names)
    levels = {offset: (height, width) for _, places in train_split.found for offset, height, width in places}

    def picture(offset):
        height, width = levels[offset]
        return train_split.data[offset:offset + height * width].reshape(height, width, 3).float().numpy()

    # crops: each is found in one of the pictures, in one of the 8 ways to turn it
    pool = train_split.pools["crop", 0]
    ways = set()
    for step in range(4):
        x = store.crops(train_split, 0, numbers(step=step), 8)
        picks = pool.choose(numbers(step=step), 8)
        for crop, offset in zip(x.numpy(), pool.offset[picks].tolist()):
            windows = np.lib.stride_tricks.sliding_window_view(picture(offset), (32, 32), (0, 1))  # (., ., 3, 32, 32)
            found = [(turn, mirror) for turn in range(4) for mirror in (False, True)
                     if (windows == turned_back(crop, turn, mirror)).all((2, 3, 4)).any()]
            assert found
            ways.update(found)
    assert len(ways) > 4

    # resized crops: against Pillow's Lanczos filter of the same factor, in the mean over positions: a linear ramp and a
    # constant stay what they are, and a fine pattern goes
    ramp = torch.arange(300.0).reshape(1, -1, 1, 1).expand(1, 300, 300, 3)
    rows = store.lanczos(torch.tensor([40.0]), torch.tensor([1.6]), 60, 300)
    out = store.resampled(ramp, rows, rows)
    expected = 40 + (torch.arange(60.0) + 0.5) * 1.6 - 0.5
    assert (out[0, 0] - expected[:, None]).abs().max() < 1e-2
    assert (rows.sum(2) - 1).abs().max() < 1e-5
    noise = np.random.default_rng(6).integers(80, 176, (120, 96, 3)).astype(np.uint8)  # nothing is clipped
    pillow = np.asarray(Image.fromarray(noise).resize((60, 75), Image.LANCZOS)).astype(int)
    step = torch.tensor([1.6])
    square = torch.nn.functional.pad(torch.from_numpy(noise).permute(2, 0, 1)[None].float(), (12, 12, 0, 0), "replicate")
    ours = store.resampled(square.permute(0, 2, 3, 1), store.lanczos(torch.zeros(1), step, 75, 120),
                           store.lanczos(torch.full((1,), 12.0), step, 60, 120))
    inner = (ours[0].permute(1, 2, 0).numpy().round().clip(0, 255) - pillow)[5:-5, 5:-5]
    assert np.abs(inner).max() <= 2 and np.abs(inner).mean() < 0.5, (np.abs(inner).max(), np.abs(inner).mean())
    x = store.resized_crops(train_split, numbers(), 16)
    assert x.shape == (16, 3, 32, 32) and (x == x.round()).all() and 0 <= x.min() and x.max() <= 255

    # whole pictures: the mean of each lies near that of the largest part that has its proportions
    for label, canvas in ((6, (16, 16)), (7, (8, 8))):
        pool = train_split.pools["whole", label]
        picks = pool.choose(numbers(), 24)
        height, width = (length.min(torch.full_like(length, side)) for length, side in
                         zip((pool.height[picks], pool.width[picks]), canvas))
        exact = store.whole(train_split, label, numbers(), height, width, canvas)
        for x, pick, h, w in zip(exact, picks.tolist(), height.tolist(), width.tolist()):
            source = picture(int(pool.offset[pick]))
            scale = min(source.shape[0] / h, source.shape[1] / w)
            assert x[:, :h, :w].min() >= source.min() - 1e-3 and x[:, :h, :w].max() <= source.max() + 1e-3
            if abs(source.shape[0] / h - source.shape[1] / w) < 1e-6:
                assert np.abs(x[:, :h, :w].mean((1, 2)).numpy() - source.mean((0, 1))).max() < 0.1, scale
    rows = store.boxes(torch.tensor([0.5]), torch.tensor([2.0]), 3, 8)[0]
    assert torch.equal(rows, torch.tensor([[.25, .5, .25, 0, 0, 0, 0, 0], [0, 0, .25, .5, .25, 0, 0, 0],
                                           [0, 0, 0, 0, .25, .5, .25, 0]]))

    # batches: of every kind, each the same at every call, and another at another step
    seen = set()
    for step in range(150):
        for part in batches.PARTS:
            variant = batches.variant_of(train_split, 1, step, part, 8)
            if (part, variant) in seen:
                continue
            seen.add((part, variant))
            one, two, other = (batches.batch(train_split, variant, numbers("b", 0, at), part)
                               for at in (step, step, step + 1))
            for field, value in vars(one).items():
                assert torch.equal(value, getattr(two, field)), field
            assert not torch.equal(one.eps, other.eps) and not torch.equal(one.x, other.x)
            low, high = batches.part_range(part, variant.label, batches.OVERLAP)
            assert (one.sigma >= low * 0.999).all() and (one.sigma <= high * 1.001).all()
            assert one.x.shape == one.eps.shape == (variant.count, 3, *variant.canvas)
            assert not (one.x * (1 - one.inside)).any() and one.x.abs().max() <= 1
            whole = one.inside.flatten(1).all(1)
            assert whole.all() or variant.odd
            octaves = torch.log2(-torch.log2(one.r))
            assert (octaves >= -5.01).all() and (octaves <= -0.99).all() and len(one.r) == max(1, variant.count // 4)
    labels = {(part, variant.label) for part, variant in seen}
    assert labels >= {("low", 0), *(("high", label) for label in (0, 6, 7)), ("all", 0)}
    assert all(label == 0 for part, label in labels if part == "low")
    assert {variant.source for _, variant in seen} == {"crop", "resized", "whole"}
    assert sorted(batches.spread(12, device).tolist()) == list(range(12))
    # the first pictures, from which updates learn, have all of the range in the course of time, evenly
    low, high = (math.log(s) for s in batches.part_range("low", 0, batches.OVERLAP))
    sigma = torch.stack([batches.draw_sigma("low", 0, numbers("b", 0, step), 8)[:2] for step in range(2000)])
    counts = torch.histc((sigma.log() - low) / (high - low), 8, 0, 1)
    assert (counts - 500).abs().max() < 100, counts
    assert batches.grid(0, 1, "low")[-1] <= batches.BORDER * 1.0001 and len(batches.grid(0)) == 7


def turned_back(crop, turn, mirror):
    crop = np.rot90(crop, turn, (1, 2))
    return crop[:, :, ::-1] if mirror else crop


def odd():
    """The estimate inside of a picture is the same whether the picture fills its tensor or a part of it, up to the
    next multiple of what the network pads to."""
    torch.manual_seed(1)
    net = Denoiser(Arch((16, 32), (1, 1)))
    with torch.no_grad():
        net.condition.weight.normal_(std=0.1)
        y, eps = torch.randn(2, 3, 13, 10), torch.randn(2, 3, 13, 10)
        sigma, label, r = torch.tensor([0.1, 0.4]), torch.tensor([0, 0]), torch.tensor([0.9, 0.8])
        expected = net(y, sigma, label, (y / 2, eps, r))
        canvas = [torch.nn.functional.pad(t, (0, 2, 0, 3), value=7.0) for t in (y, y / 2, eps)]
        inside = torch.zeros(2, 1, 16, 12)
        inside[:, :, :13, :10] = 1
        found = net(canvas[0], sigma, label, (canvas[1], canvas[2], r), inside)
    for mine, other in zip(found, expected):
        assert (mine[:, :, :13, :10] - other).abs().max() < 1e-5


def pieces(run):
    """A large checkpoint of each kind comes back from its pieces; of two, the last that is whole counts."""
    run = pathlib.Path(run)
    run.mkdir()
    rng = torch.Generator().manual_seed(2)
    tensors = {name: torch.randn(5_000_000, generator=rng) for name in ("weights", "average", "momentum")}
    for updates, kind in enumerate(checkpoint.KINDS, 1):
        checkpoint.save(run, "high", updates, tensors, dict(updates=updates), kind)
        files = list(run.iterdir())
        assert all(path.stat().st_size <= 15 << 20 for path in files) and len(files) == (4, 2, 1)[updates - 1]
        notes, found = checkpoint.load(run, "high")
        assert notes["updates"] == updates and checkpoint.load(run, "low") is None
        for name, tensor in found.items():
            assert (tensor - tensors[name]).abs().max() <= (0 if kind == "full" else 2**-9), name
        assert set(found) == {"full": set(tensors), "half": {"weights", "average"}, "average": {"average"}}[kind]
    (run / "high-9.npz.0").write_bytes(b"the first piece of one that was not finished")
    assert checkpoint.load(run, "high")[0]["updates"] == 3


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


def precision(packed, run):
    x = torch.ones(1, 16, 4, 4)
    for words, expected in ((["--float32"], torch.float32), ([], torch.bfloat16)):
        sys.argv = ["train.py", "--packs", packed, "--run", run, "--steps", "1", "--channels", "16", "32",
                    "--blocks", "1", "1", "--side", "32", "--parts", "all", *words]
        trainer = train.Trainer(train.arguments())
        with trainer.autocast():
            assert trainer.parts[0].net.enter[0][0].conv1.conv(x).dtype == expected, words


def same(a, b):
    for part in ("high", "low"):
        (notes, tensors), (others, other_tensors) = checkpoint.load(a, part), checkpoint.load(b, part)
        assert "momentum" in tensors and notes["updates"] == others["updates"] and notes["micro"] == others["micro"]
        equal(tensors, other_tensors, part)


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


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
