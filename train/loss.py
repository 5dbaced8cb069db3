"""The training loss, and the same error on held-out pictures."""

import torch

import batches
from net import LABELS, LIFT, step_scale


def rate_loss(net, batch, emphasis, autocast):
    """Mean of |x_0 - xhat_0|^2 / sigma^2 over the samples of a batch, weighed by sigma to the power `emphasis`. The
    last len(r) pictures are the first ones, a step of r on: from their estimates the first ones' updates
    learn, a loss that is added in the same units."""
    n = len(batch.r)
    noise, _ = step_scale(batch.sigma[:n], batch.r)
    sigma = torch.cat([batch.sigma[:-n], batch.sigma[:n] * batch.r])
    x, inside = (torch.cat([t[:-n], t[:n]]) for t in (batch.x, batch.inside))
    s, r2 = sigma[:, None, None, None], (batch.r * batch.r)[:, None, None, None]
    y = x + s * batch.eps
    after = r2 * y[:n] + (1 - r2) * x[:n] + noise * batch.eps[-n:]
    y = torch.cat([y[:-n], after])
    with autocast:
        estimate, moved = net(y, sigma, batch.label, (x[:n], batch.eps[-n:], batch.r), inside)
    weight = (s / LIFT) ** emphasis * inside
    missed = (estimate[-n:] - estimate[:n]).detach() - noise * moved.float()
    return (mean_inside(((x - estimate) / s).square() * weight, inside)
            + mean_inside((missed / s[-n:]).square() * weight[-n:], inside[-n:]))


def mean_inside(values, inside):
    """Mean of (N, 3, H, W) values, which are 0 where `inside` (N, 1, H, W) is."""
    return values.sum() / (inside.sum() * values.shape[1])


def held_out_errors(net, x, eps, fresh, sigma, label, ratio=2 ** (-1 / 8)):
    """(mean |x_0 - xhat_0|^2 / sigma^2: nats per sample and unit of ln sigma; the share of the change of xhat_0
    over a step of `ratio` that the update finds) for noise eps and then `fresh`."""
    s, r = (torch.full((x.shape[0],), v, device=x.device) for v in (sigma, ratio))
    label = torch.full((x.shape[0],), label, device=x.device)
    y, (noise, _) = x + sigma * eps, step_scale(s, r)
    estimate, moved = net(y, s, label, (x, fresh, r))
    change = net(ratio**2 * y + (1 - ratio**2) * x + noise * fresh, s * r, label) - estimate
    missed = change - noise * moved
    return float(((x - estimate) / sigma).square().mean()), 1 - float(missed.square().sum() / change.square().sum())


def held_out_table(net, pictures, part="all", per_octave=1):
    """{label: {sigma: held_out_errors}} on held-out pictures, a store.Store."""
    table = {}
    for label in range(LABELS):
        for sigma in batches.grid(label, per_octave, part):
            x = batches.fixed(pictures, label, batches.picture_count(label, 12))
            if x is None:
                break
            eps, fresh = (batches.normal(x.shape, x.device, label, name) for name in ("eps", "fresh"))
            table.setdefault(label, {})[sigma] = held_out_errors(net, x, eps, fresh, sigma, label)
    return table
