"""A cleaning that a person chose meets the values of tasks: places move with their words, and answers come back to the texts as given."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from core import projects
from core.data.cleaning import Cleaning
from core.errors import DataError, SettingsError
from core.export import pack
from core.export.recipe import read_recipe, recipe_text
from core.inference import Predictor, predict_file
from core.models.catalogue import find
from core.settings import checked, knobs, problems
from core.tasks import TASKS, guessing, task
from core.tasks.base import Answer, LabelScores, Spans
from core.tasks.cleaned import cleaned, example, restored, texts_of
from core.training import runs
from core.training.draft import drafted
from core.training.runs import Run
from core.training.settings import TrainingSettings
from core.training.worker import worker
from core.workspace import Workspace, read_json

TIDY = Cleaning.of(["html", "lower", "one"])


def one(name: str, row: dict[str, Any], cleaning: Cleaning = TIDY) -> dict[str, Any]:
    return cleaned([row], task(name).columns, cleaning)[0]


# Places and values -------------------------------------------------------------------------------------------------------


def test_marked_places_stand_where_their_words_now_are():
    text = "<b>Anna</b>   lives in\n\nBERLIN 😀 now"
    where = [text.index("Anna"), text.index("BERLIN")]
    spans = [{"start": where[0], "end": where[0] + 4, "label": "PER"}, {"start": where[1], "end": where[1] + 6, "label": "LOC"}]  # fmt: skip
    row = {"text": text, "label": spans}
    clean = one("tokens", row)
    assert clean["text"] == "anna lives in berlin 😀 now" and row["text"] == text and row["label"] == spans
    assert [clean["text"][s["start"] : s["end"]] for s in clean["label"]] == ["anna", "berlin"]
    said = Spans(tuple({**s, "probability": 0.9} for s in clean["label"]), clean["text"])
    (back,) = restored([said], [row], task("tokens").columns, TIDY)
    assert [text[s["start"] : s["end"]] for s in back.spans] == ["Anna", "BERLIN"] and back.text == text


def test_a_place_of_which_nothing_is_left_is_gone():
    row = {"text": "a <b>b</b>", "label": [{"start": 2, "end": 5, "label": "TAG"}]}
    assert one("tokens", row)["label"] == []


def test_answers_move_and_what_was_said_is_quoted_from_the_given_text():
    text = "Built in  <i>1889</i> by Eiffel"
    row = {"text": text, "question": "WHEN was it built?", "label": [{"text": "1889", "start": text.index("1889")}]}
    clean = one("answers", row)
    assert clean["question"] == "when was it built?" and clean["label"] == [{"text": "1889", "start": 9}]
    said = Answer("by eiffel", clean["text"].index("by"), 0.8, ({"text": "", "start": 0, "probability": 0.1},))
    (back,) = restored([said], [row], task("answers").columns, TIDY)
    assert back.text == "by Eiffel" and text[back.start :].startswith("by Eiffel") and back.others[0]["text"] == ""


def test_marked_entities_and_options_stay_what_they_are():
    row = {"text": "The <e1>Wind</e1>  <br> made <e2:X>Waves</e2>", "label": "Cause(e1,e2)"}
    assert one("relations", row)["text"] == "the <e1>wind</e1> made <e2:X>waves</e2>"
    row = {"text": "Which?", "choices": ["A  cat", "a DOG"], "label": "a DOG"}
    clean = one("choice", row)
    assert clean["choices"] == ["a cat", "a dog"] and clean["label"] == "a dog"
    (back,) = restored([LabelScores("a dog", {"a cat": 0.2, "a dog": 0.8})], [row], task("choice").columns, TIDY)
    assert back.label == "a DOG" and list(back.probabilities) == ["A  cat", "a DOG"]
    alike = {"text": "Which?", "choices": ["Cat", "cat"], "label": "cat"}
    assert one("choice", alike)["choices"] == ["Cat", "cat"]


def test_of_a_conversation_only_what_the_model_hears_is_cleaned():
    said = [("system", "Be  SHORT"), ("user", "<b>HI</b>"), ("assistant", "<b>Hello</b>"), ("tool", '{"A":  1}'), ("assistant", "It is  A")]  # fmt: skip
    turns = [{"role": role, "content": text} for role, text in said]
    clean = one("chat", {"messages": turns, "split": "train"})["messages"]
    assert [turn["content"] for turn in clean] == ["be short", "hi", "<b>Hello</b>", '{"A":  1}', "It is  A"]
    assert turns[1]["content"] == "<b>HI</b>" and one("chat", {"messages": "<i>WHO</i>"})["messages"] == "who"
    (column,) = task("chat").columns
    assert texts_of({"messages": turns}, column) == ["Be  SHORT", "<b>HI</b>"]


def test_of_a_preference_the_question_is_cleaned_and_neither_answer():
    row = {"messages": [{"role": "user", "content": "WHY?"}], "chosen": "Because.", "rejected": "<b>NO</b>"}
    assert one("preferences", row) == {**row, "messages": [{"role": "user", "content": "why?"}]}
    assert [texts_of(row, column) for column in task("preferences").columns] == [["WHY?"], [], []]


def test_every_task_that_reads_texts_offers_a_cleaning():
    read = ("text", "marked", "messages")
    reading = {name for name, t in TASKS.items() if any(c.kind in read and not c.target for c in t.columns)}
    assert {name for name in TASKS if "cleaned" in TASKS[name].traits} >= reading - {"ranking"}
    assert Cleaning.of(["simplified"]).packages == ("OpenCC",) and not TIDY.packages


def test_a_row_without_an_answer_is_cleaned_too_and_no_cleaning_changes_nothing():
    assert one("tokens", {"text": "<p>Hi</p>"})["text"] == "hi"
    row = {"text": " As  it is ", "label": "x"}
    assert one("classification", row, Cleaning()) == row


def test_an_example_shows_a_text_around_its_first_change():
    assert example(["all fine", "x" * 500 + "SHOUT" + "y" * 500], Cleaning.of(["lower"])) == {
        "before": "…" + "x" * 60 + "SHOUT" + "y" * 175 + "…",
        "after": "…" + "x" * 60 + "shout" + "y" * 175 + "…",
    }
    assert example(["all fine"], Cleaning.of(["lower"])) is None


# The setting -------------------------------------------------------------------------------------------------------------


def test_every_step_can_be_chosen_by_its_name():
    knob = next(k for k in knobs(TrainingSettings) if k.name == "cleaning")
    assert knob.kind == "several" and knob.default == []
    for name in knob.choices:
        assert Cleaning.of([name])
    assert Cleaning.of(["lines", "one"]) == Cleaning(space="one") and not Cleaning.of([])
    with pytest.raises(DataError):
        Cleaning.of(["bleach"])


def test_steps_come_as_a_list_or_as_words_with_commas_and_strangers_are_named():
    assert checked(TrainingSettings, {"cleaning": "lower, html"}).cleaning == ["html", "lower"]
    assert checked(TrainingSettings, {"cleaning": []}).cleaning == []
    (problem,) = problems(TrainingSettings, {"cleaning": ["html", "bleach"]})
    assert problem.field == "cleaning" and "bleach" in str(problem.message)
    with pytest.raises(SettingsError):
        checked(TrainingSettings, {"cleaning": "bleach"})


def test_a_draft_and_a_recipe_keep_the_steps():
    assert drafted("balanced", {"cleaning": ["html", "one"]}).changed == {"cleaning": ["html", "one"]}
    told = read_recipe(recipe_text(TrainingSettings(cleaning=["html", "one"])))
    assert not told.problems and told.settings["cleaning"] == ["html", "one"]


# Whole runs ----------------------------------------------------------------------------------------------------------------

NAMES = {"PER": ["ANNA", "Bob", "carl"], "LOC": ["Berlin", "PARIS", "rome"]}


def run_of(folder: Path, name: str, rows: list[dict[str, str]], base: str, phases: list[str], **settings: Any) -> Run:
    project = projects.create(Workspace.open(folder / "home"), "Texts")
    table = folder / "rows.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    data = project.dataset()
    data.add(table, "rows.csv")
    guessing.settle(data, name)
    known = find(base)
    run = runs.create(
        project.folder, name="Clean", task=name, base=known, dataset=data, preset="own", threads=1,
        settings=TrainingSettings(base=known.id, max_length=32, least_count=1, **settings),
        phases=[{"method": method, "settings": {}, "fresh": False} for method in phases],
    )  # fmt: skip
    worker(str(run.folder))
    assert run.view().state == "finished", run.error
    return run


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A classic run on texts whose only sign is a word that stands in tags, now in capitals, now not."""
    dice, rows = random.Random(3), []
    for i in range(120):
        label = dice.choice(["good", "bad"])
        word = {"good": "lovely", "bad": "dreadful"}[label]
        word = word.upper() if dice.random() < 0.5 else word
        rows.append({"text": f"<p>it was&nbsp;<b>{word}</b> number {i}</p>", "label": label, "split": PARTS[i % 5]})
    folder = tmp_path_factory.mktemp("moods")
    return run_of(folder, "classification", rows, "classic:ngram", ["head"], cleaning=["html", "lower"])


PARTS = ("train", "train", "train", "validation", "test")


def test_a_run_learns_from_clean_texts_and_its_model_cleans_what_it_is_asked(moods: Run, tmp_path: Path):
    assert moods.view().test["accuracy"] == 1.0
    about = read_json(moods.model / "hone.json")
    assert about["cleaning"]["html"] and about["settings"]["cleaning"] == ["html", "lower"]
    words = read_json(moods.model / "vocabulary.json")
    assert "nbsp" not in str(words) and "LOVELY" not in str(words)
    predictor = Predictor.open(moods.model, device="cpu")
    a, b = predictor.predict(["it was lovely", "<SPAN>IT WAS <I>LOVELY</I></SPAN>"])
    assert a.as_json() == b.as_json()
    assert (
        predictor.probabilities(["it was lovely"])[0].tolist() == predictor.probabilities(["IT WAS LOVELY"])[0].tolist()
    )
    (tmp_path / "more.csv").write_text("text\n<b>DREADFUL</b>\n", encoding="utf-8")
    predict_file(moods.model, tmp_path / "more.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()[1].startswith("<b>DREADFUL</b>,bad")


def test_the_copy_cleans_as_the_run_does(moods: Run):
    made = pack.pack(moods.folder)
    assert made["checked"] == made["equal"] == 24


def test_spans_of_a_run_are_learnt_and_told_in_the_given_texts(tiny_encoder: Path, tmp_path: Path):
    dice, rows = random.Random(5), []
    for i in range(60):
        kind = dice.choice(list(NAMES))
        word = dice.choice(NAMES[kind])
        text = f"<p>the   {word}</p> is out"
        start = text.index(word)
        spans = f'[{{"start": {start}, "end": {start + len(word)}, "label": "{kind}"}}]'
        rows.append({"text": text, "label": spans, "split": PARTS[i % 5]})
    settings = {"cleaning": ["html", "lower", "one"], "epochs": 1.0, "learning_rate": 1e-3, "start_from_probe": False}
    run = run_of(tmp_path, "tokens", rows, str(tiny_encoder), ["full"], **settings)
    given = rows[4]["text"]
    (said,) = Predictor.open(run.model, device="cpu").predict([given])
    clean, offsets = TIDY.apply_with_offsets(given)
    edges = {offsets.original(i, j) for i in range(len(clean)) for j in range(i + 1, len(clean) + 1)}
    assert said.text == given and all((s["start"], s["end"]) in edges for s in said.spans)
    made = pack.pack(run.folder)
    assert made["checked"] == made["equal"] > 0


def test_a_chat_hears_clean_words_and_its_copy_names_the_package_it_needs(tmp_path: Path):
    rows = [
        {"prompt": f"<p>WHAT  IS {i}</p>", "completion": f"It is {i % 3}", "split": PARTS[i % 5]} for i in range(60)
    ]
    settings = {"cleaning": ["html", "simplified", "lower", "one"], "epochs": 1.0, "answer_length": 6, "start_from_probe": False}  # fmt: skip
    run = run_of(tmp_path, "chat", rows, "blank:causal-tiny", ["full"], **settings)
    predictor = Predictor.open(run.model, device="cpu")
    plain, shouted = predictor.predict(["what is 3", "<b>WHAT IS</b>  3"])
    assert plain.as_json() == shouted.as_json() and "".join(predictor.stream("WHAT IS 3")).strip() == plain.text
    made = pack.pack(run.folder)
    assert made["checked"] == made["equal"] > 0
    with zipfile.ZipFile(made["zip"]) as archive:
        archive.extractall(tmp_path / "copy")
    (copy,) = (tmp_path / "copy").iterdir()
    assert "pip install torch transformers OpenCC\n" in (copy / "README.md").read_text(encoding="utf-8")
    code = "import runpy, sys; sys.modules['opencc'] = None; sys.argv[1:] = ['hi']; runpy.run_path({!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-I", "-c", code.format(str(copy / "predict.py"))], capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.strip().endswith("OpenCC, which is not installed. Install it with: pip install OpenCC")
