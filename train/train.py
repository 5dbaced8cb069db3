#!/usr/bin/env python3
"""Train the denoiser.

  train.py --sharp DIR --soft DIR --thumbs TAR --run runs/a --hours 3
  torchrun --nproc_per_node 8 train.py ...     the same on several GPUs

The loss is the rate: mean of |x_0 - xhat_0|^2 / sigma^2 with ln sigma uniform is, in this
parameterisation, both the variational bound (nats per unit of ln sigma, I-MMSE) and L_simple
of Ho et al. 2020 (eq. 14). Held-out nats per sample are printed per scale label and octave.

Writes RUN/last.pt every few minutes (`--resume` goes on from it, step for step the same
numbers when the budget is given in steps), RUN/plateau.pt when the learning rate begins to
fall, and RUN/log.txt.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import sys
import time

import numpy as np
import torch
import torch.distributed as dist

import data
from muon import Muon
from net import LABELS, LIFT, Arch, Denoiser, step_scale


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--sharp", nargs="*", default=[], help="folders or tars of good pictures")
    p.add_argument("--soft", nargs="*", default=[], help="... of damaged ones, used downscaled")
    p.add_argument("--thumbs", nargs="*", default=[], help="... of small whole pictures")
    p.add_argument("--run", required=True, help="folder for checkpoints and the log")
    p.add_argument("--resume", action="store_true", help="go on from RUN/last.pt if it exists")
    p.add_argument("--init", help="start from the weights of a .ddm model or a checkpoint")
    budget = p.add_mutually_exclusive_group(required=True)
    budget.add_argument("--steps", type=int)
    budget.add_argument("--hours", type=float)
    p.add_argument("--batch", type=int, default=16, help="crops per step and process")
    p.add_argument("--side", type=int, default=96, help="side of a crop in pixels")
    p.add_argument("--channels", type=int, nargs="+", default=Arch.channels)
    p.add_argument("--blocks", type=int, nargs="+", default=Arch.blocks)
    p.add_argument("--optimiser", choices=("adamw", "muon"), default="muon")
    p.add_argument("--lr", type=float, default=1.2e-3)
    p.add_argument("--warmup", type=int, default=300, help="steps")
    p.add_argument("--decay", type=float, default=0.25, help="share of the budget in which the rate falls to 0")
    p.add_argument("--weight-decay", type=float, default=0.01)
    p.add_argument("--emphasis", type=float, default=0.5,
                   help="weigh the loss by sigma to this power: 0: all bits alike, 0.5: those of small files more")
    p.add_argument("--part", choices=("all", "loud", "quiet"), default="all",
                   help="train a network for all noise, or one of two that share the work at full size")
    p.add_argument("--ema", type=float, default=0.999)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--float32", action="store_true",
                   help="the network in float32; some processors are slower in bfloat16")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--validate", type=int, default=1000, help="steps between two validations")
    p.add_argument("--checkpoint-minutes", type=float, default=4)
    return p.parse_args()


def rate_loss(net, x, sigma, label, eps, r, emphasis, autocast):
    """Mean of |x_0 - xhat_0|^2 / sigma^2, weighed by sigma to the power `emphasis`. The last len(r) pictures are
    the first ones, a step of r on: from their estimates the first ones' updates learn, a loss that is
    added in the same units."""
    n = len(r)
    noise, _ = step_scale(sigma[:n], r)
    x, sigma = torch.cat([x[:-n], x[:n]]), torch.cat([sigma[:-n], sigma[:n] * r])
    s, r2 = sigma[:, None, None, None], (r * r)[:, None, None, None]
    y = x + s * eps
    y[-n:] = r2 * y[:n] + (1 - r2) * x[:n] + noise * eps[-n:]
    with autocast:
        estimate, moved = net(y, sigma, label, (x[:n], eps[-n:], r))
    weight = (s / LIFT) ** emphasis
    missed = (estimate[-n:] - estimate[:n]).detach() - noise * moved.float()
    return (((x - estimate) / s).square() * weight).mean() + ((missed / s[-n:]).square() * weight[-n:]).mean()


class Trainer:
    def __init__(self, args):
        self.args = args
        self.world = int(os.environ.get("WORLD_SIZE", 1))
        self.rank = int(os.environ.get("RANK", 0))
        local = int(os.environ.get("LOCAL_RANK", 0))
        self.device = torch.device(f"cuda:{local}" if torch.cuda.is_available() else "cpu")
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        if self.world > 1:
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        if args.threads:
            torch.set_num_threads(args.threads)
        self.run = pathlib.Path(args.run)
        self.run.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(args.seed)
        self.net = Denoiser(Arch(tuple(args.channels), tuple(args.blocks))).to(self.device)
        self.net.to(memory_format=torch.channels_last)
        self.ema = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        decayed = [p for p in self.net.parameters() if p.ndim == 4]
        others = [p for p in self.net.parameters() if p.ndim != 4]
        betas = (0.9, 0.98)
        if args.optimiser == "muon":
            self.optimisers = [Muon(decayed, args.lr, weight_decay=args.weight_decay),
                               torch.optim.AdamW(others, args.lr, betas, weight_decay=0.0)]
        else:
            self.optimisers = [torch.optim.AdamW(decayed, args.lr, betas, weight_decay=args.weight_decay),
                               torch.optim.AdamW(others, args.lr, betas, weight_decay=0.0)]
        self.step, self.spent, self.decaying = 0, 0.0, False
        self.restore()
        self.wrapped = self.net
        if self.world > 1:
            ids = [local] if self.device.type == "cuda" else None
            self.wrapped = torch.nn.parallel.DistributedDataParallel(self.net, device_ids=ids)
        self.pictures = data.Pictures(args.sharp, args.soft, args.thumbs, log=self.say)

    def say(self, text):
        if self.rank == 0:
            print(text, flush=True)
            with open(self.run / "log.txt", "a") as f:
                f.write(text + "\n")

    def restore(self):
        last = self.run / "last.pt"
        if self.args.resume and last.exists():
            state = torch.load(last, map_location=self.device)
            self.net.load_state_dict(state["net"])
            self.ema = state["ema"]
            for optimiser, saved in zip(self.optimisers, state["optimisers"]):
                optimiser.load_state_dict(saved)
            self.step, self.spent, self.decaying = state["step"], state["spent"], state["decaying"]
            self.say(f"resumed at step {self.step}, {self.spent / 3600:.2f} h")
        elif self.args.init:
            from export import load_weights
            weights = load_weights(self.args.init, self.args.part)
            self.net.load_state_dict(weights)
            self.ema = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
            self.say(f"weights from {self.args.init}")

    def save(self, name):
        if self.rank:
            return
        state = dict(net=self.net.state_dict(), ema=self.ema, optimisers=[o.state_dict() for o in self.optimisers],
                     step=self.step, spent=self.spent, decaying=self.decaying,
                     arch=[self.net.arch.channels, self.net.arch.blocks, self.net.arch.embedding],
                     command=" ".join(sys.argv))
        part = self.run / (name + ".part")
        torch.save(state, part)
        os.replace(part, self.run / name)

    def progress(self):
        """Share of the budget that is spent, 0 to 1."""
        if self.args.steps:
            return self.step / self.args.steps
        share = torch.tensor(self.spent / (self.args.hours * 3600))
        if self.world > 1:  # all processes must stop together
            share = share.to(self.device)
            dist.broadcast(share, 0)
        return float(share)

    def rate(self, progress):
        warm = min(1.0, (self.step + 1) / self.args.warmup)
        fall = 1.0 if self.args.decay <= 0 else min(1.0, max(0.0, (1 - progress) / self.args.decay))
        return self.args.lr * warm * fall

    def train_step(self):
        x, sigma, label, eps = data.batch(self.pictures.train, self.args.seed, self.step, self.rank,
                                          self.args.batch, self.args.side, self.args.part)
        r = data.ratios(self.args.seed, self.step, self.rank, max(1, len(x) // 4))
        x, sigma, label, eps, r = (t.to(self.device, non_blocking=True) for t in (x, sigma, label, eps, r))
        loss = rate_loss(self.wrapped, x, sigma, label, eps, r, self.args.emphasis, self.autocast())
        self.net.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        if torch.isfinite(norm):
            for optimiser in self.optimisers:
                optimiser.step()
        decay = min(self.args.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for key, value in self.net.state_dict().items():
                self.ema[key].lerp_(value, 1 - decay)
        return int(label[0]), float(loss)

    def autocast(self):
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=not self.args.float32)

    @contextlib.contextmanager
    def averaged(self):
        """The network with its averaged weights, for the time of the block."""
        kept = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.ema)
        self.net.eval()
        try:
            yield self.net
        finally:
            self.net.load_state_dict(kept)
            self.net.train()

    def validate(self):
        with self.averaged() as net, torch.no_grad(), self.autocast():
            table = validate(net, self.pictures.valid, self.device, self.args.part)
        for label, row in table.items():
            self.say(f"  valid {label}: " + " ".join(f"{s:.4g}:{error:.4f}" for s, (error, _) in row.items()))
            self.say(f"  update {label}: " + " ".join(f"{s:.4g}:{share:.3f}" for s, (_, share) in row.items()))
        full = [error for error, _ in table.get(0, {}).values()]
        self.say(f"valid step {self.step} hours {self.spent / 3600:.3f} full-size mean "
                 f"{sum(full) / max(1, len(full)):.4f}")

    def loop(self):
        args = self.args
        arch = self.net.arch
        params = sum(p.numel() for p in self.net.parameters())
        self.say(f"channels {arch.channels} blocks {arch.blocks}: {params / 1e6:.2f} M parameters, "
                 f"{self.net.macs_per_pixel() / 1e3:.0f} k multiply-adds a pixel; {' '.join(sys.argv)}")
        losses = {k: [] for k in range(LABELS)}
        saved = reported = time.time()
        since = self.step
        while (progress := self.progress()) < 1:
            begin = time.time()
            if not self.decaying and progress >= 1 - args.decay:
                self.decaying = True
                self.save("plateau.pt")
            for optimiser in self.optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = self.rate(progress)
            label, loss = self.train_step()
            losses[label].append(loss)
            self.step += 1
            self.spent += time.time() - begin
            if self.step % 100 == 0:
                pace = (time.time() - reported) / (self.step - since)
                left = (args.steps - self.step) * pace if args.steps else args.hours * 3600 - self.spent
                means = " ".join(f"{k}:{np.mean(v):.4f}" for k, v in losses.items() if v)
                self.say(f"step {self.step} {pace:.3f} s/step, {left / 60:.0f} min left, "
                         f"lr {self.rate(progress):.2e}, loss {means}")
                losses = {k: [] for k in range(LABELS)}
                reported, since = time.time(), self.step
            if self.step % args.validate == 0:
                self.validate()
                reported = time.time()
            if time.time() - saved > args.checkpoint_minutes * 60:
                self.save("last.pt")
                saved = time.time()
        self.save("last.pt")
        self.validate()


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


def validate(net, split, device, part="all", per_octave=1, crops=12, seed=12345):
    """{label: {sigma: held_out_errors}} on held-out pictures."""
    table = {}
    for label in range(LABELS):
        if label < 3 and not split.pyramids or label >= 3 and not (split.pyramids or len(split.thumbs)):
            continue
        for sigma in data.grid(label, per_octave, part):
            rng = np.random.default_rng([seed, label])
            x = data.draw(split, rng, label, crops if label < 3 else 64 if label < 5 else 256, 128 if label < 2 else 80)
            eps, fresh = (torch.from_numpy(rng.standard_normal(tuple(x.shape), np.float32)) for _ in range(2))
            x, eps, fresh = x.to(device), eps.to(device), fresh.to(device)
            table.setdefault(label, {})[sigma] = held_out_errors(net, x, eps, fresh, sigma, label)
    return table


def main():
    trainer = Trainer(arguments())
    trainer.loop()
    if trainer.world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
