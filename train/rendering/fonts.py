"""The fonts that text is drawn with: free ones, where Debian's packages put them."""

import functools
import pathlib

from PIL import ImageFont, features

FOLDER = "/usr/share/fonts"
_NOTO = "fonts-noto-core"
_EUROPE = (
    ("fonts-dejavu-core", "DejaVuSans DejaVuSans-Bold DejaVuSerif DejaVuSerif-Bold"),
    ("fonts-liberation",
     "LiberationSans-Regular LiberationSans-Bold LiberationSans-Italic LiberationSansNarrow-Regular "
                         "LiberationSerif-Regular LiberationSerif-Bold LiberationSerif-Italic"),
    (_NOTO, "NotoSans-Regular NotoSans-Bold NotoSans-Italic NotoSerif-Regular NotoSerif-Bold NotoSerif-Italic"),
)
_CJK = (("fonts-noto-cjk", "NotoSansCJK-Regular NotoSansCJK-Bold NotoSerifCJK-Regular NotoSerifCJK-Bold"),)
# Per script: (Debian package, names of its font files). These have digits and stops beside the script's letters,
# which Noto's for Arabic, Hebrew and Thai lack.
FONTS = {
    "latin": _EUROPE,
    "cyrillic": _EUROPE,
    "greek": _EUROPE,
    "mono": (("fonts-dejavu-core", "DejaVuSansMono DejaVuSansMono-Bold"),
             ("fonts-liberation", "LiberationMono-Regular LiberationMono-Bold LiberationMono-Italic")),
    "arabic": (("fonts-hosny-amiri", "Amiri-Regular Amiri-Bold"), ("fonts-dejavu-core", "DejaVuSans DejaVuSans-Bold"),
               ("fonts-sil-scheherazade", "Scheherazade-Regular Scheherazade-Bold")),
    "hebrew": (("culmus", "FrankRuehlCLM-Medium DavidCLM-Medium NachlieliCLM-Light NachlieliCLM-Bold SimpleCLM-Medium"),
               ("fonts-dejavu-core", "DejaVuSans DejaVuSans-Bold")),
    "devanagari": ((_NOTO, "NotoSansDevanagari-Regular NotoSansDevanagari-Bold NotoSerifDevanagari-Regular"),),
    "thai": (("fonts-tlwg-loma-ttf", "Loma Loma-Bold"), ("fonts-tlwg-norasi-ttf", "Norasi Norasi-Bold")),
    "japanese": _CJK,
    "korean": _CJK,
    "chinese": _CJK,
}
PACKAGES = sorted({package for entries in FONTS.values() for package, _ in entries})
_INDEX = {"japanese": 0, "korean": 1, "chinese": 2}  # of the face in a collection
_SHAPED = ("arabic", "hebrew", "devanagari", "thai")  # scripts whose letters depend on their neighbours


class Face:
    """A font at a size in pixels."""

    def __init__(self, font, size, again=None):
        self.font, self.size, self._again = font, size, again
        self.scalable = again is not None
        sample = font.getbbox("Hg")
        self.line = max(size if self.scalable else 0, sample[3]) + 1  # pixels a line needs at least

    def width(self, text):
        """Pixels across that a line of text takes."""
        return self.font.getlength(text)

    def scaled(self, factor):
        return self._again(self.size * factor)


class Fonts:
    """The fonts below a folder. `say` is told, a line each, what is missing."""

    def __init__(self, folder=FOLDER, say=print):
        folder = pathlib.Path(folder)
        found = {file.stem: str(file) for file in sorted(folder.rglob("*")) if file.suffix in (".ttf", ".ttc", ".otf")}
        self._paths = {}
        for script, entries in FONTS.items():
            paths = [found[name] for _, names in entries for name in names.split() if name in found]
            if paths:
                self._paths[script] = paths
            else:
                packages = " or ".join(package for package, _ in entries)
                instead = "Pillow's own is used" if script in ("latin", "mono") else "left out"
                say(f"no font for {script} below {folder}: {instead} (packages: {packages})")
        self.scripts = {"latin", *self._paths}

    def face(self, rng, script, size, plain=False):
        """A random font of a script, `size` in pixels. A plain one is upright and without serifs, if there is one."""
        paths = self._paths.get(script)
        if not paths:
            return _built_in()
        if plain:
            paths = [path for path in paths if "Serif" not in path and "Italic" not in path] or paths
        return _load(paths[int(rng.integers(len(paths)))], int(size), script)


@functools.lru_cache(maxsize=256)
def _load(path, size, script):
    layout = ImageFont.Layout.RAQM if script in _SHAPED and features.check("raqm") else ImageFont.Layout.BASIC
    index = _INDEX.get(script, 0) if path.endswith(".ttc") else 0
    font = ImageFont.truetype(path, size, index=index, layout_engine=layout)
    return Face(font, size, lambda other: _load(path, other, script))


class _Bitmap:
    """Pillow's own font, which knows Latin letters of one size only."""

    def __init__(self):
        self.font = ImageFont.load_default()

    @staticmethod
    def _plain(text):
        return text.encode("ascii", "replace").decode()

    def getmask(self, text, *rest, **options):
        return self.font.getmask(self._plain(text), *rest, **options)

    def getbbox(self, text, *rest, **options):
        return self.font.getbbox(self._plain(text), *rest, **options)

    def getlength(self, text, *rest, **options):
        return self.font.getlength(self._plain(text), *rest, **options)


@functools.lru_cache(maxsize=1)
def _built_in():
    return Face(_Bitmap(), 11)
