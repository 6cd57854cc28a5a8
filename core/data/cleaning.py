"""Text cleaning that a person chooses: declared steps in a fixed order, the same for training texts and for those asked about later.

    Cleaning(html=True, space="one")     what was chosen; travels as JSON with the run
    cleaning.apply(text)                 the clean text
    cleaning.apply_with_offsets(text)    also where each clean character comes from, so that marked places survive

Each step is a function from a text to `Edit`s (a place and what stands there afterwards); nothing else changes a text. Knows nothing of tokens.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any, Literal

from core.errors import DataError
from core.words import Message

Edit = tuple[int, int, str]  # start, end (exclusive), what stands there instead
Space = Literal["keep", "lines", "one"]


@dataclass(frozen=True)
class Cleaning:
    """Which steps are taken. All off: texts stay as they are. The order is that of the fields, whatever was chosen first."""

    html: bool = False
    control: bool = False
    width: bool = False
    urls: bool = False
    emails: bool = False
    simplified: bool = False
    lower: bool = False
    space: Space = "keep"

    def __bool__(self) -> bool:
        return self != Cleaning()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def packages(self) -> tuple[str, ...]:
        """What pip has to install for it, besides what every model needs."""
        return ("OpenCC",) if self.simplified else ()

    def ready(self) -> Cleaning:
        """Itself; DataError where a step needs a package that is not installed. Said when a model is opened, not at the first text."""
        if self.simplified:
            _opencc()
        return self

    @staticmethod
    def of(steps: Sequence[str]) -> Cleaning:
        """From the names of steps, as the setting has them: "lines" and "one" say what becomes of white space, "one" where both are named."""
        told: dict[str, Any] = {name: True for name in steps if name not in SPACES}
        space = next((name for name in ("one", "lines") if name in steps), "keep")
        return Cleaning.from_json({**told, "space": space})

    @staticmethod
    def from_json(value: Mapping[str, Any] | None) -> Cleaning:
        """DataError for a step that this Hone does not know: leaving it out would clean differently than in training."""
        told = dict(value or {})
        known = {field.name for field in fields(Cleaning)}
        strange = [name for name in told if name not in known]
        strange += [f"space={told['space']}"] if told.get("space", "keep") not in SPACES else []
        if strange:
            raise DataError(
                Message("Hone knows no cleaning step called “{name}”.", name=str(strange[0])[:40]),
                fix=Message("It knows {names}.", names=", ".join(sorted(known))),
            )
        values: dict[str, Any] = {name: value if name == "space" else bool(value) for name, value in told.items()}
        return Cleaning(**values)

    def apply(self, text: str) -> str:
        """The clean text. DataError where a step needs a package that is not installed."""
        for step in self._steps():
            text = _edited(text, step(text))
        return text

    def apply_with_offsets(self, text: str) -> tuple[str, Offsets]:
        """The clean text, and the way from its characters back to those of `text`."""
        starts, ends = list(range(len(text))), list(range(1, len(text) + 1))
        clean = text
        for step in self._steps():
            edits = list(step(clean))
            if edits:
                starts, ends = _moved(starts, ends, edits)
                clean = _edited(clean, iter(edits))
        return clean, Offsets(tuple(starts), tuple(ends), len(text))

    def _steps(self) -> list[Callable[[str], Iterator[Edit]]]:
        chosen = {name: value for name, value in asdict(self).items() if value and value != "keep"}
        return [_STEPS[f"space_{value}" if name == "space" else name] for name, value in chosen.items()]


@dataclass(frozen=True)
class Offsets:
    """Character i of the clean text comes from [starts[i], ends[i]) of the original, both in code points; both never fall."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    length: int  # of the original

    def original(self, start: int, end: int) -> tuple[int, int]:
        """A place of the clean text in the original: [start, end)."""
        if start >= end:
            place = self.starts[start] if start < len(self.starts) else self.length
            return place, place
        return self.starts[start], self.ends[end - 1]

    def clean(self, start: int, end: int) -> tuple[int, int] | None:
        """A place of the original in the clean text; None when nothing of it is left."""
        first, last = bisect_right(self.ends, start), bisect_left(self.starts, end)
        return (first, last) if first < last else None


@dataclass(frozen=True)
class Step:
    """A step as a form shows it."""

    name: str
    title: Message
    help: Message
    choices: Mapping[str, Message] | None = None


SPACES: dict[str, Message] = {
    "keep": Message("As it is"),
    "lines": Message("Tidy, lines stay"),
    "one": Message("All in one line"),
}
STEPS: tuple[Step, ...] = (
    Step("html", Message("Take out HTML"), Message("Tags go, &amp; and its kin become characters. A < that begins no tag stays.")),
    Step("control", Message("Take out invisible characters"), Message("Control characters, zero-width spaces, marks of writing direction.")),
    Step("width", Message("Full width to half width"), Message("Letters, digits and signs as wide as a Chinese character become ordinary ones: ＡＢＣ１２３ to ABC123.")),
    Step("urls", Message("Mask web addresses"), Message("Each becomes {mask}.", mask="[URL]")),
    Step("emails", Message("Mask e-mail addresses"), Message("Each becomes {mask}.", mask="[EMAIL]")),
    Step("simplified", Message("Traditional to simplified Chinese"), Message("Characters and words as OpenCC knows them.")),
    Step("lower", Message("Lower case"), Message("For bases that tell capitals apart where your labels do not.")),
    Step("space", Message("White space"), Message("Several spaces in a row become one; ends are trimmed."), SPACES),
)  # fmt: skip


# Edits -------------------------------------------------------------------------------------------------------------


def _edited(text: str, edits: Iterator[Edit]) -> str:
    pieces, at = [], 0
    for start, end, new in edits:
        pieces += [text[at:start], new]
        at = end
    return "".join([*pieces, text[at:]]) if pieces else text


def _moved(starts: list[int], ends: list[int], edits: list[Edit]) -> tuple[list[int], list[int]]:
    """Where the characters come from after `edits`. A replacement of equal length comes from its characters one by one, else from all of them."""
    new_starts: list[int] = []
    new_ends: list[int] = []
    at = 0
    for start, end, new in edits:
        new_starts += starts[at:start]
        new_ends += ends[at:start]
        if len(new) == end - start:
            new_starts += starts[start:end]
            new_ends += ends[start:end]
        else:
            new_starts += [starts[start]] * len(new)
            new_ends += [ends[end - 1]] * len(new)
        at = end
    return new_starts + starts[at:], new_ends + ends[at:]


# HTML --------------------------------------------------------------------------------------------------------------

# Python's own HTMLParser takes quadratic time on broken markup and reads it differently from one patch release to the next; a text that
# is asked about must be cleaned exactly as those it was trained on, so these few rules stand here. A tag ends before the next "<".
TAG = re.compile(r"""</?([A-Za-z][A-Za-z0-9]*)(?=[\s/>])(?:[^<>"']|"[^"<]*"|'[^'<]*')*+>""")
DOCTYPE = re.compile(r"<!doctype[^<>]*>", re.IGNORECASE)
BREAKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead",
    "title", "tr", "ul",
))  # fmt: skip
TAGS = BREAKS | frozenset((
    "a", "abbr", "acronym", "area", "audio", "b", "base", "bdi", "bdo", "big", "body", "button", "canvas", "caption", "center", "cite", "code", "col",
    "colgroup", "data", "datalist", "del", "details", "dfn", "dialog", "em", "embed", "font", "frame", "frameset", "head", "html", "i", "iframe",
    "img", "input", "ins", "kbd", "label", "legend", "link", "map", "mark", "menu", "meta", "meter", "nobr", "noframes", "noscript", "object",
    "optgroup", "option", "output", "param", "picture", "progress", "q", "rp", "rt", "ruby", "s", "samp", "script", "select", "small", "source",
    "span", "strike", "strong", "style", "sub", "summary", "sup", "svg", "template", "textarea", "time", "track", "tt", "u", "var", "video", "wbr",
))  # fmt: skip
SILENT = ("script", "style")  # what stands in them is no text
ENTITY = re.compile(r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};)")


def _html(text: str) -> Iterator[Edit]:
    """Tags of known HTML elements only, so that <e1> or <unk> in a text stay."""
    at = 0
    for start, end, new in _tags(text):
        yield from _entities(text, at, start)
        yield start, end, new
        at = end
    yield from _entities(text, at, len(text))


def _tags(text: str) -> Iterator[Edit]:
    """Tags, comments, declarations, and scripts with all that is in them."""
    lower = text.lower() if len(text.lower()) == len(text) else text
    last = {
        mark: lower.rfind(mark) for mark in ("-->", *(f"</{name}" for name in SILENT))
    }  # beyond it, looking is in vain
    start = text.find("<")
    while start >= 0:
        tag = TAG.match(text, start)
        name = tag[1].lower() if tag else ""
        end = start + 1
        if text.startswith("<!--", start) and last["-->"] >= start + 4:
            end = text.index("-->", start + 4) + 3
            yield start, end, ""
        elif tag and name in SILENT and text[start + 1] != "/" and last[f"</{name}"] >= tag.end():
            end = _closed(text, lower.index(f"</{name}", tag.end()))
            yield start, end, ""
        elif tag and name in TAGS:
            end = tag.end()
            yield start, end, "\n" if name in BREAKS else ""
        elif declared := DOCTYPE.match(text, start):
            end = declared.end()
            yield start, end, ""
        start = text.find("<", end)


def _closed(text: str, place: int) -> int:
    """Where the closing tag at `place` ends."""
    tag = TAG.match(text, place)
    return tag.end() if tag else place


def _entities(text: str, start: int, end: int) -> Iterator[Edit]:
    for entity in ENTITY.finditer(text, start, end):
        character = html.unescape(entity.group())
        if character != entity.group():
            yield entity.start(), entity.end(), character


# Characters --------------------------------------------------------------------------------------------------------

INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
# Half-width katakana take their voicing mark with them: two characters become one.
WIDE = re.compile("[\uff66-\uff9d][\uff9e\uff9f]?|[\u3000\uff01-\uff65\uff9e-\uffdc\uffe0-\uffee]")
URL = re.compile(r"(?:https?://|ftp://|www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{2,2000}", re.IGNORECASE)
URL_TAIL = ".,;:!?'\"*]"
EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}(?![A-Za-z0-9@])"
)
HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def _control(text: str) -> Iterator[Edit]:
    for match in INVISIBLE.finditer(text):
        yield match.start(), match.end(), "\n" if match.group() in "\u2028\u2029\x85" else ""


def _width(text: str) -> Iterator[Edit]:
    for match in WIDE.finditer(text):
        narrow = unicodedata.normalize("NFKC", match.group())
        if narrow != match.group():
            yield match.start(), match.end(), narrow


def _urls(text: str) -> Iterator[Edit]:
    for match in URL.finditer(text):
        address = match.group().rstrip(URL_TAIL)
        while address.endswith(")") and address.count(")") > address.count("("):
            address = address[:-1].rstrip(URL_TAIL)
        yield match.start(), match.start() + len(address), "[URL]"


def _emails(text: str) -> Iterator[Edit]:
    for match in EMAIL.finditer(text):
        yield match.start(), match.end(), "[EMAIL]"


def _simplified(text: str) -> Iterator[Edit]:
    convert = _opencc()
    for match in HAN.finditer(text):
        simple = convert(match.group())
        if simple != match.group():
            yield match.start(), match.end(), simple


def _lower(text: str) -> Iterator[Edit]:
    small = text.lower()
    if small == text:
        return
    if len(small) == len(text):
        yield 0, len(text), small
        return
    for place, letter in enumerate(text):  # a few capitals become two characters, such as İ
        if letter.lower() != letter:
            yield place, place + 1, letter.lower()


@cache
def _opencc() -> Callable[[str], str]:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise DataError(
            Message("Simplifying Chinese needs the package OpenCC, which is not installed."),
            fix=Message("Install it with: pip install {package}", package="OpenCC"),
        ) from error
    return OpenCC("t2s").convert


# White space -------------------------------------------------------------------------------------------------------

RUN = re.compile(r"\s+")
BREAK = re.compile(r"\r\n|\r|\n")


def _one_line(text: str) -> Iterator[Edit]:
    yield from _spaced(text, lambda run: " ")


def _lines(text: str) -> Iterator[Edit]:
    """One space within a line, no spaces at the ends of lines, at most one empty line."""
    yield from _spaced(text, lambda run: "\n" * min(2, len(BREAK.findall(run))) or " ")


def _spaced(text: str, becomes: Callable[[str], str]) -> Iterator[Edit]:
    for match in RUN.finditer(text):
        at_an_end = match.start() == 0 or match.end() == len(text)
        new = "" if at_an_end else becomes(match.group())
        if new != match.group():
            yield match.start(), match.end(), new


_STEPS: dict[str, Callable[[str], Iterator[Edit]]] = {
    "html": _html,
    "control": _control,
    "width": _width,
    "urls": _urls,
    "emails": _emails,
    "simplified": _simplified,
    "lower": _lower,
    "space_lines": _lines,
    "space_one": _one_line,
}
