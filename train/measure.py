#!/usr/bin/env python3
"""What a denoiser is worth to the codec, without running the codec.

  measure.py MODEL PICTURES...     MODEL: a checkpoint (.pt) or a model file (.ddm)

Walks each picture's pyramid as the codec does and measures |x_0 - xhat_0|^2 / sigma^2 at every
scale and noise level. Its integral over ln sigma is the rate of the chain with infinitely many
steps and an ideal channel (I-MMSE): `bpp` is that integral from the loud end down to sigma, all
coarser scales and lifts included, and `PSNR` is that of the estimate there. Two networks are
compared by the bpp at 30, 35 and 40 dB. A codec's losses (finite steps, the channel code) come
on top and depend on the network but little.
"""

import argparse
import math

import numpy as np
import torch

import data
import reference
from net import Arch, Denoiser, scale_label
from quantise import sigma_of

LIFTED = sigma_of(0)  # noise of a scale right after the lift to it
BITS_PER_NAT = 1 / math.log(2)


# ---- Denoisers: functions of y (N, 3, H, W), sigma, label ---------------------------------------


def float_denoiser(net, quiet=None):
    """`quiet`: the network of data.part_range's "quiet" part, if `net` is the "loud" one."""

    @torch.no_grad()
    def denoise(y, sigma, label):
        n = y.shape[0]
        part = quiet if quiet and label == 0 and sigma < data.BORDER * 1.001 else net
        return part(y, torch.full((n,), float(sigma)), torch.full((n,), label)).clamp(-1, 1)

    return denoise


def integer_denoiser(model):
    def denoise(y, sigma, label):
        fixed = np.rint(y.permute(0, 2, 3, 1).numpy().astype(np.float64) * reference.ONE).astype(np.int32)
        estimate = reference.denoise(model, fixed, round(sigma * reference.ONE * 256), label)
        return torch.from_numpy(estimate.astype(np.float32) / reference.ONE).permute(0, 3, 1, 2)

    return denoise


def load_checkpoint(path):
    """Network with the averaged weights of a checkpoint."""
    state = torch.load(path, map_location="cpu")
    channels, blocks, embedding = state["arch"]
    net = Denoiser(Arch(tuple(channels), tuple(blocks), embedding))
    net.load_state_dict(state["ema"])
    return net.eval(), state


def load_denoiser(path, quiet=None):
    if str(path).endswith(".ddm"):
        return integer_denoiser(reference.read(path))
    return float_denoiser(load_checkpoint(path)[0], load_checkpoint(quiet)[0] if quiet else None)


# ---- Errors -------------------------------------------------------------------------------------


def noise(rng, x):
    return torch.from_numpy(rng.standard_normal(tuple(x.shape), np.float32))


def mean_error(denoise, x, sigma, label, eps):
    """Mean |x_0 - xhat_0|^2 / sigma^2 per coordinate."""
    return float(((x - denoise(x + sigma * eps, sigma, label)).double() / sigma).square().mean())


def halve(x):
    """Box average by 2 of (N, 3, H, W); an odd side repeats its last row or column."""
    x = torch.nn.functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate")
    return torch.nn.functional.avg_pool2d(x, 2)


def details(x):
    """Orthonormal Haar details (N, 3, 3, h, w) of (N, 3, H, W): across, down, diagonal."""
    x = torch.nn.functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate")
    a, b, c, d = x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2], x[..., 1::2, 1::2]
    return torch.stack([(a - b + c - d) / 2, (a + b - c - d) / 2, (a - b - c + d) / 2], 1)


def predicted_details(coarse):
    """Details of the piecewise quadratic surface with these cell averages. Its half-cell averages
    differ by (c[i-1] - c[i+1]) / 4, and so does the orthonormal detail: half of the sum of two
    such differences."""
    p = torch.nn.functional.pad(coarse, (1, 1, 1, 1), mode="replicate")
    across = (p[..., 1:-1, :-2] - p[..., 1:-1, 2:]) / 4
    down = (p[..., :-2, 1:-1] - p[..., 2:, 1:-1]) / 4
    diagonal = (p[..., :-2, :-2] - p[..., :-2, 2:] - p[..., 2:, :-2] + p[..., 2:, 2:]) / 32
    return torch.stack([across, down, diagonal], 1)


def lift_density(x, coarse=None):
    """Mean |d - dhat|^2 / sigma^2 per detail coordinate of the lift to x, with dhat from the
    estimate `coarse` or 0."""
    d = details(x)
    return float(((d - predicted_details(coarse) if coarse is not None else d) / LIFTED).double().square().mean())


# ---- One picture through the pyramid ------------------------------------------------------------


def picture_curve(denoise, picture, rng, per_octave):
    """([(sigma, bpp, squared error)] of scale 0, {(label, sigma): error / sigma^2}) for one
    uint8 picture."""
    scales = [torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1]
    while max(scales[-1].shape[2:]) > data.COARSEST:
        scales.append(halve(scales[-1]))
    pixels = picture.shape[0] * picture.shape[1]
    table, nats = {}, 0.0
    for k in range(len(scales) - 1, -1, -1):
        x = scales[k]
        longer = max(x.shape[2:])
        top = LIFTED
        if k == len(scales) - 1:  # the first step, from nothing to one octave above
            top = 2 * LIFTED
            nats += float(x.square().sum()) / (2 * top**2)
        else:
            coarse = scales[k + 1]
            estimate = denoise(coarse + data.LIFT * noise(rng, coarse), data.LIFT,
                               scale_label(k + 1, max(coarse.shape[2:])))
            nats += lift_density(x, estimate) / 2 * 9 * coarse.shape[2] * coarse.shape[3]
        octaves = round(math.log2(top / data.LIFT)) if k else 6
        curve, before = [], None
        for i in range(octaves * per_octave + 1):
            sigma = top * 2 ** (-i / per_octave)
            label = 0 if k == 0 and sigma < 0.99 * data.LIFT else scale_label(k, longer)
            density = mean_error(denoise, x, sigma, label, noise(rng, x))
            table[label, sigma] = density
            if before is not None:
                nats += (before + density) / 2 * math.log(2) / per_octave * x.numel()
            before = density
            curve.append((sigma, nats * BITS_PER_NAT / pixels, density * sigma**2))
    return curve, table


def at_psnr(curve, psnr):
    """bpp of a mean curve [(sigma, bpp, dB)] at a PSNR, or NaN outside."""
    for (_, bpp0, db0), (_, bpp1, db1) in zip(curve, curve[1:]):
        if db0 <= psnr <= db1:
            return bpp0 + (bpp1 - bpp0) * (psnr - db0) / (db1 - db0)
    return math.nan


def centre(picture, side):
    top, left = (max(0, (n - side) // 2) for n in picture.shape[:2])
    return picture[top:top + side, left:left + side]


def measure(denoise, pictures, per_octave=2, seed=1):
    """(mean curve [(sigma, bpp, dB)], {label: {sigma: mean error / sigma^2}})"""
    curves, table = [], {}
    for i, picture in enumerate(pictures):
        curve, errors = picture_curve(denoise, picture, np.random.default_rng([seed, i]), per_octave)
        curves.append(curve)
        for (label, sigma), error in errors.items():
            table.setdefault(label, {}).setdefault(sigma, []).append(error)
    mean = [(points[0][0], float(np.mean([p[1] for p in points])),
             float(np.mean([10 * math.log10(4 / max(p[2], 1e-9)) for p in points]))) for points in zip(*curves)]
    return mean, {label: {s: float(np.mean(v)) for s, v in sorted(row.items())} for label, row in sorted(table.items())}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("pictures", nargs="+", help="folders or tar files of pictures, best ones never trained on")
    p.add_argument("--quiet", metavar="CHECKPOINT", help="of train.py --part quiet, if MODEL is of --part loud")
    p.add_argument("--held-out", action="store_true", help="only those that train.py would hold out")
    p.add_argument("--count", type=int, default=24, help="at most so many, evenly chosen")
    p.add_argument("--crop", type=int, default=256, help="side of the middle part to use; 0: all")
    p.add_argument("--per-octave", type=int, default=2, help="noise levels")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    found = [(name, image) for source in args.pictures for name, image in data.pictures(source)
             if not args.held_out or data.held_out(name)]
    if not found:
        p.error("no pictures")
    chosen = [found[i] for i in np.unique(np.linspace(0, len(found) - 1, args.count).round().astype(int))]
    pictures = [np.array(image.convert("RGB")) for _, image in chosen]
    if args.crop:
        pictures = [centre(picture, args.crop) for picture in pictures]
    curve, table = measure(load_denoiser(args.model, args.quiet), pictures, args.per_octave, args.seed)
    print(f"{args.model}: {len(pictures)} pictures, crop {args.crop or 'none'}")
    print("mean |x_0 - xhat_0|^2 / sigma^2, by label:")
    for label, row in table.items():
        print(f"  {label}: " + " ".join(f"{sigma:.4g}:{error:.4f}" for sigma, error in row.items()))
    print("   sigma  grey levels     bpp   PSNR")
    for sigma, bpp, psnr in curve:
        print(f"{sigma:8.4f} {sigma * 127.5:12.2f} {bpp:7.4f} {psnr:6.2f}")
    print("ideal bpp at " + ", ".join(f"{psnr} dB: {at_psnr(curve, psnr):.4f}" for psnr in (28, 30, 32, 35, 40)))


if __name__ == "__main__":
    main()
