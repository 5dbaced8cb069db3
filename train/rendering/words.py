"""Words, sentences and program text that mean nothing, in many scripts: made of random syllables, so that
no prose of others is needed. A language here is the letters and the look of a script, not its grammar."""

import dataclasses

from .canvas import between, chance, pick


@dataclasses.dataclass(frozen=True)
class Language:
    script: str       # a key of fonts.FONTS
    onsets: tuple     # a syllable is one of each; "" may be among them
    nuclei: tuple
    codas: tuple = ("",)
    longest: int = 4  # syllables of a word
    space: str = " "  # between words
    stops: tuple = (".", ",")
    leftward: bool = False


def _split(text):
    """Entries between blanks; "_" is the empty one."""
    return tuple("" if entry == "_" else entry for entry in text.split())


def _hangul():
    return tuple(chr(0xAC00 + (lead * 21 + vowel) * 28 + tail)
                 for lead in (0, 2, 3, 5, 6, 7, 9, 11, 12, 14, 15, 16, 17, 18)
                 for vowel in (0, 1, 4, 5, 6, 8, 9, 13, 18, 20) for tail in (0, 0, 4, 8, 16, 21))


_IDEOGRAPHS = tuple("的一是不了人我在有他中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可"
                    "里后小多天而能好都然没日于起成事只作当想看文开手十用主行方又如前所本见经头面公同三已老从动两长"
                    "山水火木金土石田雨雪風雲海川花草鳥魚馬車門書語話新聞高校電気駅東西南北京都春夏秋冬朝夜明")
_RARE = tuple(chr(code) for code in range(0x4E00, 0x9F00, 7))
_HIRAGANA = tuple(chr(code) for code in range(0x3042, 0x3094) if chr(code) not in "ぁぃぅぇぉっゃゅょゎゐゑ")
_KATAKANA = tuple(chr(code) for code in range(0x30A2, 0x30F4) if chr(code) not in "ァィゥェォッャュョヮヰヱ")

LANGUAGES = {
    "plain": Language("latin", _split("_ b c d f g h l m n p r s t th st tr w pr ch"),
                      _split("a e i o u ea ou ai e a o"),
                      _split("_ _ n r s t nd ng l ck st d")),
    "southern": Language("latin", _split("_ b c d f g l m n p qu r s t v ll ñ ç br"),
                         _split("a e i o u é è à ó ã ia io ê"),
                         _split("_ _ _ s n r l m")),
    "northern": Language("latin", _split("_ b d f g h j k l m n p r s t v sk sp kr sch"),
                         _split("a e i o u ä ö å ø ü ei ie"),
                         _split("_ n r t ng st lt ß k"), 5),
    "eastern": Language("latin", _split("b c č d ď h j k l m n ň p r ř s š t v z ž sz cz ł"),
                        _split("a e i o u á é ě í ý ů y ą ę ó"), _split("_ _ k l n st ć ś")),
    "cyrillic": Language("cyrillic", _split("б в г д ж з к л м н п р с т ф х ц ч ш щ пр ст _"),
                         _split("а е и о у ы я ю э ё ї"), _split("_ _ н т й л м сть в ъ ь"), 4),
    "greek": Language("greek", _split("β γ δ ζ θ κ λ μ ν ξ π ρ σ τ φ χ ψ _"), _split("α ε η ι ο υ ω ά έ ή ί ό ώ ου αι"),
                      _split("_ _ ν ς ρ"), 4),
    "arabic": Language("arabic", _split("ب ت ج ح خ د ر س ش ص ط ع غ ف ق ك ل م ن ه و ي ال"), _split("_ ا و ي _ ة"),
                       _split("_ _ ن م ر"), 3, stops=(".", "،"), leftward=True),
    "hebrew": Language("hebrew", _split("א ב ג ד ה ו ז ח ט י כ ל מ נ ס ע פ צ ק ר ש ת"), _split("_ ו י _"),
                       _split("_ _ ם ן ת"), 3,
                       leftward=True),
    "devanagari": Language("devanagari", _split("क ख ग घ च ज ट ड त थ द ध न प फ ब भ म य र ल व श स ह क्ष त्र स्त"),
                           _split("_ ा ि ी ु ू े ै ो ौ ं"), _split("_ _ न र ल"), 3, stops=("।", ",")),
    "thai": Language("thai", _split("ก ข ค ง จ ช ซ ด ต ท น บ ป ผ พ ม ย ร ล ว ส ห อ"),
                     _split("า ี ิ ุ ู ั่ ้า ่อ ือ ะ ำ"), _split("_ น ง ม ก บ ด"), 5),
    "chinese": Language("chinese", _IDEOGRAPHS * 12 + _RARE, ("",), ("",), 3, "", ("。", "，")),
    "japanese": Language("japanese", _IDEOGRAPHS + _HIRAGANA * 4 + _KATAKANA, ("",), ("", "", "は", "の", "に"), 4, "",
                         ("。", "、")),
    "korean": Language("korean", _hangul(), ("",), ("",), 4),
}


def language(rng, fonts, latin=0.5):
    """A language of which there is a font; the Latin ones take `latin` of all."""
    have = [tongue for tongue in LANGUAGES.values() if tongue.script in fonts.scripts]
    others = [tongue for tongue in have if tongue.script != "latin"]
    if others and not chance(rng, latin):
        return pick(rng, others)
    return pick(rng, [tongue for tongue in have if tongue.script == "latin"])


def word(rng, tongue):
    syllables = min(between(rng, 1, tongue.longest) for _ in range(2))
    return "".join(pick(rng, tongue.onsets) + pick(rng, tongue.nuclei) + pick(rng, tongue.codas)
                   for _ in range(syllables))


def number(rng):
    return pick(rng, (str(between(rng, 0, 99)), str(between(rng, 1000, 999999)), f"{rng.uniform(0, 100):.1f}",
                      f"{rng.uniform(0, 1000):.2f}", f"{between(rng, 1, 100)} %",
                      f"{between(rng, 0, 23)}:{between(rng, 10, 59)}"))


def label(rng, tongue, most=3):
    """A few words, the first with a capital: what stands on a button or in a heading."""
    text = tongue.space.join(word(rng, tongue) for _ in range(between(rng, 1, most)))
    return text[:1].upper() + text[1:]


def tokens(rng, tongue, count):
    """About `count` words with capitals, numbers and stops: sentences."""
    out, left = [], 0
    while len(out) < count:
        entry = number(rng) if chance(rng, 0.04) else word(rng, tongue)
        if left == 0:
            left = between(rng, 4, 14)
            entry = entry[:1].upper() + entry[1:]
        left -= 1
        if left == 0:
            entry += tongue.stops[0]
        elif chance(rng, 0.1):
            entry += tongue.stops[1]
        elif chance(rng, 0.03):
            entry = f"({entry})"
        out.append(entry)
    return out


def lines(entries, face, width, space=" "):
    """The entries in lines of at most `width` pixels; what is longer by itself is cut."""
    out, line, used, gap = [], [], 0, face.width(space) if space else 0
    for entry in entries:
        wide = face.width(entry)
        while wide > width and len(entry) > 1:
            entry = entry[:-1]
            wide = face.width(entry)
        if line and used + gap + wide > width:
            out.append(space.join(line))
            line, used = [], 0
        used += wide + (gap if line else 0)
        line.append(entry)
    return out + [space.join(line)] if line else out


# ---- Program text: lines of (text, class), the class choosing a colour --------------------------

CLASSES = ("plain", "keyword", "name", "number", "string", "comment")


def _name(rng):
    parts = [word(rng, LANGUAGES["plain"]) for _ in range(between(rng, 1, 2))]
    return pick(rng, ("_".join(parts), parts[0], "".join(part.title() for part in parts)))


def _value(rng):
    kind = between(rng, 0, 4)
    if kind == 0:
        return (pick(rng, (str(between(rng, 0, 255)), hex(between(rng, 0, 1 << 20)), f"{rng.random():.3f}")), "number")
    if kind == 1:
        return (f'"{label(rng, LANGUAGES["plain"], 2)}"', "string")
    return (_name(rng), "plain")


def _braces(rng, depth):
    """A line of a language with braces, [(text, class)], and the change of depth after it."""
    draw = between(rng, 0, 7)
    if draw == 0:
        return [("// " + " ".join(tokens(rng, LANGUAGES["plain"], between(rng, 2, 8))), "comment")], 0
    if draw == 1 and depth < 5:
        return [(pick(rng, ("if", "while", "for", "switch")), "keyword"), (" (", "plain"), (_name(rng), "plain"),
                (pick(rng, (" < ", " == ", " >= ", " & ")), "plain"), _value(rng), (") {", "plain")], 1
    if draw in (2, 3) and depth:
        return [("}", "plain")], -1
    if draw == 4:
        return [(pick(rng, ("int", "const char *", "static void", "return")), "keyword"), (" ", "plain"),
                (_name(rng), "name"), (";", "plain")], 0
    if draw == 5:
        return [(_name(rng), "name"), ("(", "plain"), _value(rng), (", ", "plain"), _value(rng), (");", "plain")], 0
    return [(_name(rng), "plain"), (pick(rng, (" = ", " += ", "->next = ", "[i] = ")), "plain"), _value(rng),
            (";", "plain")], 0


def _indented(rng, depth):
    """The same for a language that is indented."""
    draw = between(rng, 0, 6)
    if draw == 0:
        return [("# " + " ".join(tokens(rng, LANGUAGES["plain"], between(rng, 2, 8))), "comment")], 0
    if draw == 1 and depth < 5:
        return [(pick(rng, ("def ", "if ", "for ", "while ", "class ")), "keyword"), (_name(rng), "name"),
                (":", "plain")], 1
    if draw == 2 and depth:
        return [(pick(rng, ("return ", "yield ", "raise ")), "keyword"), _value(rng)], -between(rng, 1, depth)
    if draw == 3:
        return [(_name(rng), "name"), ("(", "plain"), _value(rng), (", ", "plain"), (_name(rng), "plain"),
                ("=", "plain"), _value(rng), (")", "plain")], 0
    return [(_name(rng), "plain"), (" = ", "plain"), _value(rng)], 0


def _tags(rng, depth):
    """The same for marked-up text."""
    draw, tag = between(rng, 0, 3), word(rng, LANGUAGES["plain"])
    if draw == 0 and depth < 6:
        return [(f"<{tag} ", "keyword"), (_name(rng) + "=", "name"), (f'"{number(rng)}"', "string"),
                (">", "keyword")], 1
    if draw == 1 and depth:
        return [(f"</{tag}>", "keyword")], -1
    return [(f"<{tag}>", "keyword"), (label(rng, LANGUAGES["plain"], 5), "plain"), (f"</{tag}>", "keyword")], 0


def code(rng, count):
    """`count` lines of program text, each [(text, class)]."""
    step, out, depth = pick(rng, (2, 4, 4, 8)), [], 0
    make = pick(rng, (_braces, _indented, _tags))
    for _ in range(count):
        if chance(rng, 0.1):
            out.append([])
            continue
        entries, change = make(rng, depth)
        if change < 0 and make is not _indented:
            depth += change
        out.append([(" " * (step * depth), "plain"), *entries])
        if change > 0 or make is _indented:
            depth += change
    return out
