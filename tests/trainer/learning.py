"""What a step of training does: losses, the optimiser, the schedule"""
import contextlib
import math

import torch

import shared  # noqa: F401
import batches
import loss
import optimiser as training
import schedule as scheduling
from net import Arch, Denoiser


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
