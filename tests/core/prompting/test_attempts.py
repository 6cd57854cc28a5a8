"""Attempts on a project: which rows are asked, what is kept, how they stand beside runs; prompts that are checked; recipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from finished_runs import finish

from core import projects
from core.errors import DataError, ModelError, SettingsError
from core.evaluation import answers, report
from core.projects import Project
from core.prompting import attempts, descriptions, prompts, recipes, ways
from core.prompting.settings import UntrainedSettings
from core.tasks import guessing
from core.workspace import Workspace


def test_labels_are_called_by_their_name_made_readable():
    assert [descriptions.readable(name) for name in ("card_arrival", "BikeWheel", "a-b/c", "物流", "_")] == [
        "card arrival", "Bike Wheel", "a b c", "物流", "_",
    ]  # fmt: skip


def test_what_is_said_of_a_label_outlives_its_name(project: Project):
    data, folder = project.dataset(), project.folder / attempts.FOLDER
    card = next(label for label in data.state.alive if label.name == "lost_card")
    descriptions.keep(folder, card.id, "card", ["  my   card is gone ", ""])
    data.labels.rename(card.id, "Card")
    told = {one.name: one for one in descriptions.described(data.state, folder)}
    assert told["Card"].words == "card" and told["Card"].sentences == ("my card is gone",)
    descriptions.keep(folder, card.id, "", [])
    assert {one.words for one in descriptions.described(data.state, folder)} == {"Card", "Bike Wheel", "praise"}


def test_exactly_the_test_rows_of_every_run_are_asked_and_a_reload_shows_what_came(
    project: Project, attempt, tiny_encoder: Path
):
    run = finish(project)
    report.make(run.folder)
    made = attempt(way="nearest", base=str(tiny_encoder))
    assert sorted(answers.load(made.folder).ids) == sorted(answers.load(run.folder).ids)
    told = attempts.attempts(project.folder)[0].report
    assert told["total"] == 12 and told["split"] == "test" and told["chosen"]["neighbours"] >= 1
    assert told["low"] <= told["accuracy"] <= told["high"] and told["correct"] + told["wrong"] == 12
    pair, n = attempts.against(made, run.folder)
    mine, theirs = answers.load(made.folder), answers.load(run.folder)
    order = [list(theirs.ids).index(id) for id in mine.ids]
    assert n == 12 and pair.mended == int((theirs.right[order] & ~mine.right).sum())
    best, _, of = attempts.best_beside(project.folder, frozenset(theirs.ids))
    assert best.id == made.id and of == 1
    assert attempts.best_beside(project.folder, frozenset(list(theirs.ids)[1:])) is None


def test_texts_without_a_label_are_guessed_and_not_scored(attempt, tiny_encoder: Path):
    made = attempt(way="similar", base=str(tiny_encoder), split="unlabelled")
    assert made.report["total"] == 1 and not made.report["scored"] and "accuracy" not in made.report
    assert answers.load(made.folder).texts == ["nobody knows about this card"]


def test_what_is_missing_is_said_before_anything_is_written(project: Project):
    data = project.dataset()
    with pytest.raises(ModelError, match="needs a model of its own"):
        attempts.base_of(UntrainedSettings(way="likely"), data.state)
    for base in ("classic:ngram", "blank:causal-small"):
        with pytest.raises(ModelError, match=r"needs training|knows nothing before"):
            attempts.base_of(UntrainedSettings(way="similar", base=base), data.state)
    data.set_split(test=0.0)
    data.set_roles({"text": "text", "label": "topic", "split": None})
    settings = UntrainedSettings()
    data.set_split(test=0.0, validation=0.0)
    with pytest.raises(DataError, match="nothing to score"):
        attempts.create(project.folder, data, settings, attempts.base_of(settings, data.state))
    assert not attempts.attempts(project.folder)


def test_a_prompt_may_name_columns_but_never_the_one_with_the_answer(project: Project, stories: Path, attempt):
    known = prompts.variables(project.dataset().state)
    assert known.roles == ("text",) and "shop" in known.columns and "topic" not in known.columns
    with pytest.raises(SettingsError) as caught:
        prompts.check(UntrainedSettings(way="likely", prompt="{text} {topic}"), known)
    said = {one.field: str(one.message) for one in caught.value.problems}
    assert said["prompt"].startswith("There is no {topic} here. There are {labels}, {examples}, {text}, ")
    for off in ({"prompt": "{labels}"}, {"prompt": "{text}"}, {"example": "{text}"}, {"prompt": "x" * 9_000}):
        with pytest.raises(SettingsError):
            prompts.check(UntrainedSettings(way="likely", **off), known)
    made = attempt(way="likely", base=str(stories), prompt="In {shop}: {text} is", examples=0, rows=10)
    rows = attempts._read_rows(made.folder / "rows.arrow")["asked"]
    assert {row["shop"] for row in rows} <= {"shop 0", "shop 1", "shop 2"} and len(rows) == 10


def test_two_texts_a_row_are_asked_by_a_prompt_alone(workspace: Workspace, tmp_path: Path, stories: Path):
    made = projects.create(workspace, "Pairs")
    data, table = made.dataset(), tmp_path / "pairs.csv"
    rows = [f"a bike {i},a red bike,same,{('train', 'validation', 'test')[i % 3]}" for i in range(6)]
    rows += [f"a bike {i},a lost card,other,{('train', 'validation', 'test')[i % 3]}" for i in range(6)]
    table.write_text("one,two,equal,split\n" + "\n".join(rows) + "\n")
    data.add(table, "pairs.csv")
    guessing.settle(data, "pairs")
    data.set_roles({"text": "one", "text_b": "two", "label": "equal", "split": "split"})
    state = data.state
    assert ways.why_not(state) is None and "several" in str(ways.unsuited(ways.WAYS["similar"], state))
    settings = UntrainedSettings(way="likely", base=str(stories), prompt="{examples}{text} and {text_b}:", examples=1,
                                 example="{text} and {text_b}: {label}\n", choose="chance")  # fmt: skip
    found = attempts.create(made.folder, data, settings, attempts.base_of(settings, state))
    attempts.make(str(found.folder), progress=lambda *_: None, cancelled=lambda: False)
    assert found.report["total"] == 4 and 0 <= found.report["accuracy"] <= 1


def test_doubled_braces_stand_for_themselves():
    assert prompts.filled('{{"say": "{text}"}}', {"text": "a {label} b"}) == '{"say": "a {label} b"}'


def test_a_recipe_comes_back_from_yaml_and_json_as_it_was(tmp_path: Path):
    labels = (descriptions.Described("0", "negative", ("a bad film",)), descriptions.Described("1", "positive"))
    settings = UntrainedSettings(way="likely", prompt="Line one\n{examples}{text}\nLabel:", examples=2, rows=50, seed=3)
    kept = recipes.add(tmp_path, "My prompt", settings, labels)
    assert recipes.add(tmp_path, "My prompt", settings, labels).name == "My prompt 2"
    recipes.rename(tmp_path, kept.id, "Best one")
    kept = recipes.find_recipe(tmp_path, kept.id)
    for form in ("yaml", "json"):
        text = recipes.text_of(kept, form)
        again = recipes.read(text)
        assert (again.name, again.settings, again.labels) == ("Best one", kept.settings, labels)
        assert "rows" not in again.settings and "seed" not in again.settings  # those belong to one attempt
    assert "prompt: |-\n    Line one\n" in recipes.text_of(kept)
    assert json.loads(recipes.text_of(kept, "json")) == yaml.safe_load(recipes.text_of(kept))
    recipes.delete(tmp_path, kept.id)
    assert [one.name for one in recipes.recipes(tmp_path)] == ["My prompt 2"]


@pytest.mark.parametrize(
    "text", ["", "just words", "a: [", "kind: prompt", "hone: 1\nsettings: {way: likely}", "a: &x 1\nb: *x"]
)
def test_a_file_that_is_no_prompt_says_so(text: str):
    with pytest.raises(DataError):
        recipes.read(text)


def test_every_field_of_a_file_that_is_off_is_told():
    with pytest.raises(SettingsError) as caught:
        recipes.read("hone: 1\nkind: prompt\nsettings: {way: magic, examples: 900, colour: red}")
    assert {one.field for one in caught.value.problems} == {"way", "examples", "colour"}
