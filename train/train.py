#!/usr/bin/env python3
"""Train the denoiser.

  train.py --packs packs/*.zip --run runs/a --minutes 180
  train.py --packs packs/*.zip --run runs/a --minutes 8 --until 0.5; train.py ... --minutes 8 --resume
  torchrun --nproc_per_node 8 train.py ...     the same on several GPUs

Two networks share the work at full size: "high" is for high noise and for all coarser scales, "low" for low noise;
both train side by side. The loss is the rate: mean of |x_0 - xhat_0|^2 / sigma^2 with ln sigma uniform is, in
this parameterisation, both the variational bound (nats per unit of ln sigma, I-MMSE) and L_simple of Ho et al.
2020 (eq. 14).

The pictures (pack.py makes the packs) lie on the device, and all that is random is drawn there: a GPU computes
and waits for nothing. A batch is a function of the seed and the step, the same on a CPU and on a GPU. The run
measures its own speed and plans its schedule for the time that it has. Every minute it writes a checkpoint
(checkpoint.py), from which it goes on with --resume, here or on another machine. RUN/log.txt is the log,
RUN/validation.csv has the held-out errors.
"""

import argparse
import csv
import os
import pathlib
import sys
import time

import torch
import torch.distributed as dist

import affine
import checkpoint
import store
from batches import PARTS
from draws import Draws
from loss import held_out_table
from net import Arch
from part import Part
from schedule import ASSUMED, Clock, Plan

AGREE = 16  # updates between two agreements of several processes about the time
PER_BATCH = {"cuda": 64, "cpu": 8}  # crops; a GPU needs many at a time, a CPU learns most from many small steps


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--packs", nargs="+", required=True, metavar="PACK", help="files that pack.py made")
    p.add_argument("--run", required=True, help="folder for checkpoints and the log")
    p.add_argument("--resume", action="store_true", help="go on from RUN's checkpoints, if there are any")
    p.add_argument("--init", metavar="FROM", help="start from the weights of a .ddm model or of another run's folder")
    budget = p.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="time that this command has")
    budget.add_argument("--steps", type=int, help="updates of each network, earlier ones included")
    p.add_argument("--until", type=float, default=1.0, metavar="SHARE",
                   help="share of the whole schedule that is done when the minutes are over; default: 1, all of it")
    p.add_argument("--parts", nargs="+", choices=PARTS, default=["high", "low"],
                   help="networks to train; \"all\" is one for all noise; default: high low")
    p.add_argument("--batch", type=int, help=f"crops per process and batch; default: {PER_BATCH}")
    p.add_argument("--side", type=int, default=96, help="side of a crop in pixels, a multiple of 8")
    p.add_argument("--channels", type=int, nargs="+", default=Arch.channels)
    p.add_argument("--blocks", type=int, nargs="+", default=Arch.blocks)
    p.add_argument("--lr", type=float, default=1.6e-3)
    p.add_argument("--decay", type=float, default=0.5, help="share of the schedule in which the rate falls to 0")
    p.add_argument("--growth", type=int, choices=(1, 2, 4), help="of the batches; default: as the time allows")
    p.add_argument("--weight-decay", type=float, default=0.01)
    p.add_argument("--emphasis", type=float, default=0.5,
                   help="weigh the loss by sigma to this power: 0: all bits alike, 0.5: those of small files more")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--float32", action="store_true", help="compute in float32; some processors are slower in bfloat16")
    p.add_argument("--eager", action="store_true", help="on a GPU: compile nothing, and record no graphs")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--log-seconds", type=float, default=30)
    p.add_argument("--validate-minutes", type=float, default=0, help="between validations; default: only in the end")
    p.add_argument("--checkpoint-minutes", type=float, default=1)
    p.add_argument("--checkpoint", choices=checkpoint.KINDS, default="half", help="what a checkpoint keeps")
    args = p.parse_args()
    if args.side % 8 or args.side < 16:
        p.error("--side must be a multiple of 8, 16 at least")
    if not 0 < args.until <= 1:
        p.error("--until must be above 0 and at most 1")
    return args


class Trainer:
    def __init__(self, args):
        self.args = args
        self.world = int(os.environ.get("WORLD_SIZE", 1))
        self.rank = int(os.environ.get("RANK", 0))
        local = int(os.environ.get("LOCAL_RANK", 0))
        self.graphs = torch.cuda.is_available()
        self.device = torch.device(f"cuda:{local}" if self.graphs else "cpu")
        if self.graphs:
            torch.cuda.set_device(self.device)
            if not args.eager:
                affine.fuse()
        if self.world > 1:
            dist.init_process_group("nccl" if self.graphs else "gloo")
        if args.threads:
            torch.set_num_threads(args.threads)
        self.batch = args.batch or PER_BATCH[self.device.type]
        self.run = pathlib.Path(args.run)
        self.run.mkdir(parents=True, exist_ok=True)
        self.train, self.valid = store.load(args.packs, self.device, args.side, self.say)
        self.begun_at = 0.0  # progress that earlier runs made
        self.parts = [self.part(name) for name in dict.fromkeys(args.parts)]
        Draws.quantiles_on(self.device)
        self.wait()  # each part has a stream of its own

    def say(self, text):
        if self.rank == 0:
            print(text, flush=True)
            with open(self.run / "log.txt", "a", encoding="utf-8") as f:
                f.write(text + "\n")

    def part(self, name):
        """A Part as the arguments want it to begin."""
        args = self.args
        arch, found, weights = Arch(tuple(args.channels), tuple(args.blocks)), None, None
        if args.resume:
            found = checkpoint.load(self.run, name)
        if found:
            arch = checkpoint.arch_of(found[0])
        elif args.init:
            from export import load_network
            source = load_network(args.init, name)
            arch, weights = source.arch, source.state_dict()
        part = Part(name, self, arch)
        if found:
            part.restore(*found)
            self.begun_at = found[0]["progress"]
            self.say(f"{name}: resumed at {part.updates} updates, {self.begun_at:.1%} of the schedule")
        elif weights:
            part.begin(weights)
            self.say(f"{name}: weights from {args.init}")
        count = part.flat.data.numel()
        self.say(f"{name}: channels {arch.channels} blocks {arch.blocks}: {count / 1e6:.2f} M parameters, "
                 f"{part.net.macs_per_pixel() / 1e3:.0f} k multiply-adds a pixel")
        return part

    def autocast(self):
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=not self.args.float32)

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def agreed(self, *values):
        """The first process's values, for all of them: clocks differ."""
        if self.world > 1:
            shared = torch.tensor(values, dtype=torch.float64, device=self.device)
            dist.broadcast(shared, 0)
            return shared.tolist()
        return values

    def validate(self, minutes):
        """Say, and add to RUN/validation.csv, the errors of the averaged weights on held-out pictures."""
        self.wait()
        for part in self.parts:
            with part.averaged() as net, torch.no_grad(), self.autocast():
                table = held_out_table(net, self.valid, part.name)
            rows = [dict(part=part.name, updates=part.updates, minutes=f"{minutes:.2f}", label=label,
                         sigma=f"{sigma:.5g}", error=f"{error:.5f}", update_share=f"{found:.4f}")
                    for label, row in table.items() for sigma, (error, found) in row.items()]
            for label, row in table.items():
                self.say(f"  {part.name} held out, label {label}: "
                         + " ".join(f"{s:.4g}:{error:.4f}" for s, (error, _) in row.items())
                         + "; updates find " + " ".join(f"{found:.3f}" for _, found in row.values()))
            full = [error for error, _ in table.get(0, {}).values()]
            self.say(f"{part.name} held out at {part.updates} updates: mean at full size "
                     f"{sum(full) / max(1, len(full)):.4f}")
            if self.rank == 0 and rows:
                append_csv(self.run / "validation.csv", rows)
        self.wait()

    def report(self, progress, rate, seconds, updates):
        """Say what went on in the last `seconds`, in which each part made so many `updates`."""
        arithmetic = sum(part.arithmetic for part in self.parts) * self.world
        for part in self.parts:
            losses = " ".join(f"{label}:{loss:.4f}" for label, loss in part.read_losses().items())
            self.say(f"{part.name}: {part.updates} updates, loss {losses}")
            part.arithmetic = 0
        self.say(f"{progress:.1%} of the schedule, {seconds / max(1, updates):.3f} s a round, "
                 f"{2e-12 * arithmetic / seconds:.2f} TFLOP/s, rate {rate:.2e}")

    def save(self, progress):
        self.wait()
        if self.rank == 0:
            for part in self.parts:
                part.save(progress)

    def loop(self):
        args, begun = self.args, time.monotonic()
        clock = Clock(args.minutes, args.until, args.steps, self.begun_at)
        saved = reported = validated = begun
        at_report, progress = self.parts[0].updates, self.begun_at
        plan = Plan.of(args.steps or ASSUMED, args.growth)
        self.say(" ".join(sys.argv))
        rounds = 0
        while True:
            done = self.parts[0].updates
            if args.steps is not None:
                progress = clock.progress(done)
            elif rounds % AGREE == 0 or self.world == 1:
                progress, updates = self.agreed(clock.progress(done), clock.updates(done, rounds))
                if updates:
                    plan = Plan.of(updates, args.growth)
                    self.say(f"plan: {plan}, {self.batch * self.world} crops each")
            if clock.over(progress):
                break
            for part in self.parts:
                part.update(plan, progress)
            rounds += 1
            now = time.monotonic()
            if now - reported >= args.log_seconds:
                self.wait()
                rate = float(self.parts[0].optimiser.rate)
                self.report(progress, rate, now - reported, self.parts[0].updates - at_report)
                reported, at_report = time.monotonic(), self.parts[0].updates
            if now - saved >= args.checkpoint_minutes * 60:
                self.save(progress)
                saved = time.monotonic()
            if args.validate_minutes and now - validated >= args.validate_minutes * 60:
                self.validate((now - begun) / 60)
                validated = time.monotonic()
        self.save(progress)
        self.validate((time.monotonic() - begun) / 60)


def append_csv(path, rows):
    new = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, rows[0].keys(), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def main():
    args = arguments()
    try:
        trainer = Trainer(args)
    except (OSError, ValueError) as error:
        raise SystemExit(f"train.py: {error}") from error
    trainer.loop()
    if trainer.world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
