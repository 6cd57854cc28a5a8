"""Entities marked inside the text itself: [Paris](LOC), [Paris|LOC], [Paris]{"entity": "LOC"}, <LOC>Paris</LOC>.

`unmarked` gives the text without the marks and the spans in it. What is ordinary text in brackets (a link, a tag of a web page,
the <e1> of a relation) stays as it stands.
"""

from __future__ import annotations

import re

from core.data.spans_values import Span, checked, span

LONGEST = 500  # characters between the brackets
NAME = r"[^\W\d][\w.+&/-]{0,59}(?: [\w.+&/-]{1,59}){0,3}"
BRACKETS = {
    "brackets": re.compile(rf"\[([^\[\]\n]{{1,{LONGEST}}})\]\((?!https?:|www\.|/|mailto:)({NAME})\)"),
    "bars": re.compile(rf"\[([^\[\]|\n]{{1,{LONGEST}}})\|\s?({NAME})\s?\]"),
    "rasa": re.compile(rf'\[([^\[\]\n]{{1,{LONGEST}}})\]\{{\s*"entity"\s*:\s*"({NAME})"[^{{}}]{{0,300}}\}}'),
}
MARK = re.compile(r"<(/?)([^\W\d_][\w.-]{0,59})(?:\s+(?:type|TYPE)\s*=\s*[\"']([^\"'<>]{1,60})[\"'])?\s*>")
WEB = frozenset((
    "a", "abbr", "address", "article", "aside", "b", "big", "blockquote", "body", "br", "button", "center", "cite",
    "code", "dd", "del", "details", "div", "dl", "dt", "em", "fieldset", "figure", "font", "footer", "form", "h1",
    "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "i", "iframe", "img", "input", "ins", "kbd",
    "label", "li", "link", "main", "mark", "meta", "nav", "ol", "option", "p", "pre", "q", "s", "samp", "script",
    "section", "select", "small", "span", "strike", "strong", "style", "sub", "summary", "sup", "svg", "table",
    "tbody", "td", "textarea", "tfoot", "th", "thead", "title", "tr", "tt", "u", "ul", "var", "video",
))  # fmt: skip
POINTER = re.compile(r"[eE]\d+")


def unmarked(text: str, form: str | None = None) -> tuple[tuple[str, list[Span]], str] | None:
    """((text without marks, spans), which marks); None where there are none. `form` looks for one kind of marks only."""
    for name, pattern in BRACKETS.items():
        if form in (None, name) and "[" in text and (found := _brackets(text, pattern)):
            return _tidy(*found), name
    if form in (None, "elements") and "</" in text and (found := _elements(text)):
        return _tidy(*found), "elements"
    return None


def _tidy(text: str, spans: list[Span]) -> tuple[str, list[Span]]:
    return text, checked(spans, text)[0]


def _brackets(text: str, pattern: re.Pattern[str]) -> tuple[str, list[Span]] | None:
    pieces: list[str] = []
    spans: list[Span] = []
    at = length = 0
    for match in pattern.finditer(text):
        pieces += [text[at : match.start()], match[1]]
        length += match.start() - at
        spans.append(span(length, length + len(match[1]), match[2]))
        length += len(match[1])
        at = match.end()
    pieces.append(text[at:])
    return ("".join(pieces), spans) if spans else None


def _elements(text: str) -> tuple[str, list[Span]] | None:
    """Pairs of marks of one name, which may stand inside each other. A mark without its partner is ordinary text."""
    marks = [m for m in MARK.finditer(text) if m[2].lower() not in WEB and not POINTER.fullmatch(m[2])]
    waiting: dict[str, list[int]] = {}  # name -> places in `marks` of those still open
    pairs: list[tuple[int, int]] = []
    for i, mark in enumerate(marks):
        if not mark[1]:
            waiting.setdefault(mark[2], []).append(i)
        elif waiting.get(mark[2]):
            pairs.append((waiting[mark[2]].pop(), i))
    if not pairs:
        return None
    where: dict[int, int] = {}  # place in `marks` -> offset in the clean text
    pieces: list[str] = []
    at = length = 0
    for i in sorted(i for pair in pairs for i in pair):
        pieces.append(text[at : marks[i].start()])
        length += marks[i].start() - at
        where[i] = length
        at = marks[i].end()
    pieces.append(text[at:])
    return "".join(pieces), [span(where[a], where[b], marks[a][3] or marks[a][2]) for a, b in pairs]
