"""Languages in the check-up: a real share of another language is told, single slips of the guess are not."""

from __future__ import annotations

import csv
from pathlib import Path

from core.data import checks
from core.data.checkup import mixture
from core.data.dataset import Dataset


def test_german_among_english_is_told_and_can_be_left_out(tmp_path: Path, data_dir: Path) -> None:
    with (data_dir / "multi30k/val.en-de.csv").open(encoding="utf-8", newline="") as file:
        pairs = [list(row.values()) for row in csv.DictReader(file)]
    english, german = ([pair[i] for pair in pairs] for i in (0, 1))
    if sum("ein" in text.split() for text in english) > sum("ein" in text.split() for text in german):
        english, german = german, english
    path = tmp_path / "mixed.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = [(text, "ab"[i % 2]) for i, text in enumerate([*english, *german[:200]])]
        csv.writer(file).writerows([("text", "label"), *rows])
    data = Dataset.open(tmp_path / "data")
    data.add(path, path.name)
    finding = next(f for f in data.findings() if f.id == "languages")
    assert "not in English, as most are: German" in str(finding.title)
    rows = data.page(only="finding:languages", count=300).rows
    assert sum(row["text"] in german for row in rows) >= 0.98 * len(rows)
    assert len(rows) >= 0.7 * 200
    checks.apply(data, "languages", "leave_out")
    assert not any(f.id == "languages" and not f.done for f in data.findings())


def test_one_language_is_nothing_to_tell(tmp_path: Path, data_dir: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    data.add(data_dir / "banking77/train.csv", "train.csv")
    assert list(mixture.shares(data.state)) == ["en"]
    assert not any(f.id == "languages" for f in data.findings())
