"""Doubtful labels: confident learning against the paper's own figures and cases worked by hand, and planted wrong labels that must be found."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import tasks
from core.data import conll
from core.data.dataset import Dataset
from core.data.shape import Shape
from core.errors import Cancelled, DataError
from core.labelling import confident, reviews, suspects, unseen

# --- confident learning ---


def test_the_joint_is_that_of_the_papers_first_figure():
    """Northcutt et al. 2021, figure 1: counts of dogs, foxes and cows, and the joint estimated from them."""
    counts = np.array([[100, 40, 20], [56, 60, 0], [32, 12, 80]])
    given = np.repeat(np.arange(3), counts.sum(axis=1))
    assert confident.joint(counts, given) == pytest.approx(
        np.array([[0.25, 0.1, 0.05], [0.14, 0.15, 0.0], [0.08, 0.03, 0.2]])
    )


# Six rows of two labels, worked by hand: thresholds are (0.9 + 0.8 + 0.1) / 3 = 0.6 and (0.7 + 0.8 + 0.3) / 3 = 0.6.
SHARES = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.2, 0.8], [0.7, 0.3]])
GIVEN = np.array([0, 0, 0, 1, 1, 1])


def test_thresholds_and_the_confident_joint_are_those_worked_by_hand():
    assert confident.thresholds(SHARES, GIVEN) == pytest.approx([0.6, 0.6])
    assert confident.confident_joint(SHARES, GIVEN).tolist() == [[2, 1], [1, 2]]


def test_a_row_that_reaches_no_threshold_is_not_counted():
    shares = np.array([[0.9, 0.05, 0.05], [0.4, 0.3, 0.3], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    counts = confident.confident_joint(shares, np.array([0, 0, 1, 2]))
    assert counts.sum() == 3 and counts.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_the_doubted_rows_are_as_many_of_each_label_as_the_joint_says():
    shares = confident.joint(confident.confident_joint(SHARES, GIVEN), GIVEN)
    assert np.flatnonzero(confident.doubted(SHARES, GIVEN, shares)).tolist() == [2, 5]
    assert confident.self_confidence(SHARES, GIVEN) == pytest.approx([0.9, 0.8, 0.1, 0.7, 0.8, 0.3])
    assert confident.normalized_margin(SHARES, GIVEN) == pytest.approx([0.8, 0.6, -0.8, 0.4, 0.6, -0.4])


def test_a_row_on_which_the_models_agree_with_its_label_is_never_doubted():
    shares = np.array([[0.3, 0.3], [0.45, 0.55]])
    assert not confident.doubted(np.array([[0.6, 0.4], [0.4, 0.6]]), np.array([0, 1]), shares).any()


def test_of_a_set_of_labels_the_worst_counts_most():
    """The exponential moving average of Thyagarajan et al. 2022 by hand: 0.9, 0.8, 0.1 from the best to the worst."""
    chances = np.array([[0.9, 0.2, 0.1], [0.9, 0.1, 0.9], [0.1, 0.9, 0.1]])
    given = np.array([[True, False, True], [True, False, True], [False, True, False]])
    _, score = confident.of_sets(chances, given)
    assert score[0] == pytest.approx(0.8 * 0.1 + 0.2 * (0.8 * 0.8 + 0.2 * 0.9))
    assert score[1] == pytest.approx(0.9)


def test_a_texts_score_is_that_of_its_worst_token():
    shares = np.array([[0.9, 0.1], [0.3, 0.7], [0.8, 0.2], [0.4, 0.6]])
    _, score = confident.of_tokens(shares, np.array([0, 0, 0, 1]), np.array([0, 0, 1, 2]), 3)
    assert score == pytest.approx([0.3, 0.8, 0.6])


# --- folds ---


def test_near_equal_rows_are_never_parted_and_labels_are_dealt_out_evenly():
    chance = np.random.default_rng(3)
    groups, label = chance.integers(0, 400, 1000), np.zeros(1000, np.int64)
    label = groups % 4  # equal texts of equal labels
    fold = unseen.folds(groups, label, 5, 1)
    assert all(len(set(fold[groups == group].tolist())) == 1 for group in np.unique(groups))
    first = np.unique(groups, return_index=True)[1]
    counts = np.array([np.bincount(fold[first][label[first] == k], minlength=5) for k in range(4)])
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()


# --- the whole way ---

Make = Callable[..., Dataset]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(task, rows) -> a data set with these texts and answers."""

    def made(task: str, rows: list[tuple[str, Any]], name: str = "data") -> Dataset:
        data = Dataset.open(tmp_path / name)
        data.set_shape(Shape.of(task, tasks.task(task).columns))
        path = tmp_path / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["text", "label"])
            lines.writerows((text, said if isinstance(said, str) else json.dumps(said)) for text, said in rows)
        data.add(path, "rows.csv")
        roles = [part.role for part in data.shape.parts]
        data.set_roles({roles[0]: "text", roles[1]: "label"})
        return data

    return made


WORDS = {"bicycle": "bike wheel saddle chain brake pedal gear", "bank": "card money loan bank transfer fee account",
         "garden": "rose soil seed plant water leaf tree"}  # fmt: skip


def mail(count: int = 90) -> list[tuple[str, str]]:
    chance = np.random.default_rng(1)
    rows = []
    for i in range(count):
        label = list(WORDS)[i % 3]
        rows.append((f"my {' '.join(chance.permutation(WORDS[label].split())[:4])} number {i}", label))
    return rows


def quiet(*told: Any) -> None:
    """Nobody watches."""


def looked(data: Dataset) -> suspects.Judged:
    return suspects.judge(data, quiet, lambda: False)


def test_planted_wrong_labels_stand_first_with_the_right_one_proposed(make: Make):
    rows = mail()
    right = {4: rows[4][1], 30: rows[30][1], 61: rows[61][1]}
    for i in right:
        rows[i] = (rows[i][0], next(name for name in WORDS if name != rows[i][1]))
    judged = looked(make("classification", rows))
    first = judged.doubted[:3]
    assert {int(judged.places[i]) for i, _ in first} == set(right)
    assert all(told["proposed"] == right[int(judged.places[i])] for i, told in first)
    assert all(told["votes"] == judged.models == 5 for _, told in first)
    assert 2 <= judged.wrong <= 6
    assert set(judged.order) == set(range(90))


def test_the_evidence_is_the_most_similar_labelled_rows_without_the_row_itself(make: Make):
    rows = mail()
    rows[4] = (rows[4][0], "garden")
    judged = looked(make("classification", rows))
    i, told = judged.doubted[0]
    assert len(told["near"]) == 3 and i not in [place for place, _ in told["near"]]
    assert [share for _, share in told["near"]] == sorted((share for _, share in told["near"]), reverse=True)
    assert sum(rows[place][1] == "bank" for place, _ in told["near"]) >= 2


def test_equal_texts_with_different_labels_come_first(make: Make):
    rows = [*mail(), ("where is my parcel", "bank"), ("Where is my parcel?", "bank"), ("where is my parcel", "garden")]
    judged = looked(make("classification", rows))
    i, told = judged.doubted[0]
    assert (int(judged.places[i]), told["why"], told["given"], told["proposed"]) == (92, "twins", "garden", "bank")


def test_what_was_found_is_kept_until_the_data_are_others(make: Make, tmp_path: Path):
    rows = mail()
    rows[4] = (rows[4][0], "garden")
    data = make("classification", rows)
    assert suspects.known(data) is None
    told = suspects.look(str(data.folder), progress=quiet, cancelled=lambda: False)
    data = Dataset.open(data.folder)
    found = suspects.known(data)
    ids = {label.name: label.id for label in data.state.alive}
    assert found is not None and told["found"] == len(found["found"]) >= 1
    assert found["found"][0]["row"] == "1:4" and found["found"][0]["proposed"] == ids["bank"]
    assert suspects.changed_since(data, found["version"]) == 0
    data.labels.put([{"row": "1:4", "label": "bank", "seq": 1, "client": "test"}], "me")
    assert suspects.changed_since(data, found["version"]) == 1
    (tmp_path / "more.csv").write_text("text,label\nmore,bank\n", encoding="utf-8")
    data.add(tmp_path / "more.csv", "more.csv")
    assert suspects.known(data) is None


def test_too_few_labels_are_told_and_a_look_can_be_cancelled(make: Make):
    with pytest.raises(DataError, match="too few labels"):
        looked(make("classification", mail(30), "few"))
    with pytest.raises(Cancelled):
        suspects.judge(make("classification", mail()), quiet, lambda: True)


def test_a_label_too_many_and_one_that_is_missing_are_told_apart(make: Make):
    chance, rows = np.random.default_rng(2), []
    for i in range(120):
        names = [list(WORDS)[i % 3], *([list(WORDS)[(i + 1) % 3]] if i % 2 else [])]
        words = [word for name in names for word in chance.permutation(WORDS[name].split())[:4].tolist()]
        rows.append((f"{' '.join(words)} {i}", names))
    rows[10] = (rows[10][0], [*rows[10][1], "garden"] if "garden" not in rows[10][1] else [*rows[10][1], "bank"])
    rows[21] = (rows[21][0], rows[21][1][:1])
    judged = looked(make("multilabel", rows))
    told = {int(judged.places[i]): entry for i, entry in judged.doubted[:3]}
    assert {10, 21} <= set(told)
    assert len(told[10]["proposed"]) == 1 and len(told[21]["proposed"]) == 2
    assert {(bool(a), bool(b)) for a, b, _ in judged.pairs} == {(True, False), (False, True)}


def test_a_number_far_from_what_the_models_say_is_doubted(make: Make):
    chance, rows = np.random.default_rng(3), []
    for i in range(120):
        stars = 1 + i % 5
        words = ["awful", "weak", "fair", "good", "superb"][stars - 1]
        rows.append((f"a {words} {words} film about {chance.choice(WORDS['garden'].split())} {i}", str(stars)))
    rows[8] = (rows[8][0], "1") if rows[8][1] != "1" else (rows[8][0], "5")
    judged = looked(make("regression", rows))
    i, told = judged.doubted[0]
    assert int(judged.places[i]) == 8 and told["given"] == 1.0 and told["far"] > 3
    assert told["proposed"] == 4.0


def test_a_mark_of_the_wrong_sort_and_one_that_is_missing_are_found(make: Make, data_dir: Path):
    text = (data_dir / "conll2003" / "train.txt").read_text(encoding="utf-8")
    rows = list(conll.rows(text.splitlines(), conll.layout(text[:20_000])))[:1500]
    chance = np.random.default_rng(5)
    clear = [i for i, (words, spans) in enumerate(rows) if len(words) > 60 and any(s["label"] == "LOC" for s in spans)]
    planted = chance.choice(clear, 40, replace=False).tolist()
    for n, i in enumerate(planted):
        words, spans = rows[i]
        at = next(k for k, one in enumerate(spans) if one["label"] == "LOC")
        rows[i] = (words, [*spans[:at], *([{**spans[at], "label": "PER"}] if n % 2 else []), *spans[at + 1 :]])
    judged = looked(make("tokens", rows))
    listed = [int(judged.places[i]) for i, _ in judged.doubted]
    top = listed[:75]  # 5 % of all
    assert len(set(top) & set(planted)) / len(top) > 5 * len(planted) / len(rows)
    told = {int(judged.places[i]): entry for i, entry in judged.doubted}
    wrong_sort = [told[i] for i in planted[1::2] if i in told]
    assert any(
        o["label"] == "PER" and n["label"] == "LOC"
        for entry in wrong_sort
        for o in entry["doubted"]
        for n in entry["instead"]
    )


def picture(colour: str, chance: np.random.Generator) -> bytes:
    base = {"red": (200, 30, 30), "green": (30, 180, 30), "blue": (30, 30, 200)}[colour]
    noise = chance.integers(-25, 25, (24, 24, 3))
    out = io.BytesIO()
    Image.fromarray(np.clip(np.array(base) + noise, 0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_a_picture_in_the_wrong_folder_is_doubted(tmp_path: Path):
    chance, colours = np.random.default_rng(6), ("red", "green", "blue")
    with zipfile.ZipFile(tmp_path / "fruit.zip", "w") as archive:
        for i in range(60):
            archive.writestr(f"{'green' if i == 9 else colours[i % 3]}/{i:03}.png", picture(colours[i % 3], chance))
    data = Dataset.open(tmp_path / "pictures")
    data.set_shape(Shape.of("images", tasks.task("images").columns))
    data.add(tmp_path / "fruit.zip", "fruit.zip")
    told = [entry for _, entry in looked(data).doubted]
    assert [(entry["given"], entry["proposed"]) for entry in told[:1]] == [("green", "red")]


def test_a_wrong_label_of_a_pair_is_doubted(tmp_path: Path):
    chance = np.random.default_rng(7)
    path = tmp_path / "pairs.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["one", "other", "label"])
        for i in range(120):
            name = list(WORDS)[i % 3]
            other = name if i % 2 else list(WORDS)[(i + 1) % 3]
            texts = [" ".join(chance.permutation(WORDS[key].split())[:5]) for key in (name, other)]
            lines.writerow([*texts, "same" if (other == name) != (i == 20) else "different"])
    data = Dataset.open(tmp_path / "data")
    data.set_shape(Shape.of("pairs", tasks.task("pairs").columns))
    data.add(path, "pairs.csv")
    roles = [part.role for part in data.shape.parts]
    data.set_roles({roles[0]: "one", roles[1]: "other", roles[2]: "label"})
    judged = looked(data)
    assert 20 in [int(judged.places[i]) for i, _ in judged.doubted[:3]]


# --- what was looked at ---


def test_a_verdict_is_kept_with_the_data_and_can_be_taken_back(make: Make):
    data = make("classification", mail())
    reviews.keep(data, {"1:4": 2, "1:5": [1, 2]}, "me")
    data.close()
    data = Dataset.open(data.folder)
    assert reviews.kept(data) == {"1:4": 2, "1:5": [1, 2]}
    reviews.forget(data, ["1:4"])
    assert reviews.kept(data) == {"1:5": [1, 2]}
