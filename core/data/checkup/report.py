"""The data report: what is in the data, and what the check-up found, as one file to read and to hand on; Markdown, or a page by itself.

It says what the page says, in the same words and language. What is personal in an example is masked.
"""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.data import facts, languages, personal
from core.data.checkup import balance, lengths, mixture
from core.data.checkup.finding import Finding, Line
from core.data.splits import NAMES
from core.words import Message, said

if TYPE_CHECKING:
    from core.data.dataset import Dataset

FORMS = ("html", "md")
BARS = 40  # labels that are listed; more are counted
WIDEST = 30  # signs of the longest bar in Markdown
PARTS = {
    "train": Message("to learn from"),
    "validation": Message("to steer by (validation)"),
    "test": Message("for the final test"),
}
TONES = {"bad": Message("mend first"), "warn": Message("worth a look"), "info": Message("good to know")}


@dataclass(frozen=True)
class Block:
    """A piece of the report: "title", "part" and "text" have words, "table" rows (the first is its head), "bars" name, number and share of
    the longest, "finding" a finding."""

    kind: str
    words: Message | str = ""
    rows: Sequence[Sequence[Any]] = ()
    finding: Finding | None = None


def written(dataset: Dataset, name: str, language: str = "en", form: str = "html", things: str = "texts") -> str:
    """The whole report in `language`; `form` is "html" or "md". Measures what is not measured yet."""
    blocks = said_in(_blocks(dataset, name), language, things)
    return _markdown(blocks, language) if form == "md" else _page(blocks, name, language)


def said_in(blocks: Sequence[Block], language: str, things: str) -> list[Block]:
    """The blocks with their sentences in words."""
    return [
        Block(one.kind, said(one.words, language, things), said(list(one.rows), language, things), one.finding)
        for one in blocks
    ]


def _blocks(dataset: Dataset, name: str) -> list[Block]:
    when = time.strftime("%Y-%m-%d %H:%M")
    return [
        Block("title", Message("What is in the data: {name}", name=name)),
        Block(
            "text",
            Message("Written by Hone on {when}, at version {version} of the data.", when=when, version=dataset.version),
        ),
        *_rows(dataset),
        *_labels(dataset),
        *_texts(dataset),
        *_findings(dataset),
    ]


def _rows(dataset: Dataset) -> list[Block]:
    counts = dataset.counts()
    files = [(one.name, one.sentence) for one in dataset.imports]
    numbers: list[tuple[Any, ...]] = [
        (Message("rows"), f"{counts.rows:,}"),
        (Message("with an answer"), f"{counts.labelled:,}"),
        (Message("without an answer"), f"{counts.unlabelled:,}"),
        (Message("left out"), f"{counts.excluded:,}"),
        (Message("empty"), f"{counts.empty:,}"),
        *((PARTS[part], f"{counts.splits.get(part, 0):,}") for part in NAMES),
    ]
    columns = [(role, _column(one.column)) for role, one in dataset.roles.items() if one.column]
    return [
        Block("part", Message("The rows")),
        Block("table", rows=[(Message("file"), Message("how it was read")), *files]),
        Block("table", rows=[(Message("rows of this kind"), Message("how many")), *numbers]),
        Block("table", rows=[(Message("what for"), Message("column")), *columns]),
    ]


def _column(column: Any) -> str:
    return column if isinstance(column, str) else ", ".join(column)


def _labels(dataset: Dataset) -> list[Block]:
    state = dataset.state
    counts = state.label_counts
    there = sorted(((int(n), one.name) for n, one in zip(counts, state.alive, strict=True)), key=lambda one: -one[0])
    if not there or not counts.sum():
        return []
    total, most = int(counts.sum()), max(1, there[0][0])
    bars = [(name, f"{n:,} ({100 * n / total:.1f} %)", n / most) for n, name in there[:BARS]]
    blocks = [Block("part", Message("The labels")), Block("bars", rows=bars)]
    if len(there) > BARS:
        blocks.append(Block("text", Message("… and {n} more.", n=len(there) - BARS)))
    if len(there) > 1:
        blocks.append(
            Block(
                "text",
                Message(
                    "{n} labels, as varied as {e:.1f} of equal size (exponential of the entropy).",
                    n=len(there),
                    e=balance.effective(counts),
                ),
            )
        )
    return blocks


def _texts(dataset: Dataset) -> list[Block]:
    state = dataset.state
    if state.shape.inputs[0].kind != "text":
        return []
    told = dataset.facts()
    spread, unit = (told.words, Message("words")) if told.spaces else (told.characters, Message("characters"))
    table: list[tuple[Any, ...]] = [
        (Message("of 100 texts, so many are at most so long"), unit),
        *((str(share), f"{value:,.0f}") for share, value in spread.items() if share in facts.PERCENTILES),
    ]
    found = dataset.lengths()
    most = max(found["counts"], default=0) or 1
    edges = found["edges"]
    bars = [
        (f"{low:,.0f}–{high:,.0f}", f"{n:,}", n / most)
        for low, high, n in zip(edges, edges[1:], found["counts"], strict=False)
        if n
    ]
    blocks = [Block("part", Message("The texts")), Block("table", rows=table), Block("bars", rows=bars)]
    shares = mixture.shares(state)
    if shares:
        total = sum(shares.values())
        spoken = [(languages.NAMES[code], f"{n:,} ({100 * n / total:.1f} %)", n / total) for code, n in shares.items()]
        blocks += [
            Block("text", Message("Languages, of the texts whose language is clear:")),
            Block("bars", rows=spoken),
        ]
    n = int(lengths.long_rows(state).sum())
    if n:
        share = Message("{p:.0f} %", p=100 * lengths.cut_share(state))
        words = Message(
            "{n:,} texts are longer than the bundled model reads; {share} of what stands in them is beyond that.",
            n=n,
            share=share,
        )
        blocks.append(Block("text", words))
    return blocks


def _findings(dataset: Dataset) -> list[Block]:
    found = dataset.findings()
    head = Block("part", Message("What the check-up found"))
    if not found:
        return [head, Block("text", Message("Nothing to mend. These texts are fit to learn from."))]
    return [head, *(Block("finding", one.title, [[one.detail], [TONES[one.tone]]], one) for one in found)]


# --- Markdown --------------------------------------------------------------------------------------------------------


def _markdown(blocks: Sequence[Block], language: str) -> str:
    lines: list[str] = []
    for one in blocks:
        if one.kind in ("title", "part"):
            lines += [("# " if one.kind == "title" else "## ") + _escaped(str(one.words)), ""]
        elif one.kind == "text":
            lines += [_escaped(str(one.words)), ""]
        elif one.kind == "table":
            head, *rows = [[_cell(cell) for cell in row] for row in one.rows]
            lines += [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows), ""]
        elif one.kind == "bars":
            bars = [
                (_cell(name), _cell(n), "█" * max(1, round(WIDEST * share)) if share else "")
                for name, n, share in one.rows
            ]
            lines += [_row(["", "", ""]), _row(["---"] * 3), *(_row(bar) for bar in bars), ""]
        elif one.finding:
            lines += [*_finding_lines(one, language), ""]
    return "\n".join(lines).rstrip() + "\n"


def _finding_lines(block: Block, language: str) -> list[str]:
    assert block.finding is not None
    (detail,), (tone,) = block.rows
    done = Message("Mended.").said(language) if block.finding.done else tone
    lines = [f"### {_escaped(str(block.words))}", "", f"*{_escaped(done)}* · {_escaped(detail)}"]
    for example in block.finding.examples:
        lines.append("")
        for line in example:
            text = "".join(
                f"**{_escaped(t)}**" if marked and t.strip() else _escaped(t) for t, marked in _pieces(line, language)
            )
            lines.append(f"> {line.row} {_escaped(_notes(line, language))} — {text}  ")
    return lines


def _escaped(text: str) -> str:
    """Words of the data, never marks of Markdown."""
    for sign in "\\`*_{}[]<>#|":
        text = text.replace(sign, "\\" + sign)
    return text.replace("\n", " ")


def _cell(value: Any) -> str:
    return _escaped(str(value))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


# --- a page ----------------------------------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light dark; --ink: #1c1b1a; --dim: #66615c; --line: #e2ddd6; --soft: #f6f3ee; --bar: #3c6e91; --bad: #b3261e; --warn: #a15c00; --good: #2f6b3a; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceae6; --dim: #a39e97; --line: #3a3733; --soft: #242220; --bar: #7fb2d6; --bad: #ff8a80; --warn: #ffb74d; --good: #8fce9b; } body { background: #191817; } }
body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Noto Sans CJK SC", sans-serif; color: var(--ink); max-width: 860px; margin: 40px auto; padding: 0 20px; overflow-wrap: anywhere; }
h1 { font-size: 28px; line-height: 1.25; } h2 { margin-top: 40px; border-top: 1px solid var(--line); padding-top: 20px; font-size: 21px; } h3 { font-size: 16px; margin: 0 0 2px; }
table { border-collapse: collapse; margin: 12px 0 20px; width: 100%; } th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; } th { color: var(--dim); font-weight: 400; font-size: 14px; }
.n { white-space: nowrap; font-variant-numeric: tabular-nums; } .bar { width: 45%; } .bar i { display: block; height: 10px; min-width: 2px; border-radius: 3px; background: var(--bar); }
.find { margin: 0 0 22px; padding-left: 14px; border-left: 3px solid var(--dim); } .find.bad { border-color: var(--bad); } .find.warn { border-color: var(--warn); } .find.done { border-color: var(--good); }
.tone { color: var(--dim); font-size: 14px; } blockquote { margin: 8px 0 0; padding: 8px 12px; background: var(--soft); border-radius: 6px; font-size: 15px; } blockquote p { margin: 0; } small { color: var(--dim); margin-right: 8px; } mark { background: none; color: inherit; font-weight: 700; text-decoration: underline; text-decoration-color: var(--warn); text-decoration-thickness: 2px; text-underline-offset: 3px; }
"""


def _page(blocks: Sequence[Block], name: str, language: str) -> str:
    body = "\n".join(_html(one, language) for one in blocks)
    lang = "zh-CN" if language == "zh" else language
    return (
        f'<!doctype html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(name)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _html(one: Block, language: str) -> str:
    words = html.escape(str(one.words))
    if one.kind in ("title", "part", "text"):
        tag = {"title": "h1", "part": "h2", "text": "p"}[one.kind]
        return f"<{tag}>{words}</{tag}>"
    if one.kind == "table":
        head, *rows = [[html.escape(str(cell)) for cell in row] for row in one.rows]
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
        return (
            "<table><thead><tr>"
            + "".join(f"<th>{cell}</th>" for cell in head)
            + f"</tr></thead><tbody>{body}</tbody></table>"
        )
    if one.kind == "bars":
        return "<table>" + "".join(_bar(*row) for row in one.rows) + "</table>"
    assert one.finding is not None
    (detail,), (tone,) = one.rows
    kind = "done" if one.finding.done else one.finding.tone
    told = Message("Mended.").said(language) if one.finding.done else tone
    examples = "".join(
        f"<blockquote>{''.join(_line(line, language) for line in e)}</blockquote>" for e in one.finding.examples
    )
    return (
        f'<section class="find {kind}"><h3>{words}</h3><div class="tone">{html.escape(told)} · {html.escape(detail)}</div>'
        f"{examples}</section>"
    )


def _bar(name: Any, n: Any, share: float) -> str:
    width = f"{100 * share:.1f}"
    return f'<tr><td>{html.escape(str(name))}</td><td class="n">{html.escape(str(n))}</td><td class="bar"><i style="width:{width}%"></i></td></tr>'


def _line(line: Line, language: str) -> str:
    text = "".join(
        f"<mark>{html.escape(t)}</mark>" if marked else html.escape(t) for t, marked in _pieces(line, language)
    )
    return f"<p><small>{html.escape(f'{line.row} {_notes(line, language)}'.strip())}</small>{text}</p>"


def _notes(line: Line, language: str) -> str:
    return " · ".join(said(note, language) for note in line.notes)


def _pieces(line: Line, language: str) -> list[tuple[str, bool]]:
    """The pieces of an example with masks in the place of what is personal, wherever pieces meet."""
    text = "".join(piece for piece, _ in line.pieces)
    hits = personal.find(text)
    found: list[tuple[str, bool]] = []
    at = 0
    for piece, marked in line.pieces:
        start, end = at, at + len(piece)
        for hit in hits:
            if hit.end <= start or hit.start >= end:
                continue
            if hit.start >= start:  # the mask stands where the hit begins
                found += [(text[at : hit.start], marked), (personal.MASKS[hit.kind].said(language), marked)]
            at = max(at, min(hit.end, end))
        found.append((text[at:end], marked))
        at = end
    return [one for one in found if one[0]]
