"""Fixed point, random numbers, and derivatives that are written out"""
import math

import numpy as np
import torch

from shared import numbers
import affine
import draws
import reference


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
