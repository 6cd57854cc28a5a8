"""Search: batches without the same text twice, the loss by hand, places of the right text, rivals, and a run whose copy finds the same."""

from __future__ import annotations

import csv
import json
import math
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from contract_rows import searches, write_run

from core.data.dataset import Dataset
from core.evaluation import ranking, report
from core.evaluation.measured import rows_in
from core.export import pack
from core.inference import Predictor
from core.models import stored
from core.models.catalogue import find
from core.models.loading import open_base
from core.tasks.base import Labels, Ranking
from core.tasks.guessing import settle
from core.tasks.retrieval import Retrieval, nearest
from core.training.settings import TrainingSettings
from core.training.worker import worker

TASK = Retrieval()
LABELS = Labels(("vector",), (3,))
SETTINGS = TrainingSettings(max_length=32, batch_size=4, pair_temperature=0.1)


def encoded(base: Path, rows: list[dict]) -> tuple:
    source = open_base(find(str(base)))
    return source, [SimpleNamespace(**{**e.__dict__, "number": i}) for i, e in enumerate(TASK.encode(rows, source.tokenizer, SETTINGS))]  # fmt: skip


def test_no_question_and_no_text_stands_twice_in_a_batch_where_that_can_be_avoided(tiny_encoder: Path):
    rows = [{"text": f"what is {i}", "text_b": f"text {i % 8}", "negative": None} for i in range(40)]
    _, examples = encoded(tiny_encoder, rows)
    batches = TASK.arrange(examples, SETTINGS, 3)
    assert sorted(e.row for batch in batches for e in batch) == list(range(40))
    texts = [[rows[e.row]["text_b"] for e in batch] for batch in batches]
    assert sum(len(set(some)) < len(some) for some in texts) <= 1
    assert [[e.row for e in b] for b in TASK.arrange(examples, SETTINGS, 3)] == [[e.row for e in b] for b in batches]


def test_the_loss_is_minus_log_of_the_share_of_the_own_text(tiny_encoder: Path):
    rows = [
        {"text": "red bike", "text_b": "the bike is red", "negative": "the box is red"},
        {"text": "lost card", "text_b": "card money lost", "negative": None},
        {"text": "late order", "text_b": "the bike is red", "negative": None},
    ]
    source, examples = encoded(tiny_encoder, rows)
    model = TASK.model(source, LABELS, SETTINGS).eval()
    batch = TASK.collate(examples, None, source.tokenizer)
    with torch.no_grad():
        outputs = TASK.forward(model, batch)
        found = float(TASK.loss(outputs, batch, SETTINGS, LABELS))
    assert outputs.shape[0] == 7 and torch.allclose(outputs.norm(dim=1), torch.ones(7), atol=1e-5)
    q, t = outputs[:3], outputs[3:]
    share = [[math.exp(float(q[i] @ t[j]) / 0.1) for j in range(4)] for i in range(3)]
    share[0][2] = share[2][0] = 0.0  # the same text again is not wrong
    right = -sum(math.log(share[i][i] / sum(share[i])) for i in range(3)) / 3
    assert found == pytest.approx(right, rel=1e-4)


def test_measures_are_those_of_the_ranking_module():
    dice = np.random.default_rng(5)
    texts = [f"text {i}" for i in range(30)]
    vectors = dice.normal(size=(30, 6))
    asked = vectors[:12] + 1.2 * dice.normal(size=(12, 6))
    rows = [{"text": f"q{i}", "text_b": texts[i]} for i in range(12)]
    said = nearest(asked, vectors, texts, texts[:12])
    found = TASK.score(rows, said, LABELS)
    table = asked @ vectors.T
    outside = ranking.from_similarities(table, range(12), ks=(1, 10))
    assert found["recall@1"] == pytest.approx(outside["recall@1"]) and 0 < found["recall@1"] < 1
    assert found["recall@10"] == pytest.approx(outside["recall@10"])
    ndcg = [ranking.ndcg(np.eye(30)[i], table[i], 10) for i in range(12)]
    assert found["ndcg@10"] == pytest.approx(float(np.mean(ndcg)))
    own = 20 * table[0]
    assert said[0].nll == pytest.approx(float(np.log(np.exp(own).sum()) - own[0]))


def test_a_text_that_is_not_found_counts_nothing():
    rows = [{"text": "a", "text_b": "x"}, {"text": "b", "text_b": "y"}]
    said = [
        Ranking(({"text": "z", "score": 0.9}, {"text": "x", "score": 0.8})),
        Ranking(({"text": "z", "score": 0.5},)),
    ]
    found = TASK.score(rows, said, LABELS)
    assert (found["recall@1"], found["recall@10"], found["mrr"]) == (0.0, 0.5, 0.25)
    told = TASK.report(rows, said, LABELS)
    assert told["places"]["values"][1] == 1 and told["places"]["values"][-1] == 1
    assert [row["gold"] for row in told["samples"]["rows"]] == ["x", "y"]


def test_a_run_searches_its_own_texts_and_its_copy_finds_the_same(tiny_encoder: Path, tmp_path: Path):
    folder = tmp_path / "run"
    write_run(folder, TASK, tiny_encoder, epochs=8.0)
    worker(str(folder))
    rows = searches(folder)
    known = {row["text_b"] for row in rows}
    kept = stored.load(folder / "model")
    assert set(kept["texts"]) == known and kept["vectors"].shape == (len(known), 32)
    about = json.loads((folder / "model" / "hone.json").read_text())
    assert about["extra"] == {"texts": len(known), "left_out": 0} and about["columns"] == [
        {"role": "text", "kind": "text"}
    ]
    (answer,) = Predictor.open(folder / "model", device="cpu").predict(["is the red bike"])
    assert len(answer.items) == 10 and {item["text"] for item in answer.items} <= known
    assert [item["score"] for item in answer.items] == sorted((i["score"] for i in answer.items), reverse=True)
    made = report.make(folder, lambda d, t: None, lambda: False)
    values = {line["id"]: line["value"] for line in made["contenders"]}
    assert set(values) == {"words", "before", "run"} and values["run"] > 3 / len(known)
    finished = [json.loads(x) for x in (folder / "events.jsonl").read_text().splitlines() if '"finished"' in x][-1]
    assert finished["test"]["recall@1"] == pytest.approx(values["run"])  # the same texts are searched
    packed = pack.pack(folder)
    assert packed["checked"] == packed["equal"] == 20
    with zipfile.ZipFile(packed["zip"]) as archive:
        card = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("README.md"))
    assert f"the {len(known)} texts that it searches" in card and "not part of this folder" not in card


def test_columns_called_question_and_passage_are_for_it(tmp_path: Path):
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["query", "passage"])
        out.writerows(
            [f"who wrote book {i}?", f"The book with number {i} was written long ago by author {i}."] for i in range(60)
        )
    data = Dataset.open(tmp_path / "data")
    data.add(path, "rows.csv")
    assert settle(data) == "retrieval"
    assert data.roles["text"].column == "query" and data.roles["text_b"].column == "passage"


def test_triplets_are_for_it_and_texts_with_labels_can_be(tmp_path: Path):
    for name, titles in (("triplets", ["anchor", "positive", "negative"]), ("labelled", ["text", "label"])):
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(titles)
            for i in range(60):
                texts = [f"where is my card number {i}?", f"I am waiting for card {i}.", f"A refund of {i}, please."]
                out.writerow(texts if name == "triplets" else [texts[0], f"topic {i % 6}"])
    data = Dataset.open(tmp_path / "a")
    data.add(tmp_path / "triplets.csv", "triplets.csv")
    assert settle(data) == "retrieval"
    roles = {role: one.column for role, one in data.roles.items()}
    assert (roles["text"], roles["text_b"], roles["negative"]) == ("anchor", "positive", "negative")
    data.freeze(tmp_path / "rows.arrow")
    assert {row["negative"][:8] for row in rows_in(tmp_path / "rows.arrow", TASK)} == {"A refund"}
    labelled = Dataset.open(tmp_path / "b")
    labelled.add(tmp_path / "labelled.csv", "labelled.csv")
    assert settle(labelled) == "classification"
    assert settle(labelled, "retrieval") == "retrieval"  # then its label is what should be found
    assert (labelled.roles["text"].column, labelled.roles["text_b"].column) == ("text", "label")
    assert labelled.freeze(tmp_path / "more.arrow").counts["train"] == 48
