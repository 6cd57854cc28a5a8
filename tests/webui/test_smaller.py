"""The calls of the part “Smaller and faster”: what it offers for which run, what is expected, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from finished_runs import finish

from core import projects
from core.errors import HoneError
from core.workspace import Workspace
from webui.calls import Here, plain
from webui.studio import Studio
from webui.tabs import smaller


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path):
    """A project with a run that counts words and then one of a tiny encoder.."""
    home = tmp_path_factory.mktemp("smaller") / "home"
    workspace = Workspace.open(home)
    project = projects.create(workspace, "Mail")
    finish(project, name="Words")
    finish(project, base=tiny_encoder, phases=("head",), name="Net")
    studio = Studio(home)
    yield Here(studio, workspace, "en", project.id)
    studio.close()


def told(here: Here, run: str | None = None):
    return plain(smaller.smaller(here, run=run), here.language)


def run_called(here: Here, name: str) -> str:
    return next(one["id"] for one in told(here)["runs"] if one["title"] == name)


def test_the_newest_run_is_offered_with_every_way_and_what_is_expected(here: Here):
    now = told(here)
    assert now["run"] == run_called(here, "Net") and all(way["why_not"] is None for way in now["ways"])
    ways = {way["name"]: way for way in now["ways"]}
    assert ways["layers"]["expected"] == "Two thirds of the size; about 2.0 times as fast"
    assert [one["name"] for one in ways["layers"]["options"]] == ["keep", "which", "rounds"]
    assert now["made"] == [] and [line["title"] for line in now["lines"]] == ["Net"] and not now["stale"]
    narrow = {"share": 0.25, "which": "size", "rounds": 1}
    expected = plain(smaller.smaller_expected(here, run=now["run"], way="neurons", values=narrow), "en")
    assert "times as fast" in expected and expected != ways["neurons"]["expected"]


def test_a_run_that_counts_words_says_why_it_cannot_be_smaller(here: Here):
    now = told(here, run_called(here, "Words"))
    assert {way["why_not"] for way in now["ways"]} == {"This run counts words. It is as small and fast as it gets."}
    with pytest.raises(HoneError, match="counts words"):
        smaller.smaller_start(here, run=now["run"], way="int8", values={})


def test_a_wrong_value_is_said_and_nothing_begins(here: Here):
    net = run_called(here, "Net")
    with pytest.raises(HoneError, match="must lie between 1 and 1"):
        smaller.smaller_start(here, run=net, way="layers", values={"keep": 7})
    with pytest.raises(HoneError, match="Name a base model first"):
        smaller.smaller_start(here, run=net, way="distil_base", values={})
    assert len(here.project.runs()) == 2


def test_measuring_without_a_model_is_refused(here: Here):
    from core.smaller import starting

    new = starting.begin(here.run(run_called(here, "Net")), "weights", {}, here.dataset)
    now = told(here, run_called(here, "Net"))
    assert [(one["title"], one["has_model"]) for one in now["made"]] == [("Net, 60 % of its weights nought", False)]
    with pytest.raises(HoneError, match="no model yet"):
        smaller.smaller_measure(here, run=new.id)
    new.delete()
