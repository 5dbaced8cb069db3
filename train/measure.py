#!/usr/bin/env python3
"""What a denoiser is worth to the codec, without running the codec.

  measure.py MODEL PICTURES... [--rendered PICTURES...]

MODEL is a model file or the folder of a run; PICTURES are folders, tar files, or packs, of which the sharp ones are
taken, and the rendered ones for --rendered.

Walks each picture's pyramid as the codec does and measures |x_0 - xhat_0|^2 / sigma^2 at every
scale and noise level. Its integral over ln sigma is the rate of the chain with infinitely many
steps and an ideal channel (I-MMSE): `bpp` is that integral from the highest noise down to sigma, all
coarser scales and lifts included, and `PSNR` is that of the estimate there. Two networks are
compared by the bpp at 30, 35 and 40 dB. A codec's losses (finite steps, the channel code) come
on top and depend on the network but little.

With --rendered, pictures that render.py drew are measured beside the photographs, and a table has both, the
rendered ones also by kind (the name up to the number). A flat picture has no error at all, so in a
mean no picture's PSNR counts as more than 60 dB: there it is all but exact once rounded. Where kinds differ that much,
bpp and error at a noise level say more than bpp at a PSNR.
"""

import argparse
import math
import tarfile

import numpy as np
import torch

import checkpoint
import pack
import reference
from batches import BORDER
from net import COARSEST, LIFT, scale_label
from quantise import sigma_of

LIFTED = sigma_of(0)  # noise of a scale right after the lift to it
BITS_PER_NAT = 1 / math.log(2)
MOST_PSNR = 60.0  # that a picture adds to a mean


# ---- Denoisers: functions of y (N, 3, H, W), sigma, label ---------------------------------------


def float_denoiser(net, low=None, device="cpu"):
    """`low`: the network of the part "low", if `net` is of the part "high". y and the estimate lie on the CPU, the
    networks on `device`."""
    nets = [each and each.to(device) for each in (net, low)]

    @torch.no_grad()
    def denoise(y, sigma, label):
        n = y.shape[0]
        part = nets[1] if low and label == 0 and sigma < BORDER * 1.001 else nets[0]
        s, labels = torch.full((n,), float(sigma), device=device), torch.full((n,), label, device=device)
        return part(y.to(device), s, labels).clamp(-1, 1).to(y.device)

    return denoise


def integer_denoiser(model):
    def denoise(y, sigma, label):
        fixed = np.rint(y.permute(0, 2, 3, 1).numpy().astype(np.float64) * reference.ONE).astype(np.int32)
        estimate = reference.denoise(model, fixed, round(sigma * reference.ONE * 256), label)
        return torch.from_numpy(estimate.astype(np.float32) / reference.ONE).permute(0, 3, 1, 2)

    return denoise


def load_denoiser(path, device="cpu"):
    """Of a model file's integers, or of a run's averaged weights."""
    if str(path).endswith(".ddm"):
        return integer_denoiser(reference.read(path))
    for parts in (("high", "low"), ("all",)):
        found = [checkpoint.network(path, part) for part in parts]
        if all(found):
            return float_denoiser(*(net for net, _ in found), device=device)
    raise ValueError(f"{path}: neither a model file nor a run with checkpoints")


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
    while max(scales[-1].shape[2:]) > COARSEST:
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
            estimate = denoise(coarse + LIFT * noise(rng, coarse), LIFT,
                               scale_label(k + 1, max(coarse.shape[2:])))
            nats += lift_density(x, estimate) / 2 * 9 * coarse.shape[2] * coarse.shape[3]
        octaves = round(math.log2(top / LIFT)) if k else 6
        curve, before = [], None
        for i in range(octaves * per_octave + 1):
            sigma = top * 2 ** (-i / per_octave)
            label = 0 if k == 0 and sigma < 0.99 * LIFT else scale_label(k, longer)
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


def walk(denoise, pictures, per_octave=2, seed=1):
    """picture_curve of each picture."""
    return [picture_curve(denoise, picture, np.random.default_rng([seed, i]), per_octave)
            for i, picture in enumerate(pictures)]


def psnr(error):
    """dB of a squared error of x_0 (-1 to 1), at most MOST_PSNR."""
    return min(MOST_PSNR, 10 * math.log10(4 / max(error, 1e-9)))


def average(walks):
    """(mean curve [(sigma, bpp, dB)], {label: {sigma: mean error / sigma^2}}) of what `walk` returns."""
    table = {}
    for _, errors in walks:
        for (label, sigma), error in errors.items():
            table.setdefault(label, {}).setdefault(sigma, []).append(error)
    mean = [(points[0][0], float(np.mean([p[1] for p in points])), float(np.mean([psnr(p[2]) for p in points])))
            for points in zip(*(curve for curve, _ in walks))]
    return mean, {label: {s: float(np.mean(v)) for s, v in sorted(row.items())} for label, row in sorted(table.items())}


def measure(denoise, pictures, per_octave=2, seed=1):
    """`average` of the pictures' walks."""
    return average(walk(denoise, pictures, per_octave, seed))


# ---- Reports ------------------------------------------------------------------------------------


def load_pictures(sources, of_packs, held_out, count, crop):
    """[(name, uint8 picture)]: at most `count` of the sources' pictures, evenly chosen; of packs those of one kind."""
    found = [(name, image) for source in sources for name, image in pack.pictures(source, of_packs)
             if not held_out or pack.held_out(name)]
    chosen = [found[i] for i in np.unique(np.linspace(0, len(found) - 1, count).round().astype(int))] if found else []
    pictures = [(name, np.array(image.convert("RGB"))) for name, image in chosen]
    return [(name, centre(picture, crop)) for name, picture in pictures] if crop else pictures


def kind(name):
    """The kind of a picture that render.py drew, from its name KIND-NUMBER.png."""
    return name.rpartition("-")[0] or "other"


def report(title, walks):
    curve, table = average(walks)
    print(title)
    print("mean |x_0 - xhat_0|^2 / sigma^2, by label:")
    for label, row in table.items():
        print(f"  {label}: " + " ".join(f"{sigma:.4g}:{error:.4f}" for sigma, error in row.items()))
    print("   sigma  grey levels     bpp   PSNR")
    for sigma, bpp, db in curve:
        print(f"{sigma:8.4f} {sigma * 127.5:12.2f} {bpp:7.4f} {db:6.2f}")
    print("ideal bpp at " + ", ".join(f"{db} dB: {at_psnr(curve, db):.4f}" for db in (28, 30, 32, 35, 40)))


def compare(rows, per_octave):
    """A table of {title: walks}: ideal bpp at some PSNRs; bpp, and mean error over sigma^2, at some noise levels."""
    wanted, places = (28, 30, 32, 35, 40), [2 * per_octave, 4 * per_octave, 6 * per_octave]
    sigmas = [LIFTED * 2 ** (-place / per_octave) for place in places]
    print(f"\n{'':24} ideal bpp at{'':31} bpp at sigma{'':12} error / sigma^2")
    print(f"{'':24}" + "".join(f"{db:6} dB" for db in wanted) + "".join(f"{s:8.4f}" for s in (*sigmas, *sigmas)))
    for title, walks in rows.items():
        curve, _ = average(walks)
        errors = [np.mean([points[at][2] for points, _ in walks]) / sigma**2 for at, sigma in zip(places, sigmas)]
        bpp = [at_psnr(curve, db) for db in wanted]
        print(f"{f'{title} ({len(walks)})':24}" + "".join(f"{'-' if math.isnan(v) else f'{v:.4f}':>9}" for v in bpp)
              + "".join(f"{v:8.4f}" for v in (*(curve[place][1] for place in places), *errors)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("pictures", nargs="+", help="photographs, best ones never trained on")
    p.add_argument("--rendered", nargs="+", metavar="PICTURES", help="pictures that render.py drew")
    p.add_argument("--held-out", action="store_true", help="only those that train.py would hold out")
    p.add_argument("--count", type=int, default=24, help="at most so many, and as many rendered ones, evenly chosen")
    p.add_argument("--crop", type=int, default=256, help="side of the middle part to use; 0: all")
    p.add_argument("--per-octave", type=int, default=2, help="noise levels")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--device", default="cpu", help="where a run's networks are computed: cpu, cuda; default: cpu")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    sets, rows = {}, {}
    for title, of_packs, sources in (("photographs", "sharp", args.pictures),
                                     ("rendered", "rendered", args.rendered or [])):
        try:
            sets[title] = load_pictures(sources, of_packs, args.held_out, args.count, args.crop)
        except (OSError, ValueError, tarfile.TarError) as error:
            p.error(str(error))
        if sources and not sets[title]:
            p.error(f"no {'held-out ' * args.held_out}pictures in {' '.join(sources)}")
    try:
        denoise = load_denoiser(args.model, args.device)
    except (OSError, ValueError) as error:
        p.error(str(error))
    for title, pictures in sets.items():
        if pictures:
            rows[title] = walk(denoise, [picture for _, picture in pictures], args.per_octave, args.seed)
            called = "pictures" if title == "photographs" else "rendered pictures"
            report(f"{args.model}: {len(pictures)} {called}, crop {args.crop or 'none'}", rows[title])
    if args.rendered:
        for (name, _), walked in zip(sets["rendered"], rows["rendered"]):
            rows.setdefault(f"  {kind(name)}", []).append(walked)
        compare(rows, args.per_octave)


if __name__ == "__main__":
    main()
