"""What a data set is guessed to be for, on files as people bring them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.tasks import TASKS
from core.tasks.guessing import CHOSEN, guess, reason_of, settle

# A file of the shared data -> what it is for, as far as that task is there.
REAL = {
    "banking77/test.csv": "classification",
    "sst2/dev.tsv": "classification",
    "sms_spam/spam_kaggle_layout.csv": "classification",
    "chnsenticorp/dev.tsv": "classification",
    "messy/DERIVED_waimai_gb18030_crlf.csv": "classification",
    "goemotions/dev.csv": "multilabel",
    "goemotions/dev.jsonl": "multilabel",
    "stsb_en/dev.csv": "similarity",
    "messy/stsb_en_train_no_header_crlf.csv": "similarity",
    "mrpc/test.csv": "pairs",
    "messy/mrpc_train_bom_unbalanced_quotes.tsv": "pairs",
    "conll2003/valid.txt": "tokens",
    "cluener2020/dev.jsonl": "tokens",
    "semeval2010_task8/TRAIN_FILE.TXT": "relations",
    "semeval2010_task8/test.csv": "relations",
    "squad_v1/derived_train.json": "answers",
    "multi30k/val.en-de.csv": "text2text",
    "scitldr_a/dev.jsonl": "text2text",
    "alpaca_zh/alpaca_zh_demo.json": "chat",
    "oasst_zh_multiturn/messages.jsonl": "chat",
    "oasst_zh_multiturn/oaast_sft_zh.json": "chat",
    "dpo_pref/dpo_en_demo.json": "preferences",
    "c4_text/c4_demo.jsonl": "language",
    "wiki_text/wiki_demo.txt": "language",
}


def opened(folder: Path, rows: list[dict[str, str]], name: str = "rows.csv") -> Dataset:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    data = Dataset.open(folder / "data")
    data.add(path, name)
    return data


def feelings(several: bool) -> list[dict[str, str]]:
    sets = ["joy", "joy|love", "anger", "anger|fear", "fear", "love", "fear|joy", "love|anger"]
    return [
        {"text": f"what a day number {i}", "labels": sets[i % 8] if several else sets[i % 8].split("|")[0]}
        for i in range(80)
    ]


@pytest.mark.parametrize(("path", "name"), [case for case in REAL.items() if case[1] in TASKS])
def test_real_files_are_for_what_they_were_made_for(data_dir: Path, tmp_path: Path, path: str, name: str) -> None:
    data = Dataset.open(tmp_path)
    data.add(data_dir / path, Path(path).name)
    assert settle(data) == name
    assert data.shape.task == name
    if data.shape.target is not None:
        assert data.counts().labelled > 0.9 * data.counts().rows


def test_one_label_a_row_is_the_usual_case_and_every_task_is_named_with_a_reason(tmp_path: Path) -> None:
    found = guess(opened(tmp_path, feelings(several=False)))
    assert found[0].task == "classification" and not found[0].seen
    assert {one.task for one in found} == set(TASKS)
    assert all(str(one.reason) for one in found)


def test_cells_with_several_labels_make_it_a_task_of_label_sets(tmp_path: Path) -> None:
    data = opened(tmp_path, feelings(several=True))
    assert settle(data) == "multilabel"
    assert "labels" in str(reason_of(data))
    assert sorted(one["name"] for one in data.labels.labels()) == ["anger", "fear", "joy", "love"]
    assert data.page(1, 1).rows[0]["value"] == ["joy", "love"]


def test_decimals_are_a_measure_and_stars_are_labels(tmp_path: Path) -> None:
    def rated(scores: list[str]) -> list[dict[str, str]]:
        return [{"text": f"a film called {i}", "rating": scores[i % len(scores)]} for i in range(60)]

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert settle(opened(tmp_path / "a", rated(["1", "2", "3", "4", "5"]))) == "classification"
    assert settle(opened(tmp_path / "b", rated([f"{i / 7:.2f}" for i in range(1, 40)]))) == "regression"


def test_a_prompt_a_response_and_a_score_are_for_reward_and_a_text_with_a_grade_may_be(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    rows = [
        {"prompt": f"what is the number {i}?", "response": f"It is {i}, or what do you think?", "score": str(i % 5)}
        for i in range(60)
    ]
    data = opened(tmp_path / "a", rows)
    assert settle(data) == "reward"
    assert str(reason_of(data)) == "“response” answers “prompt”, and “score” says how well."
    assert {role: one.column for role, one in data.roles.items()} == {
        "text": "response", "rejected": None, "prompt": "prompt", "grade": "score", "split": None,
    }  # fmt: skip
    rated = opened(tmp_path / "b", [{"text": f"a film called {i}", "rating": f"{i / 7:.2f}"} for i in range(60)])
    assert settle(rated) == "regression"
    (said,) = [one for one in guess(rated) if one.task == "reward"]
    assert not said.seen and "may be a grade" in str(said.reason)


def test_a_named_column_of_labels_wins_over_yes_and_no_columns_beside_it(tmp_path: Path) -> None:
    rows = [
        {"text": f"letter {i} here", "topic": "abc"[i % 3], "is_reply": str(i % 2), "is_new": str((i // 2) % 2)}
        for i in range(60)
    ]
    assert settle(opened(tmp_path, rows)) == "classification"


def test_what_a_person_chose_stays_against_a_later_guess(tmp_path: Path) -> None:
    data = opened(tmp_path, feelings(several=True))
    settle(data, "classification")
    assert reason_of(data) == CHOSEN
    assert settle(data) == data.task == "classification"


def test_answers_given_by_hand_come_back_with_their_task(tmp_path: Path) -> None:
    data = opened(tmp_path, feelings(several=True))
    settle(data)
    row = data.page(0, 1).rows[0]["id"]
    data.labels.put([{"row": row, "value": ["fear", "love"], "client": "test", "seq": 1}], "me")
    settle(data, "classification")
    settle(data, "multilabel")
    assert data.row(row)["value"] == ["fear", "love"] and data.row(row)["origin"] == "human"


def test_columns_a_person_gave_to_a_role_stay_with_the_next_task(tmp_path: Path) -> None:
    rows = [{**row, "remark": "a much longer remark than the text is, in every row of it"} for row in feelings(True)]
    data = opened(tmp_path, rows)
    settle(data)
    data.set_roles({"text": "remark"})
    settle(data, "classification")
    assert data.roles["text"].column == "remark"


def test_a_second_file_does_not_change_what_the_first_is_for(tmp_path: Path) -> None:
    data = opened(tmp_path, feelings(several=False))
    settle(data)
    more = tmp_path / "more.jsonl"
    more.write_text("\n".join(json.dumps(row) for row in feelings(several=True)), encoding="utf-8")
    data.add(more, "more.jsonl")
    assert settle(data) == "classification"
