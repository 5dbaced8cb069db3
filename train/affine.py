"""What follows a convolution: a gain and a bias for each picture and channel, and then a gate or an addition.

Each is one function forwards and one backwards, written by hand: the derivative of a chain of small
operations would store what it can compute, and pass over memory many times. `fuse` compiles them; a
network of 3x3 convolutions on a GPU waits for memory first.

y is (N, C, H, W), gain and bias are (N, C) in float32. The backward functions return the derivatives by y, gain and
bias.
"""

import torch


def broadcast(value, like):
    return value[:, :, None, None].to(like.dtype)


def affine_forward(y, gain, bias):
    return torch.addcmul(broadcast(bias, y), y, broadcast(gain, y))


def affine_backward(grad, y, gain):
    return ((grad * broadcast(gain, y)).to(y.dtype), (grad * y).sum((2, 3), dtype=torch.float32),
            grad.sum((2, 3), dtype=torch.float32))


def residual_forward(x, y, gain, bias):
    return x + torch.addcmul(broadcast(bias, y), y, broadcast(gain, y))


def gated_forward(y, gain, bias):
    a, b = torch.addcmul(broadcast(bias, y), y, broadcast(gain, y)).chunk(2, 1)
    return a * (b + 0.5).clamp(0, 1)


def gated_backward(grad, y, gain, bias):
    a, b = torch.addcmul(broadcast(bias, y), y, broadcast(gain, y)).chunk(2, 1)
    opening = b + 0.5
    moving = (opening > 0) & (opening < 1)
    through = torch.cat([grad * opening.clamp(0, 1), grad * a * moving], 1)
    return affine_backward(through, y, gain)


functions = {f.__name__: f for f in (affine_forward, affine_backward, residual_forward, gated_forward, gated_backward)}


def fuse():
    """Compile the functions for this process, where PyTorch can (from 2.0 on); shapes may vary from call to call."""
    if not hasattr(torch, "compile"):
        return
    for name, function in functions.items():
        functions[name] = torch.compile(function, dynamic=True)


class Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y, gain, bias):
        ctx.save_for_backward(y, gain)
        return functions["affine_forward"](y, gain, bias)

    @staticmethod
    def backward(ctx, grad):
        return functions["affine_backward"](grad, *ctx.saved_tensors)


class Residual(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y, gain, bias):
        ctx.save_for_backward(y, gain)
        return functions["residual_forward"](x, y, gain, bias)

    @staticmethod
    def backward(ctx, grad):
        return grad, *functions["affine_backward"](grad, *ctx.saved_tensors)


class Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y, gain, bias):
        ctx.save_for_backward(y, gain, bias)
        return functions["gated_forward"](y, gain, bias)

    @staticmethod
    def backward(ctx, grad):
        return functions["gated_backward"](grad, *ctx.saved_tensors)


def affine(y, gain, bias):
    """y gain + bias"""
    return Affine.apply(y, gain, bias) if torch.is_grad_enabled() else functions["affine_forward"](y, gain, bias)


def residual(x, y, gain, bias):
    """x + (y gain + bias)"""
    arguments = x, y, gain, bias
    return Residual.apply(*arguments) if torch.is_grad_enabled() else functions["residual_forward"](*arguments)


def gated(y, gain, bias):
    """a clamp(b + 1/2, 0, 1), a and b the two halves of the channels of y gain + bias: a gated linear unit (Dauphin
    et al. 2017) whose sigmoid is piecewise linear, and so exact in integers."""
    return Gated.apply(y, gain, bias) if torch.is_grad_enabled() else functions["gated_forward"](y, gain, bias)
