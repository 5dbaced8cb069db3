"""Pictures that no camera takes, drawn at random: one function a kind, `kind(rng, fonts) -> PIL.Image` (RGB).

Each module's docstring says what it draws; canvas.py has the pens and colours, words.py and fonts.py the text,
scenes.py the stand-ins for photographs."""

from .charts import chart
from .dithers import dither
from .flat import flat, gradient
from .interface import interface
from .lineart import lineart
from .mixed import mixed
from .pixelart import pixelart
from .text import text

KINDS = {kind.__name__: kind for kind in (text, interface, chart, lineart, pixelart, dither, flat, gradient, mixed)}
# Kinds of successive pictures: those that people store most come more often.
ORDER = ("text", "interface", "chart", "lineart", "mixed", "pixelart", "text", "interface", "flat", "gradient",
         "dither", "text", "interface", "chart", "lineart", "mixed")
