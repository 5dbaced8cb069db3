"""One network in training: its weights, batches, updates, and what a checkpoint keeps of it."""

import collections
import contextlib
import sys

import torch
import torch.distributed as dist

import batches
import checkpoint
from draws import Draws
from loss import rate_loss
from net import LABELS, Denoiser
from optimiser import Flat, Optimiser

AHEAD = 8  # updates that the host may be ahead of a GPU


class Graphs:
    """Calls of a function whose work on a GPU depends on nothing but the arguments: what the first call with some
    arguments did, the second one records as a CUDA graph, and from then on it is replayed."""

    def __init__(self, function, enabled, say):
        self.function, self.enabled, self.say = function, enabled, say
        self.graphs, self.pool = {}, None

    def __call__(self, *key):
        if not self.enabled or key not in self.graphs:
            self.function(*key)
            self.graphs[key] = None
        elif self.graphs[key] is None:
            self.record(key)
        else:
            self.graphs[key].replay()

    def record(self, key):
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self.pool, stream=torch.cuda.current_stream()):
                self.function(*key)
        except RuntimeError as error:
            self.enabled = False
            self.say(f"no graphs from here on: {error}")
            self.function(*key)
            return
        self.pool = graph.pool()
        self.graphs[key] = graph
        graph.replay()


class Part:
    """One network and all that trains it.

    micro, updates    batches and updates so far, those of earlier runs included
    warmed            updates since the moments were 0
    counter           `micro` on the device
    losses            (LABELS, 2): sums of losses and their count, by label, since they were last read
    """

    def __init__(self, name, trainer, arch):
        args, device = trainer.args, trainer.device
        self.name, self.trainer, self.arch = name, trainer, arch
        torch.manual_seed(args.seed)
        self.net = Denoiser(arch)
        self.flat = Flat(self.net, device)
        self.optimiser = Optimiser(self.flat, args.weight_decay, torch.float32 if args.float32 else torch.bfloat16)
        self.micro = self.updates = self.warmed = 0
        self.resumed = False
        self.counter = torch.zeros((), dtype=torch.int64, device=device)
        self.share = torch.ones((), device=device)  # of a batch in the gradient of an update
        self.losses = torch.zeros(LABELS, 2, device=device)
        self.arithmetic = 0  # multiply-adds since the last report
        self.stream = torch.cuda.Stream() if device.type == "cuda" else None
        graphs = trainer.graphs and not args.eager
        self.compute = Graphs(self.gradient, graphs, trainer.say)
        self.apply = Graphs(self.optimiser.step, graphs, trainer.say)
        self.pending = collections.deque()

    def restore(self, notes, tensors):
        """Go on from a checkpoint."""
        exact = "momentum" in tensors
        tensors.setdefault("weights", tensors["average"])
        for name, tensor in self.optimiser.tensors().items():
            if name in tensors:
                tensor.copy_(tensors[name])
        self.micro, self.updates = notes["micro"], notes["updates"]
        self.warmed, self.resumed = (notes["warmed"], notes["resumed"]) if exact else (0, True)
        self.counter.fill_(self.micro)

    def begin(self, weights):
        """Start from the weights of another network, {name: tensor}."""
        self.net.load_state_dict(weights)
        self.optimiser.average.copy_(self.flat.data)
        self.resumed = True

    def gradient(self, variant):
        """Add a batch's gradient."""
        args = self.trainer.args
        numbers = Draws(f"{args.seed} {self.name}", self.trainer.rank, self.counter)
        batch = batches.batch(self.trainer.train, variant, numbers, self.name)
        loss = rate_loss(self.net, batch, args.emphasis, self.trainer.autocast())
        (loss * self.share).backward()
        self.losses[variant.label, 0] += loss.detach()
        self.losses[variant.label, 1] += 1
        self.counter += 1

    def update(self, plan, progress):
        """One update of the weights."""
        args = self.trainer.args
        with torch.cuda.stream(self.stream) if self.stream else contextlib.nullcontext():
            count = plan.accumulate(progress)
            self.share.fill_(1 / count / self.trainer.world)
            for _ in range(count):
                variant = batches.variant_of(self.trainer.train, args.seed, self.micro, self.name, self.trainer.batch)
                self.compute(variant)
                self.micro += 1
                self.arithmetic += self.cost(variant)
            if self.trainer.world > 1:
                dist.all_reduce(self.flat.grad)
            self.optimiser.rate.fill_(args.lr * plan.rate(progress, args.decay, self.warmed, self.resumed))
            self.optimiser.decay.fill_(plan.decay(self.updates))
            self.apply()
            self.updates += 1
            self.warmed += 1
            self.hold_back()

    def cost(self, variant):
        """Multiply-adds of a batch, forwards and twice as many backwards."""
        pixels = variant.canvas[0] * variant.canvas[1]
        first = max(1, variant.count // 4)
        return 3 * pixels * (variant.count * self.net.macs_per_pixel() + first * self.net.update_macs_per_pixel())

    def hold_back(self):
        """Wait for the device where the host is far ahead of it; the device waits for nothing."""
        if self.stream:
            event = torch.cuda.Event()
            event.record()
            self.pending.append(event)
            if len(self.pending) > AHEAD:
                self.pending.popleft().synchronize()

    def read_losses(self):
        """{label: mean loss} since the last call."""
        sums = self.losses.cpu().clone()
        self.losses.zero_()
        return {label: float(total / count) for label, (total, count) in enumerate(sums) if count}

    @contextlib.contextmanager
    def averaged(self):
        """The network with its averaged weights, for the time of the block."""
        self.flat.swap(self.optimiser.average)
        try:
            yield self.net
        finally:
            self.flat.swap(self.optimiser.average)

    def save(self, progress):
        notes = dict(part=self.name, updates=self.updates, micro=self.micro, warmed=self.warmed, resumed=self.resumed,
                     progress=progress, arch=[self.arch.channels, self.arch.blocks, self.arch.embedding],
                     command=" ".join(sys.argv))
        checkpoint.save(self.trainer.run, self.name, self.updates, self.optimiser.tensors(), notes,
                        self.trainer.args.checkpoint)
