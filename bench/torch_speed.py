#!/usr/bin/env python3
"""Speed of a model's network in PyTorch, as CSV: float32 and bfloat16, channels last, inference mode.

  torch_speed.py MODEL.ddm [--threads N ...] [--size WIDTH HEIGHT] [--repeats N]

Each type twice: as the trainer runs the network, and traced and frozen, so that weights are laid out
and gains and biases computed beforehand. The best of the repeats counts, in processor time for one
thread and in time for several, as in bench/kernels.c.
"""

import argparse
import math
import pathlib
import sys
import time
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "train"))

import torch

import reference
from net import Arch, Denoiser

SIGMA, LABEL = 0.1, 1  # neither has an influence on the time


class Body(torch.nn.Module):
    """What the library's net_forward computes: embedding, conditioning and F."""

    def __init__(self, net, dtype):
        super().__init__()
        self.net = net
        self.dtype = dtype
        self.register_buffer("sigma", torch.tensor([SIGMA]))
        self.register_buffer("label", torch.tensor([LABEL]))

    def forward(self, x):
        mixed = self.dtype == torch.bfloat16
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed, cache_enabled=False):
            return self.net.body(x, self.net.conditions(self.sigma, self.label))


def network(model):
    """The model's architecture with weights as at the start of training: values take no time."""
    torch.manual_seed(0)
    net = Denoiser(Arch(model.channels, model.blocks, model.embedding))
    return net.eval().to(memory_format=torch.channels_last)


def picture(width, height, multiple):
    """A batch of one, its sides padded to a multiple."""
    sides = (-(-side // multiple) * multiple for side in (height, width))
    return torch.randn(1, 3, *sides).contiguous(memory_format=torch.channels_last)


def traced(body, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(body, x, check_trace=False)))


def best_seconds(call, x, threads, repeats):
    clock = time.process_time if threads == 1 else time.perf_counter
    call(x)
    call(x)  # a traced function is compiled at its second call
    best = math.inf
    for _ in range(repeats):
        start = clock()
        call(x)
        best = min(best, clock() - start)
    return best


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--threads", type=int, nargs="+", default=[1])
    p.add_argument("--size", type=int, nargs=2, default=(768, 512), metavar=("WIDTH", "HEIGHT"))
    p.add_argument("--repeats", type=int, default=5)
    args = p.parse_args()
    try:
        net = network(reference.read(args.model))
    except (OSError, ValueError) as error:
        sys.exit(f"torch_speed.py: {args.model}: {error}")
    width, height = args.size
    x = picture(width, height, net.arch.multiple)
    gmac = net.macs_per_pixel() * width * height * 1e-9
    print("type,what,threads,gmac_per_s,milliseconds")
    for threads in args.threads:
        torch.set_num_threads(threads)
        for dtype in (torch.float32, torch.bfloat16):
            body = Body(net, dtype).eval()
            for how, make in (("", lambda body, x: body), (" traced", traced)):
                with torch.inference_mode():
                    seconds = best_seconds(make(body, x), x, threads, args.repeats)
                name = str(dtype).removeprefix("torch.")
                what = f"network {width} x {height}"
                print(f"{name}{how},{what},{threads},{gmac / seconds:.4g},{seconds * 1e3:.4g}", flush=True)


if __name__ == "__main__":
    main()
