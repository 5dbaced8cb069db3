"""Muon for convolution weights (Jordan et al. 2024): momentum, then the nearest
semi-orthogonal matrix by a Newton-Schulz iteration, so that all directions of a weight learn
at one speed. Scaled to AdamW's step size (Liu et al. 2025), so one learning rate serves both."""

import torch


def orthogonal(g, iterations=5):
    """Approximately U V^T of g = U S V^T, for a matrix of any shape."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16()
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.t()
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        s = x @ x.t()
        x = a * x + (b * s + c * s @ s) @ x
    return (x.t() if tall else x).to(g.dtype)


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                g = p.grad.lerp(state["momentum"], group["momentum"])
                flat = g.reshape(g.shape[0], -1)
                update = orthogonal(flat).reshape(p.shape)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * 0.2 * max(flat.shape) ** 0.5)
