"""How far a decoded picture is from the original: PSNR, SSIM, MS-SSIM, SSIMULACRA2, Butteraugli.

All take two uint8 arrays (height, width, 3). PSNR, SSIM and MS-SSIM compare samples as they are, gamma
encoded, and look at R, G and B alike. SSIMULACRA2 and Butteraugli model how people see colours, taken as
sRGB; programs of libjxl compute them.
"""

import math
import pathlib
import re
import subprocess
import tempfile

import numpy as np
from PIL import Image
from scipy.ndimage import correlate1d

RADIUS, SIGMA = 5, 1.5  # SSIM's window: 11 x 11
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli, Bovik 2003
MS_SSIM_SIDE = (2 * RADIUS + 1) * 2 ** (len(SCALE_WEIGHTS) - 1)  # smallest side with a window in every scale


def load_rgb(path):
    """Samples of a PNG or PPM as uint8 (height, width, 3), whatever gAMA or ICC profile say of them."""
    with Image.open(path) as image:
        if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip
            grey = (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)
            return np.repeat(grey[..., None], 3, axis=2)
        return np.asarray(image.convert("RGB"))


def psnr(a, b):
    """In dB, from the mean square over all samples; infinite for equal pictures."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return 10 * math.log10(255**2 / error) if error else math.inf


def window():
    taps = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    return taps / taps.sum()


def blur(x):
    """Gaussian window over the first two axes, where all of it lies inside the picture."""
    for axis in (0, 1):
        x = correlate1d(x, window(), axis=axis)
    return x[RADIUS:-RADIUS, RADIUS:-RADIUS]


def similarity(a, b):
    """Means over the picture of SSIM and of its contrast-structure factor, for each channel."""
    mean_a, mean_b = blur(a), blur(b)
    variance_a, variance_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    structure = (2 * covariance + C2) / (variance_a + variance_b + C2)
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return (luminance * structure).mean(axis=(0, 1)), structure.mean(axis=(0, 1))


def halve(x):
    """Means of 2 x 2 pixels; an odd side repeats its last row or column."""
    h, w = x.shape[:2]
    x = np.pad(x, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


def ssim(a, b):
    """Mean of the channels' SSIM; NaN for a picture smaller than the window."""
    if min(a.shape[:2]) <= 2 * RADIUS:
        return math.nan
    return float(similarity(a.astype(np.float64), b.astype(np.float64))[0].mean())


def ms_ssim(a, b):
    """Mean of the channels' MS-SSIM; NaN for a picture too small for five scales. A negative factor,
    which has no root, counts as 0."""
    if min(a.shape[:2]) < MS_SSIM_SIDE:
        return math.nan
    a, b = a.astype(np.float64), b.astype(np.float64)
    product = np.ones(3)
    for scale, weight in enumerate(SCALE_WEIGHTS, 1):
        whole, structure = similarity(a, b)
        product *= np.maximum(whole if scale == len(SCALE_WEIGHTS) else structure, 0) ** weight
        a, b = halve(a), halve(b)
    return float(product.mean())


def printed(program, a, b):
    """What a program that compares two files prints of a pair of pictures."""
    with tempfile.TemporaryDirectory() as folder:
        # PPM: nothing in the file that the program could take for another colour space than sRGB
        paths = [pathlib.Path(folder) / name for name in ("a.ppm", "b.ppm")]
        for path, rgb in zip(paths, (a, b)):
            Image.fromarray(rgb).save(path)
        return subprocess.run([program, *paths], check=True, capture_output=True, text=True).stdout


def ssimulacra2(a, b):
    """The score that libjxl's ssimulacra2 prints: 100 for equal pictures, about 90 where no difference is
    seen, 70 for high quality, 50 for medium, below 0 for bad pictures. Not symmetric: `a` is the original."""
    return float(printed("ssimulacra2", a, b))


def butteraugli(a, b):
    """The 3-norm that libjxl's butteraugli_main prints: 0 for equal pictures, about 1 where a
    difference begins to be seen. Less is better."""
    return float(re.search(r"3-norm: (\S+)", printed("butteraugli_main", a, b))[1])


METRICS = {"psnr": psnr, "ssim": ssim, "ms_ssim": ms_ssim, "ssimulacra2": ssimulacra2, "butteraugli": butteraugli}
PROGRAMS = {"ssimulacra2": "ssimulacra2", "butteraugli": "butteraugli_main"}  # that a metric needs
