"""What gives the label away: markers and columns are found, honest data has none."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from core.data import checks
from core.data.checkup import giveaways
from core.data.dataset import Dataset


def planted(tmp_path: Path, data_dir: Path, mark: str, share: float = 1.0) -> Dataset:
    """Real messages with a mark in front that names the label."""
    chance = random.Random(1)
    with (data_dir / "sms_spam/spam.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        rows = [list(row.values())[:2] for row in csv.DictReader(file)][:2000]
    path = tmp_path / "marked.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", "text"])
        for label, text in ((a, b) if a in ("ham", "spam") else (b, a) for a, b in rows):
            writer.writerow([label, (mark.format(label=label) if chance.random() < share else "") + text])
    data = Dataset.open(tmp_path / "data")
    data.add(path, path.name)
    return data


@pytest.mark.parametrize("mark", ["[{label}] ", "__label__{label} ", "LABEL: {label} | ", "topic={label}; "])
def test_a_text_that_names_its_label_is_told_with_the_word(tmp_path: Path, data_dir: Path, mark: str) -> None:
    data = planted(tmp_path, data_dir, mark)
    finding = next(f for f in data.findings() if f.id == "giveaway_text")
    assert finding.tone == "bad" and "“spam” → spam" in str(finding.title)
    assert any(
        marked and text in ("spam", "ham") for e in finding.examples for line in e for text, marked in line.pieces
    )


def test_the_words_are_taken_out_and_come_back(tmp_path: Path, data_dir: Path) -> None:
    data = planted(tmp_path, data_dir, "[{label}] ")
    before = [row["text"] for row in data.page(count=200).rows]
    group = checks.apply(data, "giveaway_text", "take_out")
    after = [row["text"] for row in data.page(count=200).rows]
    assert not any(text.startswith(("[spam]", "[ham]")) for text in after)
    assert not any(f.id == "giveaway_text" and not f.done for f in data.findings())
    checks.undo(data, group)
    assert [row["text"] for row in data.page(count=200).rows] == before


def test_a_mark_in_half_of_the_texts_is_none(tmp_path: Path, data_dir: Path) -> None:
    assert giveaways.words(planted(tmp_path, data_dir, "[{label}] ", share=0.5).state) == {}


@pytest.mark.parametrize(
    "name", ["sms_spam/spam.csv", "banking77/train.csv", "sst2/train.tsv", "chnsenticorp/train.tsv"]
)
def test_honest_data_has_no_such_word(tmp_path: Path, data_dir: Path, name: str) -> None:
    data = Dataset.open(tmp_path / "data")
    data.add(data_dir / name, Path(name).name)
    assert giveaways.words(data.state) == {}
    assert giveaways.columns(data.state) == []


def test_columns_that_say_the_label_are_told_and_others_are_not(tmp_path: Path) -> None:
    chance = random.Random(2)
    lines = ["text,label,label_id,shop,row"]
    for i in range(300):
        label = chance.choice(["Refund", "Delivery", "Damage"])
        lines.append(f"text {i} of its own,{label},{ord(label[2])},{chance.choice('ns')},{i}")
    path = tmp_path / "columns.csv"
    path.write_text("\n".join(lines))
    data = Dataset.open(tmp_path / "data")
    data.add(path, path.name)
    data.set_roles({"text": "text", "label": "label"})
    finding = next((f for f in data.findings() if f.id == "giveaway_column"), None)
    assert finding is not None and str(finding.title) == "The column “label_id” says what the label is."


def test_too_few_rows_say_nothing(labelled: Callable[..., Dataset]) -> None:
    data = labelled([(f"{label} {i}", label) for i in range(10) for label in ("good", "bad")])
    assert giveaways.words(data.state) == {}
