#!/usr/bin/env python3
"""Write a model file: the averaged weights of a run in integers, and the tables that the codec predicts bits
with.

  export.py RUN OUT.ddm --packs PACK...

RUN is a folder of train.py with checkpoints of the parts "high" and "low", or of "all". Give the packs that the
network was trained on: ranges and second moments of the activations are taken from the training split, all
measurements from the held-out one. What the integers cost against the float network is printed and
written to OUT.txt.

--plan FILE overrides the plan, a JSON object with any of
  "levels": {"7": [-32, 0, 16, 32], ...}   noise levels to visit, by label
  "fixed": [5, 6, 7]                       labels whose steps and lifts have the plan's own rates
  "rates": {"7": [0.1, ...], ...}          bits per coordinate, in place of measured ones
  "lift_rates": {"5": 0.2, ...}            the same for lifts
  "efficiency": 0.9                        measured rates are KL bits over this
"""

import argparse
import json
import math
import os
import pathlib
import struct
import subprocess
import zlib

import numpy as np
import torch

import batches
import checkpoint
import quantise
import reference
import store
from measure import BITS_PER_NAT, float_denoiser, halve, integer_denoiser, lift_density, mean_error
from net import LABELS, LIFT
from quantise import EMBED_FIRST, EMBED_STEP, sigma_of

RATE_FIRST, RATE_STEP, RATE_NODES = -160, 16, 24
LEVEL_LIFT = 32
PLAN = {
    "levels": {"1": [8, 16, 24, 32], "2": list(range(4, 33, 4)), "3": list(range(4, 33, 4)), "4": [8, 16, 24, 32],
               "5": [16, 32], "6": [16, 32], "7": [-32, 0, 16, 32]},
    "fixed": [5, 6, 7], "rates": {}, "lift_rates": {}, "efficiency": 0.9,
}


# ---- Tables -------------------------------------------------------------------------------------


def held_out_pictures(pictures, label, share=1.0):
    """(N, 3, H, W) pictures of a label, the same at every call; None if there are none."""
    count = 12 if label < 3 else 64 if label < 5 else 256
    return batches.fixed(pictures, label, max(2, round(count * share)))


def noise_like(x, *name):
    return batches.normal(x.shape, x.device, *name)


def rate_table(denoise, pictures):
    """float [label][node]: mean |x_0 - xhat_0|^2 / sigma^2, constant outside a label's range. A label without
    pictures has the numbers of the one before it."""
    table = np.zeros((LABELS, RATE_NODES))
    for label in range(LABELS):
        low, high = batches.sigma_range(label)
        x = held_out_pictures(pictures, label)
        if x is None:
            table[label] = table[label - 1]
            continue
        eps = noise_like(x, "rates", label)
        nodes = [i for i in range(RATE_NODES) if 0.95 * low <= sigma_of(RATE_FIRST + i * RATE_STEP) <= 1.05 * high]
        measured = [mean_error(denoise, x, sigma_of(RATE_FIRST + i * RATE_STEP), label, eps) for i in nodes]
        table[label] = np.interp(np.arange(RATE_NODES), nodes, measured)
    return table


def lift_table(denoise, pictures):
    """{label: (dhat 0, dhat of the clean coarse picture, dhat of its estimate)}: mean
    |d - dhat|^2 / sigma^2 of the lift to a scale of that label."""
    table = {}
    for label in range(LABELS - 1):
        x = held_out_pictures(pictures, label)
        if x is None:
            continue
        coarse = halve(x)
        estimate = denoise(coarse + LIFT * noise_like(coarse, "lifts", label), LIFT, label + 1)
        table[label] = lift_density(x), lift_density(x, coarse), lift_density(x, estimate)
    return table


def first_density(pictures):
    """(mean colour in [-1, 1], mean square distance from it) of the coarsest scale."""
    x = batches.fixed(pictures, LABELS - 1, 2048, "first")
    mean = x.mean((0, 2, 3))
    return mean, float((x - mean[None, :, None, None]).square().mean())


def step_nats(rates, spread, label, level_from, level_to):
    """Mean KL per coordinate of a step of the plan; level_from None: from nothing."""
    if level_from is None:
        return spread / (2 * sigma_of(level_to) ** 2)
    node = (level_from - RATE_FIRST) / RATE_STEP
    density = np.interp(node, np.arange(RATE_NODES), rates[label])
    return (2 ** ((level_to - level_from) / 16) - 1) / 2 * density


def make_plan(settings, rates, lifts, spread):
    """({label: [(level, rate_q16)]}, lift_rate_q16)"""
    def q16(bits):
        return min(max(1, round(bits * 65536)), 65536)

    plan, lift_rate = {}, [0] * LABELS
    for label in range(1, LABELS):
        name = str(label)
        before = None if label == LABELS - 1 else 0
        plan[label] = []
        for i, level in enumerate(settings["levels"][name]):
            bits = step_nats(rates, spread, label, before, level) * BITS_PER_NAT / settings["efficiency"]
            if name in settings["rates"]:
                bits = settings["rates"][name][i]
            plan[label].append((level, q16(bits) if label in settings["fixed"] else 0))
            before = level
        if before != LEVEL_LIFT:
            raise ValueError(f"the plan of label {label} must end at level {LEVEL_LIFT}")
        if label in settings["fixed"] and label in lifts:
            bits = lifts[label][2] / 2 * BITS_PER_NAT / settings["efficiency"]
            lift_rate[label] = q16(settings["lift_rates"].get(name, bits))
    return plan, lift_rate


# ---- The file -----------------------------------------------------------------------------------


def record(tag, *parts):
    payload = b"".join(p if isinstance(p, bytes) else np.asarray(p).tobytes() for p in parts)
    return struct.pack("<4sI", tag.encode(), len(payload)) + payload + bytes(-len(payload) % 8)


def integers(*values, kind="<i4"):
    return np.asarray(values, np.int64).astype(kind)


def layer_record(layer, number):
    little = {"scale": "<u4", "bias_base": "<i4", "bias_weight": "<i4", "gain_base": "<i2", "gain_weight": "<i2",
              "weight": "i1"}
    name = (f"{number}:" * (number > 0) + layer.name).encode()
    assert len(name) < 24
    return record("LAYR", name.ljust(24, b"\0"), integers(layer.taps, layer.cin, layer.cout, layer.shift),
                  *(getattr(layer, field).astype(kind) for field, kind in little.items()))


def body_of(model):
    """The file's contents before compression, from a reference.Model."""
    levels = len(model.channels)
    plan = [struct.pack("<I", len(steps)) + b"".join(struct.pack("<iI", *s) for s in steps)
            for _, steps in sorted(model.plan.items())]
    return b"".join([
        record("ARCH", integers(levels, model.embedding, len(model.networks),
                                *(n.first_level for n in model.networks[1:]), *model.channels, *model.blocks)),
        record("EMBT", integers(model.embed_first, model.embed_step, model.networks[0].embed.shape[1], 0),
               *(n.embed.astype("<i2") for n in model.networks)),
        record("PLAN", integers(*model.mean), *plan, integers(*model.lift_rate, kind="<u4")),
        record("RATE", integers(model.rate_first, model.rate_step, model.rate.shape[1], 0),
               model.rate.astype("<u4"), integers(*model.lift_density, kind="<u4")),
        record("PROV", model.provenance.encode()),
        *(layer_record(layer, i) for i, n in enumerate(model.networks) for layer in n.layers.values())])


def write(path, model):
    """Write a model file; returns its identity."""
    body = body_of(model)
    packed = subprocess.run(["zstd", "-19", "--no-check", "-q", "-c", f"--stream-size={len(body)}"], input=body,
                            stdout=subprocess.PIPE, check=True).stdout
    identity = zlib.crc32(body)
    part = str(path) + ".part"
    with open(part, "wb") as f:
        f.write(struct.pack("<8sIIQ", reference.MAGIC, reference.VERSION, identity, len(body)) + packed)
    os.replace(part, path)
    return identity


def load_network(source, part="all"):
    """The Denoiser of a part of the noise, from a model file's integers or a run's averaged weights; one network for all
    noise serves as either part."""
    if not str(source).endswith(".ddm"):
        found = checkpoint.network(source, part) or checkpoint.network(source, "all")
        if not found:
            raise ValueError(f"{source}: no checkpoint of the part {part} there")
        return found[0]
    model = reference.read(source)
    net, residual = quantise.dequantise(model, len(model.networks) - 1 if part == "low" else 0)
    print(f"{source}: embedding fitted to its table with an rms error of {residual:.2e}", flush=True)
    return net


def load_run(run):
    """([Denoiser], [notes]) of a run's parts "high" and "low", or of "all"."""
    for parts in (("high", "low"), ("all",)):
        found = [checkpoint.network(run, part) for part in parts]
        if all(found):
            return zip(*found)
    raise ValueError(f"{run}: no checkpoints of the parts high and low there, nor of all")


# ---- Report -------------------------------------------------------------------------------------


def quantisation_cost(nets, model, pictures, share=0.5):
    """Yield (label, sigma, float error, integer error), each mean |x_0 - xhat_0|^2 / sigma^2 with
    the same noise; the levels lie between the nodes of the embedding's table."""
    flt, integer = float_denoiser(*nets), integer_denoiser(model)
    for label in range(LABELS):
        low, high = batches.sigma_range(label)
        x = held_out_pictures(pictures, label, share)
        if x is None:
            continue
        for level in (range(3, 196, 32) if label == 0 else range(-125, 28, 32) if label == LABELS - 1 else (3, 29)):
            sigma = sigma_of(level)
            if low <= sigma <= high:
                eps = noise_like(x, "cost", label, level)
                yield label, sigma, mean_error(flt, x, sigma, label, eps), mean_error(integer, x, sigma, label, eps)


def report(nets, model, pictures, lifts, proofs, say):
    say("lift, mean |d - dhat|^2 / sigma^2 by label: dhat 0, of the clean coarse picture, of its estimate")
    for label, row in lifts.items():
        say(f"  {label}: " + " ".join(f"{v:.5f}" for v in row))
    say("mean |x_0 - xhat_0|^2 / sigma^2: label, sigma, float, integer, integer is more by")
    worst, ratios = -math.inf, []
    for label, sigma, before, after in quantisation_cost(nets, model, pictures):
        say(f"  {label} {sigma:8.4f} {before:.5f} {after:.5f} {100 * (after / before - 1):+.3f} %")
        worst = max(worst, after / before - 1)
        if label == 0:
            ratios.append(after / before - 1)
    say(f"quantisation cost: label 0 mean {100 * np.mean(ratios):+.3f} %, worst of all {100 * worst:+.3f} %")
    sums, rescaled = (max(p[i] for p in proofs) for i in (0, 1))
    say(f"largest sum needs {sums:.2f} bits of 31, largest rescaled value {rescaled:.2f} bits of 63")


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run")
    p.add_argument("out")
    p.add_argument("--packs", nargs="+", required=True, metavar="PACK", help="as to train.py")
    p.add_argument("--plan", help="JSON file that overrides parts of the plan")
    p.add_argument("--note", default="", help="a line for the provenance: data, licence, author")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--no-report", action="store_true", help="do not measure the cost of quantisation")
    return p.parse_args()


def provenance(args, notes, nets, scales):
    parameters = sum(v.numel() for net in nets for v in net.parameters())
    updates = " and ".join(str(each["updates"]) for each in notes)
    lines = [f"trained by {updates} updates; {parameters / 1e6:.2f} M parameters, "
             f"{nets[0].macs_per_pixel() / 1e3:.0f} k multiply-adds a pixel"]
    return "\n".join(lines + [args.note] * bool(args.note) + [quantise.scales_line(s) for s in scales])


def quantise_all(nets, pictures):
    """([reference.Network], [activation scales], [proof of each layer])"""
    networks, scales, proofs = [], [], []
    for i, net in enumerate(nets):
        part = "all" if len(nets) == 1 else "low" if i else "high"
        layers, embed, units = quantise.quantise(net, quantise.calibrate(net, pictures, part))
        networks.append(reference.Network(batches.BORDER_LEVEL if i else None, embed, layers))
        scales.append(units)
        proofs += [quantise.prove(layer, embed) for layer in layers.values()]
    return networks, scales, proofs


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    settings = dict(PLAN)
    if args.plan:
        for key, value in json.loads(pathlib.Path(args.plan).read_text()).items():
            if key not in settings:
                raise SystemExit(f"{args.plan}: unknown key {key}")
            settings[key] = {**settings[key], **value} if isinstance(value, dict) else value
    nets, notes = map(list, load_run(args.run))
    net = nets[0]
    if any(other.arch != net.arch for other in nets):
        raise SystemExit("the two networks have different shapes")
    if any(c % 16 for c in net.arch.channels):
        raise SystemExit("the C network takes multiples of 16 channels only")
    train, valid = store.load(args.packs, torch.device("cpu"))
    networks, scales, proofs = quantise_all(nets, train)
    denoise = float_denoiser(*nets)
    rates, lifts = rate_table(denoise, valid), lift_table(denoise, valid)
    mean, spread = first_density(train)
    plan, lift_rate = make_plan(settings, rates, lifts, spread)
    density = [round(lifts[label][2] * 65536) if label in lifts else 0 for label in range(LABELS)]
    model = reference.Model(
        net.arch.channels, net.arch.blocks, net.arch.embedding, EMBED_FIRST, EMBED_STEP,
        tuple(round(float(m) * reference.ONE) for m in mean), plan, tuple(lift_rate), RATE_FIRST, RATE_STEP,
        np.rint(rates * 65536).astype(np.uint32), tuple(density),
        provenance(args, notes, nets, scales), networks)
    identity = write(args.out, model)
    text = []

    def say(line):
        print(line, flush=True)
        text.append(line)

    say(f"{args.out}: id {identity:08x}, {os.path.getsize(args.out)} bytes, from {args.run}, "
        + " and ".join(f"{each['part']} after {each['updates']} updates" for each in notes))
    if not args.no_report:
        report(nets, reference.read(args.out), valid, lifts, proofs, say)
    pathlib.Path(args.out).with_suffix(".txt").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
