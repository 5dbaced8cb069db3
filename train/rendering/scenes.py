"""Smooth pictures that stand in for photographs: landscapes, skies, solids in light, lights out of focus.

They are not for learning what photographs look like, but how pictures of that kind meet text and lines."""

import numpy as np

from .canvas import any_colour, between, chance, hsv, pick


def field(rng, h, w, slope=2.0):
    """(h, w) fractal noise of mean 0 and variance 1, whose amplitude falls with frequency to the power -slope."""
    fy, fx = np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1
    spectrum = rng.standard_normal((h, w // 2 + 1, 2)) @ (1, 1j) * frequency**-slope
    spectrum[0, 0] = 0
    values = np.fft.irfft2(spectrum, (h, w))
    return values / (values.std() + 1e-12)


def _step(x):
    """0 to 1 smoothly while x goes from 0 to 1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _mix(under, colour, share):
    """(h, w, 3) `under` with `share` (h, w) of a colour (3,) or picture over it."""
    return under + (np.asarray(colour, float) - under) * share[..., None]


def _sky(rng, h, w):
    hue = rng.uniform(0.5, 0.68)
    top = hsv(hue, rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.9))
    low = hsv(rng.uniform(0, 0.15), rng.uniform(0, 0.6), rng.uniform(0.7, 1))
    height = np.linspace(0, 1, h)[:, None] ** rng.uniform(0.6, 1.6)
    picture = _mix(np.broadcast_to(np.array(top, float), (h, w, 3)), low, np.broadcast_to(height, (h, w)))
    clouds = field(rng, h, w, 1.7)
    return _mix(picture, hsv(0, 0, rng.uniform(0.7, 1)),
                _step(clouds * 0.6 + rng.uniform(-0.6, 0.4)) * rng.uniform(0.2, 0.9))


def landscape(rng, h, w):
    picture = _sky(rng, h, w)
    haze = picture[h * 2 // 3].mean(0)
    y = np.arange(h)[:, None]
    ridges, hue = between(rng, 2, 5), rng.uniform(0.08, 0.6)
    for i in range(ridges):
        near = (i + 1) / ridges
        edge = h * (0.35 + 0.5 * near) + field(rng, 1, w, rng.uniform(1, 1.6))[0] * h * 0.06
        light = field(rng, h, w, 1.3) * 0.16 + field(rng, h, w, 0.7) * 0.08 * near
        colour = np.array(hsv(hue + rng.uniform(-0.06, 0.06), rng.uniform(0.2, 0.7), rng.uniform(0.25, 0.6)), float)
        ground = np.clip(colour * (1 + light[..., None]), 0, 255)
        ground = _mix(ground, haze, np.full((h, w), 0.8 * (1 - near)))
        picture = _mix(picture, ground, np.clip(y - edge[None], 0, 1))
    return picture


def _texture(rng, h, w):
    """Stone, wood or cloth."""
    slope = rng.uniform(0.8, 1.8)
    rough = field(rng, h, w, slope)
    if chance(rng, 0.4):
        y = np.arange(h)[:, None]
        rough = np.sin((y + 12 * field(rng, h, w, 2.2)) * rng.uniform(0.1, 0.6)) + 0.4 * field(rng, h, w, 0.8)
    base, other = (np.array(any_colour(rng), float) for _ in range(2))
    return _mix(np.broadcast_to(base, (h, w, 3)), other, np.clip(0.5 + rough * rng.uniform(0.08, 0.3), 0, 1))


def _solids(rng, h, w):
    """Balls on a table, lit from one side."""
    y, x = np.mgrid[:h, :w].astype(float)
    wall = np.array(hsv(rng.random(), rng.uniform(0, 0.4), rng.uniform(0.3, 0.9)), float)
    table = np.array(hsv(rng.random(), rng.uniform(0, 0.6), rng.uniform(0.3, 0.9)), float)
    fall = 1 - 0.5 * np.hypot(x / w - rng.random(), y / h - rng.random())
    edge = h * rng.uniform(0.4, 0.7)
    picture = _mix(np.broadcast_to(wall, (h, w, 3)), table, _step((y - edge) / 3 + 0.5)) * fall[..., None]
    angle = rng.uniform(0, 2 * np.pi)
    light = np.array([np.cos(angle) * 0.6, -0.5, 0.62])
    for _ in range(between(rng, 2, 6)):
        r = min(h, w) * rng.uniform(0.06, 0.25)
        cx, cy = rng.uniform(0, w), min(h, edge + rng.uniform(0, h * 0.3))
        shadow = np.hypot((x - cx + light[0] * r) / 1.4, (y - cy - r * 0.8) * 3) / r
        picture = picture * (1 - 0.6 * _step(1.4 - shadow))[..., None]
        u, v = (x - cx) / r, (y - cy) / r
        z = np.sqrt(np.clip(1 - u * u - v * v, 0, None))
        shade = np.clip(u * light[0] + v * light[1] + z * light[2], 0, 1)
        ball = np.array(hsv(rng.random(), rng.uniform(0.2, 0.9), 0.9), float) * (0.15 + 0.85 * shade)[..., None]
        ball += 255 * (shade ** between(rng, 10, 60))[..., None] * rng.uniform(0, 0.8)
        picture = _mix(picture, ball, np.clip(r - np.hypot(x - cx, y - cy) + 0.5, 0, 1))
    return picture


def _lights(rng, h, w):
    """Lights out of focus before a dark ground."""
    y, x = np.mgrid[:h, :w].astype(float)
    picture = np.zeros((h, w, 3)) + np.array(hsv(rng.random(), 0.6, 0.2), float)
    picture = picture * (1 + 0.4 * field(rng, h, w, 2)[..., None])
    for _ in range(between(rng, 15, 50)):
        r, cx, cy = min(h, w) * rng.uniform(0.02, 0.12), rng.uniform(0, w), rng.uniform(0, h)
        picture += np.array(hsv(rng.normal(0.1, 0.15), 0.6, rng.uniform(0.1, 0.6)), float) * \
            _step((r - np.hypot(x - cx, y - cy)) / rng.uniform(1, 6))[..., None]
    return picture


def photograph(rng, h, w):
    """(h, w, 3) floats, 0 to 255, of one of these kinds, with some grain."""
    make = pick(rng, (landscape, landscape, landscape, _sky, _texture, _solids, _solids, _lights))
    picture = make(rng, h, w)
    if chance(rng, 0.5):
        picture = picture + rng.normal(0, rng.uniform(0.5, 5), (h, w, 1))
    return np.clip(picture, 0, 255)
