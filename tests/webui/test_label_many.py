"""The calls of "Many at once": what is picked, what it gets, and that a step is taken back whole."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from core import projects
from core.data.shape import Part, Shape
from core.errors import DataError, Missing
from core.workspace import Workspace
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import label_many as many

ROWS = [
    ("Where is my parcel, it should be here", "Delivery"),
    ("The parcel never came", "Delivery"),
    ("My parcel is late", "Delivery"),
    ("I want a refund", "Refund"),
    ("Refund my money please", "Refund"),
    ("When do I get the refund?", "Refund"),
    ("My parcel is late today, really", ""),
    ("A refund at once", ""),
    ("<b>Nobody</b> answers (at all)", ""),
    ("refundable or not?", ""),
]


@pytest.fixture
def here(workspace: Workspace, tmp_path: Path):
    studio = Studio(workspace.home)
    project = projects.create(workspace, "Mail")
    file = tmp_path / "mail.csv"
    file.write_text("message,topic\n" + "\n".join(f'"{text}",{label}' for text, label in ROWS) + "\n")
    data = studio.dataset(project.data)
    data.add(file, "mail.csv")
    data.set_roles({"text": "message", "label": "topic"})
    yield Here(studio, workspace, "en", project.id)
    studio.close()


def ids(here: Here) -> dict[str, int]:
    return {one["name"]: one["id"] for one in many.many(here)["labels"]}


def labels(here: Here) -> list[str | None]:
    state = here.dataset.state
    return [state.shown(place) for place in range(len(state))]


def test_the_part_says_what_it_can_do_and_counts_guesses_apart(here: Here):
    told = plain(many.many(here), "en")
    assert told["applies"] and told["rules"] and told["search"] and not told["several"] and told["image"] is None
    assert told["counts"] == {"labelled": 6, "unlabelled": 4, "guessed": 0}
    assert told["learn"] == {"on": False, "least": 0.8, "n": 0}


def test_what_a_search_finds_is_labelled_in_one_step_and_taken_back_in_one(here: Here):
    before = labels(here)
    pick = {"search": "refund", "label": "none"}
    looked = many.many_look(here, pick=pick)
    assert (looked["total"], looked["unlabelled"]) == (2, 2)
    step = many.many_give(here, pick=pick, how="set", value=ids(here)["Refund"])
    assert (step["changed"], step["kept"]) == (2, 0) and labels(here)[7] == labels(here)[9] == "Refund"
    history = here.dataset.labels.history(here.dataset.rows.id(7))
    assert history[0]["origin"] == "bulk"
    assert many.many_undo(here, step=step["step"]) == {"rows": 2} and labels(here) == before
    with pytest.raises(Missing):
        many.many_undo(here, step=step["step"])


def test_labels_that_are_there_stay_unless_a_person_says_otherwise(here: Here):
    delivery = ids(here)["Delivery"]
    gentle = many.many_give(here, pick={"search": "refund"}, how="set", value=delivery)
    assert (gentle["changed"], gentle["kept"]) == (2, 3) and labels(here)[3] == "Refund"
    hard = many.many_give(here, pick={"search": "refund"}, how="set", value=delivery, over=True)
    assert (hard["changed"], hard["kept"]) == (3, 0) and labels(here)[3] == "Delivery"
    many.many_undo(here, step=hard["step"])
    assert labels(here)[3] == "Refund" and labels(here)[7] == "Delivery"


def test_a_step_taken_back_leaves_what_a_person_said_after_it(here: Here):
    step = many.many_give(here, pick={"search": "refund", "label": "none"}, how="set", value=ids(here)["Refund"])
    row = here.dataset.rows.id(7)
    here.dataset.labels.put([{"row": row, "label": "Delivery", "seq": 1, "client": "page"}], here.person)
    many.many_undo(here, step=step["step"])
    assert labels(here)[7] == "Delivery" and labels(here)[9] is None


def test_labels_are_taken_away_from_many_and_come_back(here: Here):
    step = many.many_give(here, pick={"search": "parcel"}, how="clear")
    assert step["changed"] == 3 and labels(here)[0] is None
    many.many_undo(here, step=step["step"])
    assert labels(here)[0] == "Delivery"


def test_rows_that_were_ticked_off_are_not_touched(here: Here):
    out = here.dataset.rows.id(9)
    step = many.many_give(
        here, pick={"search": "refund", "label": "none", "but": [out]}, how="set", value=ids(here)["Refund"]
    )
    assert step["changed"] == 1 and labels(here)[9] is None


def test_a_pattern_searches_and_one_that_is_none_says_so(here: Here):
    assert many.many_look(here, pick={"search": r"\brefund\b", "regex": True})["total"] == 4
    assert many.many_look(here, pick={"search": "(at all)"})["total"] == 1
    with pytest.raises(DataError) as error:
        many.many_look(here, pick={"search": "(at all", "regex": True})
    assert "no pattern" in str(error.value.message)


def test_many_rows_are_left_out_and_taken_back(here: Here):
    left = many.many_leave(here, pick={"search": "refund"})
    assert left["rows"] == 5 and here.dataset.counts().excluded == 5
    assert many.many_look(here, pick={"search": "refund"})["total"] == 0
    back = many.many_leave(here, pick={"search": "refund", "only": "excluded"}, back=True)
    assert back["rows"] == 5 and here.dataset.counts().excluded == 0
    many.many_unleave(here, group=back["group"])
    assert here.dataset.counts().excluded == 5


def packed(places: list[int]) -> str:
    return base64.b64encode(np.array(places, "<i4").tobytes()).decode()


def test_an_area_of_the_map_is_picked_by_places_as_long_as_the_rows_are_the_same(here: Here, tmp_path: Path):
    mark = many.many(here)["mark"]
    looked = many.many_look(here, pick={"places": packed([6, 8]), "data": mark})
    assert [row["text"] for row in looked["rows"]] == [ROWS[6][0], ROWS[8][0]]
    for bad in ("no base64", packed([99]), packed([-1])):
        with pytest.raises(DataError):
            many.many_look(here, pick={"places": bad, "data": mark})
    file = tmp_path / "more.csv"
    file.write_text("message,topic\nanother,\n")
    here.dataset.add(file, "more.csv")
    with pytest.raises(DataError, match="changed"):
        many.many_look(here, pick={"places": packed([6]), "data": mark})
    assert many.many_text(here, mark=mark, place=0) is None


def test_near_equal_texts_get_the_label_that_the_others_agree_on(workspace: Workspace, tmp_path: Path):
    studio = Studio(workspace.home)
    project = projects.create(workspace, "Near")
    file = tmp_path / "near.csv"
    long = "this is the very same long sentence about one thing and another with many words in it number"
    lines = [
        f"{long} 1,a",
        f"{long} 2,a",
        f"{long} 3,",
        "Something else altogether stands here,b",
        "And this is alone,",
    ]
    file.write_text("text,label\n" + "\n".join(lines) + "\n")
    data = studio.dataset(project.data)
    data.add(file, "near.csv")
    here = Here(studio, workspace, "en", project.id)
    told = many.many_near(here)
    assert told["ready"] and (told["agreed"], told["agreed_rows"]) == (1, 1)
    group = told["groups"][0]
    assert (group["size"], group["unlabelled"], group["label"]) == (3, 1, ids(here)["a"])
    step = many.many_near_all(here)
    assert step["changed"] == 1 and labels(here) == ["a", "a", "a", "b", None]
    many.many_undo(here, step=step["step"])
    assert labels(here)[2] is None
    beside = many.many_give(here, pick={"rows": [data.rows.id(0)]}, how="set", value=ids(here)["b"], over=True)
    assert beside["near"] == 1
    studio.close()


def test_rules_guess_and_guesses_become_labels_only_when_they_are_accepted(here: Here):
    refund = ids(here)["Refund"]
    tried = many.many_try(here, rule={"any": "refund", "label": refund})
    assert (tried["covers"], tried["right"], tried["labelled"], tried["open"]) == (4, 3, 3, 1)
    before = labels(here)
    rule = many.many_rule(here, rule={"any": "refund, money", "label": refund})["id"]
    told = many.many_rules(here)
    assert labels(here) == before and told["guessed"] == 1 and many.many(here)["counts"]["guessed"] == 1
    row = many.many_look(here, pick={"rule": rule})["rows"][0]
    assert row["text"] == "A refund at once" and row["label"] is None and row["guessed"]["label"] == "Refund"
    step = many.many_accept(here, least=0.5)
    assert step["changed"] == 1 and labels(here)[7] == "Refund" and many.many(here)["counts"]["guessed"] == 0
    many.many_undo(here, step=step["step"])
    assert labels(here)[7] is None and many.many(here)["counts"]["guessed"] == 1
    many.many_unrule(here, rule=rule)
    assert many.many(here)["counts"]["guessed"] == 0
    many.many_unrule(here, rule=rule, back=True)
    assert many.many(here)["counts"]["guessed"] == 1


def test_learning_from_guesses_is_off_until_it_is_switched_on(here: Here):
    many.many_rule(here, rule={"any": "refund", "label": ids(here)["Refund"]})
    assert many.many_rules(here)["learn"]["on"] is False
    told = many.many_learn(here, on=True, least=0.5)
    assert told["on"] and told["least"] == 0.5 and many.many(here)["learn"] == told


def test_several_labels_are_added_and_taken_off(workspace: Workspace, tmp_path: Path):
    studio = Studio(workspace.home)
    project = projects.create(workspace, "Moods")
    file = tmp_path / "moods.csv"
    file.write_text("text,labels\nfirst,joy;love\nsecond,joy\nthird,\n")
    data = studio.dataset(project.data)
    data.add(file, "moods.csv")
    data.set_shape(Shape("multilabel", (Part("text", "text"), Part("labels", "categories", target=True))))
    data.set_roles({"text": "text", "labels": "labels"})
    here = Here(studio, workspace, "en", project.id)
    rows = {"rows": [data.rows.id(place) for place in range(3)]}
    step = many.many_give(here, pick=rows, how="add", value=ids(here)["love"])
    assert step["changed"] == 2 and labels(here) == ["joy, love", "joy, love", "love"]
    many.many_undo(here, step=step["step"])
    assert labels(here) == ["joy, love", "joy", None]
    many.many_give(here, pick=rows, how="take", value=ids(here)["love"])
    assert labels(here)[0] == "joy"
    with pytest.raises(DataError):
        many.many_give(here, pick=rows, how="set", value=ids(here)["love"])
    studio.close()


def test_where_answers_differ_from_text_to_text_it_says_why_it_does_not_apply(here: Here):
    here.dataset.set_shape(Shape("tokens", (Part("text", "text"), Part("spans", "spans", target=True))))
    told = plain(many.many(here), "en")
    assert not told["applies"] and "differ from text to text" in told["why"]


def test_a_run_says_how_many_of_its_texts_were_guessed(here: Here, tmp_path: Path):
    from core.models.catalogue import find
    from core.training import runs
    from core.training.settings import TrainingSettings
    from webui.tabs import settings

    many.many_rule(here, rule={"any": "refund, parcel", "label": ids(here)["Refund"]})

    def guessed_of(name: str) -> int:
        data, base = here.dataset, find("classic:ngram")
        run = runs.create(
            here.project.folder, name=name, task=data.task, base=base, settings=TrainingSettings(base=base.id, least_count=1),
            phases=[{"method": "head", "settings": {}, "fresh": False}], preset="own", dataset=data,
        )  # fmt: skip
        return run.spec["data"].get("guessed", 0)

    told = [str(one) for one in plain(settings.settings(here), "en")["why"]]
    assert guessed_of("before") == 0 and not any("rules guessed" in one for one in told)
    n = many.many_learn(here, on=True, least=0.3)["n"]
    told = [str(one) for one in plain(settings.settings(here), "en")["why"]]
    assert n and guessed_of("after") == n and any(f"learns from {n} text" in one for one in told)


def test_people_a_project_is_shared_with_reach_none_of_this(here: Here):
    for function in many.CALLS:
        assert function.__dict__.get("is_call") and not function.__dict__.get("for_labelling")
