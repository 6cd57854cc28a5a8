"""Which column is what, for column names and contents as people have them."""

from __future__ import annotations

import pytest

from core.data.roles import as_split, guess

TEXTS = [f"A sentence of some length about matter number {i}" for i in range(60)]
FEW = [("yes", "no", "maybe")[i % 3] for i in range(60)]
NUMBERS = [str(i) for i in range(60)]
STARS = [str(i % 5 + 1) for i in range(60)]
SPLIT = ["train"] * 40 + ["dev"] * 10 + ["test"] * 10


@pytest.mark.parametrize(
    ("columns", "text", "label", "split"),
    [
        ({"text": TEXTS, "label": FEW}, "text", "label", None),
        ({"v1": FEW, "v2": TEXTS}, "v2", "v1", None),
        ({"id": NUMBERS, "Body": TEXTS, "Answer": FEW}, "Body", "Answer", None),
        ({"column 1": FEW, "column 2": TEXTS}, "column 2", "column 1", None),
        ({"文本": TEXTS, "标签": FEW}, "文本", "标签", None),
        ({"review": TEXTS, "stars": STARS, "user": NUMBERS}, "review", "stars", None),
        ({"text": TEXTS, "label": FEW, "split": SPLIT}, "text", "label", "split"),
        ({"text": TEXTS, "kind": SPLIT, "label": FEW}, "text", "label", "kind"),
        ({"text": TEXTS}, "text", None, None),
        ({"text": NUMBERS, "description": TEXTS}, "description", None, None),
        ({"text": TEXTS, "label": [""] * 60}, "text", None, None),
        ({"subject": [t[:15] for t in TEXTS], "message": TEXTS, "label": FEW}, "message", "label", None),
    ],
)
def test_roles_are_guessed_as_a_person_would(
    columns: dict[str, list[str]], text: str, label: str | None, split: str | None
) -> None:
    found = guess(columns)
    assert (found["text"].column, found["label"].column, found["split"].column) == (text, label, split)
    assert all(str(role.reason).endswith(".") for role in found.values())


def test_words_for_splits() -> None:
    assert [as_split(w) for w in (" Train ", "DEV", "val", "held-out", "测试集", "maybe", "")] == [
        "train", "validation", "validation", "test", "test", None, None,
    ]  # fmt: skip
