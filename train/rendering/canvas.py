"""What all kinds of picture share: random choices, colours, themes, pens with smooth or hard edges,
and text in three qualities.

A box is (left, top, right, bottom) in pixels, right and bottom excluded. A colour is (r, g, b), 0 to 255.
"""

import colorsys
import contextlib
import dataclasses

import numpy as np
from PIL import Image, ImageDraw

QUALITIES = ("grey", "grey", "grey", "lcd", "mono")  # of text: anti-aliased, colour fringes, one bit


def pick(rng, choices):
    return choices[int(rng.integers(len(choices)))]


def between(rng, low, high):
    """A whole number from low to high, both included."""
    return int(rng.integers(low, high + 1))


def chance(rng, share):
    return rng.random() < share


def random_size(rng):
    """(width, height) from 384x256 to 768x768, each number alike."""
    return between(rng, 384, 768), between(rng, 256, 768)


# ---- Colours ------------------------------------------------------------------------------------


def hsv(hue, saturation, value):
    return tuple(round(255 * c) for c in colorsys.hsv_to_rgb(hue % 1, min(1, saturation), min(1, value)))


def vivid(rng):
    return hsv(rng.random(), rng.uniform(0.5, 1), rng.uniform(0.55, 1))


def any_colour(rng):
    return tuple(int(c) for c in rng.integers(0, 256, 3))


def blend(a, b, share):
    """`share` of b and the rest of a."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b))


def palette(rng, count):
    """Colours that go together: hues spread from a random one, of like strength."""
    first, spread = rng.random(), rng.uniform(0.3, 1)
    saturation, value = rng.uniform(0.35, 0.95), rng.uniform(0.6, 0.95)
    return [hsv(first + spread * i / count, saturation * rng.uniform(0.8, 1), value * rng.uniform(0.85, 1.05))
            for i in range(count)]


@dataclasses.dataclass(frozen=True)
class Theme:
    dark: bool
    ground: tuple  # behind everything
    panel: tuple   # bars and side panels
    field: tuple   # where text is entered or read
    line: tuple
    text: tuple
    muted: tuple   # text of less weight
    accent: tuple


def theme(rng):
    dark = chance(rng, 0.4)
    hue, tint = rng.random(), pick(rng, (0, 0, 0.02, 0.05, 0.12, 0.3))
    accent = vivid(rng)
    if dark:
        base = rng.uniform(0.02, 0.22)
        shades = (base, base + 0.05, max(0, base - 0.03), base + 0.18, rng.uniform(0.8, 1), 0.58)
    else:
        base = rng.uniform(0.86, 1)
        shades = (base, base - 0.06, 1, base - 0.2, rng.uniform(0, 0.25), 0.45)
    strengths = (tint, tint, tint / 2, tint, tint / 2, tint)
    return Theme(dark, *(hsv(hue, s, v) for s, v in zip(strengths, shades)), accent)


# ---- Pens ---------------------------------------------------------------------------------------


class Pen:
    """Shapes in pixels of a picture, on an image that shows the picture from `origin` on, `factor` times as large."""

    def __init__(self, image, origin=(0, 0), factor=1):
        self.draw, self.origin, self.factor = ImageDraw.Draw(image), origin, factor

    def _points(self, points):
        return [tuple((c - o) * self.factor for c, o in zip(point, self.origin)) for point in points]

    def _box(self, box):
        (left, top), (right, bottom) = self._points([box[:2], box[2:]])
        return [left, top, max(left, right - 1), max(top, bottom - 1)]

    def _width(self, width):
        return max(1, round(width * self.factor))

    def line(self, points, fill, width=1):
        self.draw.line(self._points(points), fill, self._width(width), joint="curve" if width > 1 else None)

    def polygon(self, points, fill=None, outline=None, width=1):
        points = self._points(points)
        if fill is not None:
            self.draw.polygon(points, fill)
        if outline is not None:
            self.draw.line([*points, points[0]], outline, self._width(width), joint="curve")

    def rectangle(self, box, fill=None, outline=None, width=1, radius=0):
        box, width = self._box(box), self._width(width)
        radius = min(radius * self.factor, (box[2] - box[0]) / 2, (box[3] - box[1]) / 2)
        if radius >= 1:
            self.draw.rounded_rectangle(box, radius, fill, outline, width)
        else:
            self.draw.rectangle(box, fill, outline, width)

    def ellipse(self, box, fill=None, outline=None, width=1):
        self.draw.ellipse(self._box(box), fill, outline, self._width(width))

    def disc(self, x, y, radius, fill=None, outline=None, width=1):
        self.ellipse((x - radius, y - radius, x + radius, y + radius), fill, outline, width)

    def slice(self, box, start, end, fill, outline=None, width=1):
        self.draw.pieslice(self._box(box), start, end, fill, outline, self._width(width))

    def arc(self, box, start, end, fill, width=1):
        self.draw.arc(self._box(box), start, end, fill, self._width(width))


class Sheet(Pen):
    """A picture that is being drawn. Its own pen has hard edges; `smooth` lends one with smooth edges."""

    def __init__(self, size, ground, quality="grey"):
        self.image = ground.copy() if isinstance(ground, Image.Image) else Image.new("RGB", size, ground)
        self.size, self.quality = size, quality
        super().__init__(self.image)
        self.draw.fontmode = "1" if quality == "mono" else "L"

    @contextlib.contextmanager
    def smooth(self, box=None, factor=4):
        """A pen for `box` (default: all) whose edges are smooth: it draws `factor` times as large."""
        left, top, right, bottom = (round(c) for c in box or (0, 0, *self.size))
        left, top, right, bottom = max(0, left), max(0, top), min(self.size[0], right), min(self.size[1], bottom)
        if left >= right or top >= bottom:
            yield Pen(Image.new("RGB", (1, 1)))
            return
        size = ((right - left) * factor, (bottom - top) * factor)
        large = self.image.crop((left, top, right, bottom)).resize(size, Image.NEAREST)
        yield Pen(large, (left, top), factor)
        self.image.paste(large.reduce(factor), (left, top))

    def edges(self, rng, box=None):
        """A smooth pen for four pictures of five, else the hard one."""
        return self.smooth(box) if chance(rng, 0.8) else contextlib.nullcontext(self)

    def text(self, at, string, face, fill, align="l"):
        """One line of text; `at` is the upper left corner, or with align "m" or "r" the upper middle or right one."""
        x, y = at
        if align != "l":
            x -= face.width(string) / (2 if align == "m" else 1)
        x, y = round(x), round(y)
        if self.quality == "lcd" and face.scalable:
            self._fringed(x, y, string, face, fill)
        else:
            self.draw.text((x, y), string, fill, face.font)

    def _fringed(self, x, y, string, face, fill):
        """Text three times as fine across, whose thirds go to red, green and blue."""
        large, margin = face.scaled(3), 2
        wide, high = int(face.width(string)) + 4 + 2 * margin, face.line + 4
        mask = Image.new("L", (3 * wide, 3 * high))
        ImageDraw.Draw(mask).text((3 * margin, 0), string, 255, large.font)
        cover = np.pad(np.asarray(mask.reduce((1, 3)), np.float32), ((0, 0), (2, 2)))
        cover = sum(weight * cover[:, i:i + 3 * wide] for i, weight in enumerate((1, 2, 3, 2, 1))) / (9 * 255)
        cover = cover.reshape(high, wide, 3)
        box = (x - margin, y, x - margin + wide, y + high)
        under = np.asarray(self.image.crop(box), np.float32)
        over = under + (np.array(fill, np.float32) - under) * cover
        self.image.paste(Image.fromarray(np.rint(over).astype(np.uint8)), box[:2])

    def paste(self, image, at):
        self.image.paste(image, (round(at[0]), round(at[1])))


def to_image(values):
    """(H, W, 3) or (H, W) floats, 0 to 255, as an RGB image."""
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8)).convert("RGB")
