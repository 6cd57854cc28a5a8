"""SQuAD's nested JSON (articles, paragraphs, questions) into flat rows: id, title, context, question, answers.

Versions 1.1 and 2.0 (Rajpurkar et al. 2016 and 2018) and their kin: CMRC 2018, MRQA. The cell "answers" is a JSON list of
{"text", "start"}; an empty list says that the question has no answer, an empty cell that nobody said. Takes one article at a
time, so that a reader can stream. Knows no file and checks no offset: core.data.answers does that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from core.data.structured import whole

NAMES = {  # column -> keys it may stand under, best first
    "id": ("id", "qid", "query_id", "question_id"),
    "title": ("title",),
    "context": ("context", "context_text", "passage"),
    "question": ("question", "query_text", "query"),
}
OURS = frozenset(
    {name for names in NAMES.values() for name in names}
    | {"paragraphs", "qas", "answers", "answer", "detected_answers", "is_impossible", "plausible_answers"}
)
LONGEST_EXTRA = 1_000  # characters of a further value that becomes a column


def is_article(value: Any) -> bool:
    """An article with paragraphs, or one paragraph, that carries questions."""
    if not isinstance(value, Mapping):
        return False
    if isinstance(paragraphs := value.get("paragraphs"), list):
        return any(_is_paragraph(p) for p in paragraphs[:100])
    return _is_paragraph(value)


def articles(value: Any) -> list[Any]:
    """The articles that a whole file, or one record of it, holds; none when it is something else."""
    if is_article(value):
        return [value]
    inside = value.get("data") if isinstance(value, Mapping) else None
    return inside if isinstance(inside, list) and inside and is_article(inside[0]) else []


def rows(article: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """One row a question of an article or a paragraph."""
    paragraphs = article.get("paragraphs")
    for paragraph in paragraphs if isinstance(paragraphs, list) else [article]:
        if not _is_paragraph(paragraph):
            continue
        above = {**article, **paragraph}
        context = _first(paragraph, "context")
        for question in paragraph["qas"]:
            if isinstance(question, Mapping):
                yield _row(question, above, context)


def _is_paragraph(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("qas"), list)
        and any(isinstance(value.get(name), str) for name in NAMES["context"])
    )


def _row(question: Mapping[str, Any], above: Mapping[str, Any], context: str) -> dict[str, str]:
    row = {"id": _first(question, "id")}
    if title := _first(above, "title"):
        row["title"] = title
    row |= {"context": context, "question": _first(question, "question"), "answers": _answers(question)}
    for key, value in {**above, **question}.items():
        if key not in OURS and isinstance(value, str) and len(value) <= LONGEST_EXTRA:
            row[str(key)[:120]] = value
    return row


def _first(record: Mapping[str, Any], column: str) -> str:
    for name in NAMES[column]:
        if isinstance(value := record.get(name), (str, int)) and not isinstance(value, bool):
            return str(value)
    return ""


def _answers(question: Mapping[str, Any]) -> str:
    """The cell: "" when the question says nothing about answers."""
    if question.get("is_impossible") in (True, "true"):
        return "[]"
    given = question.get("detected_answers") or question.get("answers", question.get("answer"))
    if given is None:
        return ""
    return json.dumps([one for item in _listed(given) if (one := _answer(item))], ensure_ascii=False)


def _listed(given: Any) -> list[Any]:
    """Answers as a list, also where they come as {"text": [...], "answer_start": [...]}."""
    if isinstance(given, Mapping) and isinstance(texts := given.get("text"), list):
        starts = given.get("answer_start")
        starts = starts if isinstance(starts, list) else []
        return [{"text": text, "answer_start": starts[i] if i < len(starts) else None} for i, text in enumerate(texts)]
    return given if isinstance(given, list) else [given]


def _answer(given: Any) -> dict[str, Any] | None:
    if isinstance(given, str):
        return {"text": given} if given else None
    if not isinstance(given, Mapping) or not isinstance(given.get("text"), str) or not given["text"]:
        return None
    spans = given.get("char_spans")
    told = spans[0][0] if isinstance(spans, list) and spans and isinstance(spans[0], list) and spans[0] else None
    start = whole(given.get("answer_start", given.get("start", told)))
    return {"text": given["text"]} if start is None or start < 0 else {"text": given["text"], "start": start}
