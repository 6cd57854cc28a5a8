"""Long texts as pieces a model can read, for tasks that learn from plain text: their column, their windows, their measures' words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from core.errors import RunError
from core.tasks.base import Column, Labels, Row, Score
from core.words import Message

AT_ONCE = 200  # texts handed to the tokenizer together
TEXT = Column(
    "text",
    "text",
    Message("The text is in"),
    Message("Documents, paragraphs or sentences; long ones are read in pieces."),
    several=True,
    names=("text", "document", "content", "body", "passage", "article", "文本", "内容", "正文", "文章"),
)
PERPLEXITY = Score(
    "perplexity",
    Message("Surprise at the text"),
    Message("Between how many tokens it wavers at each place; 1 is certainty (perplexity)."),
    share=False,
)
ACCURACY = Score(
    "token_accuracy",
    Message("Tokens foreseen"),
    Message("Of 100 tokens, how many it would have said itself."),
)
LENGTHS = ((0, 200, "< 200"), (200, 1_000, "200–999"), (1_000, 5_000, "1,000–4,999"), (5_000, 1 << 60, "5,000+"))


def nothing_to_learn(rows: Sequence[Row]) -> Labels:
    """No labels; RunError where no training text holds anything."""
    if not any(str(row["text"] or "").strip() for row in rows if row.get("split") == "train"):
        raise RunError(
            Message("There is nothing to learn: the training texts are empty."),
            fix=Message("Choose the column that holds the texts on the Data tab."),
        )
    return Labels((), ())


def tokenized(texts: Sequence[str], processor: Any) -> Iterator[list[int]]:
    """All token ids of each text, without special tokens; long texts are meant, so nobody is warned of their length."""
    for start in range(0, len(texts), AT_ONCE):
        some = list(texts[start : start + AT_ONCE])
        found = processor(some, add_special_tokens=False, return_attention_mask=False, verbose=False)
        yield from found["input_ids"]


def by_length(rows: Sequence[Row]) -> tuple[list[int], list[str]]:
    """Rows from short to long, and the group of each in that order."""
    sizes = [len(str(row["text"] or "")) for row in rows]
    order = sorted(range(len(rows)), key=lambda i: sizes[i])
    return order, [next(name for low, high, name in LENGTHS if low <= sizes[i] < high) for i in order]
