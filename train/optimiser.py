"""All weights of a network in one tensor, and what trains them: Muon for convolutions, AdamW for the rest, and an
average of the weights.

Muon (Jordan et al. 2024): momentum, then the nearest semi-orthogonal matrix by a Newton-Schulz iteration, so that
all directions of a weight learn at one speed; scaled to AdamW's step size (Liu et al. 2025), so that one learning
rate serves both. Filters of one shape lie side by side, so all of them are one batch of matrices; every other
operation is one for the whole network. Nothing is asked of the device, so a CUDA graph can hold a step.
"""

import math

import torch

MOMENTUM = 0.95  # of Muon
BETAS, EPSILON = (0.9, 0.98), 1e-8  # of AdamW
CLIP = 1.0  # largest norm of the gradient
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the iteration


def orthogonal(g, kind=torch.bfloat16, iterations=5):
    """Approximately U V^T of each g = U S V^T, (N, rows, columns), computed in the type `kind`."""
    a, b, c = COEFFICIENTS
    x = g.to(kind)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(iterations):
        s = x @ x.transpose(1, 2)
        x = a * x + (b * s + c * s @ s) @ x
    return (x.transpose(1, 2) if tall else x).to(g.dtype)


def as_matrix(weight):
    """A convolution's weight (cout, cin, kh, kw) as (cout, kh kw cin), the order in which memory has it."""
    return weight.permute(0, 2, 3, 1).reshape(weight.shape[0], -1)


class Flat:
    """The parameters of a network as parts of one tensor, their gradients of another.

    data, grad    float32, (count,); the network's parameters become views of `data`. Convolutions come first, by shape,
                  in channels-last order
    groups        [(first, end, matrices, rows, columns)] of `data`, a group for each shape of a convolution
    filters       where the convolutions end
    """

    def __init__(self, net, device):
        filters = [p for p in net.parameters() if p.ndim == 4]
        filters.sort(key=lambda p: tuple(as_matrix(p).shape))
        others = [p for p in net.parameters() if p.ndim != 4]
        parts = [as_matrix(p.detach()).reshape(-1) for p in filters] + [p.detach().reshape(-1) for p in others]
        self.data = torch.cat(parts).float().to(device)
        self.grad = torch.zeros_like(self.data)
        self.groups, at = [], 0
        for p in filters + others:
            end = at + p.numel()
            if p.ndim == 4:
                rows, columns = as_matrix(p).shape
                if self.groups and self.groups[-1][3:] == (rows, columns):
                    first, _, matrices, _, _ = self.groups.pop()
                else:
                    first, matrices = at, 0
                self.groups.append((first, end, matrices + 1, rows, columns))
            p.data, p.grad = (self.view(tensor[at:end], p.shape) for tensor in (self.data, self.grad))
            at = end
        self.filters = self.groups[-1][1]
        net.to(device)

    @staticmethod
    def view(part, shape):
        if len(shape) != 4:
            return part.view(shape)
        cout, cin, high, wide = shape
        return part.view(cout, high, wide, cin).permute(0, 3, 1, 2)

    def swap(self, values):
        """Exchange the weights with another tensor's."""
        kept = self.data.clone()
        self.data.copy_(values)
        values.copy_(kept)


class Optimiser:
    """Trains a Flat.

    kind           type that Muon computes in
    rate, decay    tensors on the device: the learning rate; the share of the average that stays at each step
    average        of the weights, (count,)
    """

    def __init__(self, flat, weight_decay, kind=torch.bfloat16):
        self.flat, self.weight_decay, self.kind = flat, weight_decay, kind
        others = flat.data[flat.filters:]
        self.momentum = torch.zeros_like(flat.data[:flat.filters])
        self.mean, self.square = torch.zeros_like(others), torch.zeros_like(others)
        self.average = flat.data.clone()
        self.rate, self.decay, self.steps = (torch.zeros((), device=flat.data.device) for _ in range(3))

    def tensors(self):
        """What a run that goes on exactly has to keep, by name."""
        return dict(weights=self.flat.data, average=self.average, momentum=self.momentum, mean=self.mean,
                    square=self.square, steps=self.steps)

    @torch.no_grad()
    def step(self):
        """One step by the gradients in flat.grad, which are 0 afterwards. A gradient that is no number changes
        nothing but the momentum."""
        norm = self.flat.grad.norm()
        scale = (CLIP / (norm + 1e-6)).clamp(max=1)
        grad = torch.where(torch.isfinite(norm), self.flat.grad * scale, torch.zeros_like(self.flat.grad))
        self.steps += 1
        self.muon(grad[:self.flat.filters])
        self.adamw(grad[self.flat.filters:])
        self.average.lerp_(self.flat.data, 1 - self.decay)
        self.flat.grad.zero_()

    def muon(self, grad):
        self.momentum.lerp_(grad, 1 - MOMENTUM)
        grad = grad.lerp(self.momentum, MOMENTUM)
        weights = self.flat.data[:self.flat.filters]
        weights.mul_(1 - self.rate * self.weight_decay)
        for first, end, matrices, rows, columns in self.flat.groups:
            update = orthogonal(grad[first:end].view(matrices, rows, columns), self.kind).reshape(-1)
            weights[first:end].addcmul_(update, -self.rate * (0.2 * math.sqrt(max(rows, columns))))

    def adamw(self, grad):
        first, second = BETAS
        self.mean.lerp_(grad, 1 - first)
        self.square.lerp_(grad.square(), 1 - second)
        mean = self.mean / (1 - first**self.steps)
        root = (self.square / (1 - second**self.steps)).sqrt()
        self.flat.data[self.flat.filters:].sub_(self.rate * mean / (root + EPSILON))
