"""Masking of personal data: in all rows, undone in one step, and marked places stay at their words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from core.data import checks
from core.data.dataset import Dataset
from core.data.shape import Part, Shape

ROWS = [
    ("write to ann@example.org or call 09061743811", "a"),
    ("card 4111 1111 1111 1111 was charged", "b"),
    ("nothing here, order 4111111111111112", "a"),
    ("nor here, version 2.14.3.1", "b"),
]


def test_what_is_personal_is_told_masked_and_brought_back(labelled: Callable[..., Dataset]) -> None:
    data = labelled(ROWS)
    finding = next(f for f in data.findings() if f.id == "personal")
    assert str(finding.title) == (
        "2 texts hold personal data: mail addresses in 1, phone numbers in 1, card numbers in 1."
    )
    shown = "".join(text for example in finding.examples for line in example for text, _ in line.pieces)
    assert "[card number]" in shown and "4111" not in shown and "ann@" not in shown
    group = checks.apply(data, "personal", "mask")
    assert [row["text"] for row in data.page().rows][:2] == [
        "write to [mail address] or call [phone number]",
        "card [card number] was charged",
    ]
    assert not any(f.id == "personal" and not f.done for f in data.findings())
    checks.undo(data, group)
    assert [row["text"] for row in data.page().rows] == [text for text, _ in ROWS]


def test_rows_that_are_left_out_are_masked_too(labelled: Callable[..., Dataset]) -> None:
    data = labelled(ROWS)
    data.exclude([data.page().rows[0]["id"]])
    checks.apply(data, "personal", "mask")
    assert "ann@" not in data.page().rows[0]["text"]


def test_every_file_is_masked_in_its_own_column(tmp_path: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    for name, column in (("a", "text"), ("b", "message")):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(
            "\n".join(json.dumps({column: f"{name}{i} of ann@example.org", "label": "x"}) for i in range(3))
        )
        data.add(path, path.name)
    texts = [row["text"] for row in data.page().rows]
    assert len(texts) == 6 and all("@" in text for text in texts)
    checks.apply(data, "personal", "mask")
    assert [row["text"] for row in data.page().rows] == [
        text.replace("ann@example.org", "[mail address]") for text in texts
    ]


def test_marked_places_stay_at_their_words_those_of_the_file_and_those_of_people(tmp_path: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    texts = ["write ann@example.org, says Ann in Rome", "call 09061743811, says Bob in Oslo"]
    rows = [
        {"text": texts[0], "spans": [[texts[0].index("Rome"), len(texts[0]), "city"]]},
        {"text": texts[1], "spans": []},
    ]
    path = tmp_path / "places.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    data.add(path, path.name)
    data.set_shape(Shape("tokens", (Part("text", "text"), Part("spans", "spans", target=True))))
    data.set_roles({"text": "text", "spans": "spans"})
    second = data.page().rows[1]["id"]
    at = texts[1].index("Oslo")
    data.labels.put(
        [{"row": second, "value": [{"start": at, "end": at + 4, "label": "city"}], "seq": 1, "client": "me"}], "me"
    )

    def words() -> list[list[str]]:
        return [[row["text"][one["start"] : one["end"]] for one in row["value"]] for row in data.page().rows]

    assert words() == [["Rome"], ["Oslo"]]
    group = checks.apply(data, "personal", "mask")
    assert [row["text"] for row in data.page().rows] == [
        "write [mail address], says Ann in Rome",
        "call [phone number], says Bob in Oslo",
    ]
    assert words() == [["Rome"], ["Oslo"]]
    checks.undo(data, group)
    assert words() == [["Rome"], ["Oslo"]]


def test_a_place_marked_after_masking_stays_there(tmp_path: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    path = tmp_path / "places.jsonl"
    rows = [{"text": "call 09061743811, says Bob in Oslo", "spans": []}, {"text": "Rome", "spans": [[0, 4, "city"]]}]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    data.add(path, path.name)
    data.set_shape(Shape("tokens", (Part("text", "text"), Part("spans", "spans", target=True))))
    data.set_roles({"text": "text", "spans": "spans"})
    group = checks.apply(data, "personal", "mask")
    row = data.page().rows[0]
    at = row["text"].index("Oslo")
    data.labels.put(
        [{"row": row["id"], "value": [{"start": at, "end": at + 4, "label": "city"}], "seq": 1, "client": "me"}], "me"
    )
    for _ in ("masked", "not masked any more"):
        row = data.page().rows[0]
        (marked,) = row["value"]
        assert row["text"][marked["start"] : marked["end"]] == "Oslo"
        checks.undo(data, group)
    assert "09061743811" in data.page().rows[0]["text"]
