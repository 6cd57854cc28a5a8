"""The state of each step and the next step, from a project as it is."""

from __future__ import annotations

import dataclasses

import pytest
from finished_runs import finish

from core import projects
from core.studies import study as studies
from core.workspace import Workspace, read_json, write_json
from webui.calls import Here
from webui.finished import finished
from webui.overview import _Facts, _next, _running, _Seen, _steps, overview
from webui.show import duration, size
from webui.studio import Studio

RUN = _Seen("run-1", "Balanced", "finished", 1.0, None, 300, 0.94)
READY = _Facts(rows=2412, unlabelled=0, labels=8, preset="balanced")


def _with(state: str, **changes: object) -> _Seen:
    return dataclasses.replace(RUN, state=state, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "said", "tab"),
    [
        (_Facts(), "add your texts", "data"),
        (_Facts(rows=10, unlabelled=10), "give at least two labels", "label"),
        (_Facts(rows=10, labels=2), "choose the settings", "settings"),
        (READY, "start the training", "train"),
        (dataclasses.replace(READY, runs=(_with("running"),)), "watch it learn", "train"),
        (dataclasses.replace(READY, unlabelled=214, runs=(_with("running"),)), "label the last 214 texts", "label"),
        (dataclasses.replace(READY, runs=(_with("interrupted"),)), "resume the training", "train"),
        (dataclasses.replace(READY, runs=(RUN,), model=RUN), "read the verdict", "evaluate"),
        (dataclasses.replace(READY, runs=(RUN,), model=RUN, judged=True), "take the model away", "playground"),
        (
            dataclasses.replace(READY, runs=(RUN,), model=RUN, judged=True, taken=True),
            "try it on your own words",
            "playground",
        ),
    ],
)
def test_the_next_step_follows_the_way_of_a_project(facts: _Facts, said: str, tab: str) -> None:
    following = _next(facts)
    assert (str(following["step"]), following["tab"]) == (said, tab)


def test_notes_say_what_a_step_holds_or_waits_for() -> None:
    notes = {
        name: (step.state, str(step.note)) for name, step in _steps(dataclasses.replace(READY, unlabelled=214)).items()
    }
    assert notes == {
        "data": ("done", "2,412 texts, 8 labels"),
        "label": ("warn", "214 still without a label"),
        "settings": ("done", "Balanced"),
        "train": ("open", "Ready to start"),
        "evaluate": ("open", "Needs a finished run"),
        "playground": ("open", "Needs a finished run"),
    }


@pytest.mark.parametrize(
    ("run", "state", "note"),
    [
        (_with("queued", place=2), "busy", "2 in line"),
        (_with("preparing"), "busy", "Preparing"),
        (_with("running", share=0.623, seconds_left=55.2), "busy", "62 %, 55 seconds left"),
        (_with("paused", step=141), "warn", "Paused at step 141"),
        (_with("interrupted", step=141), "warn", "Stopped at step 141"),
        (_with("failed"), "warn", "The last run did not finish"),
        (_with("discarded"), "open", "Ready to start"),
        (RUN, "done", "1 finished run"),
    ],
)
def test_the_train_step_follows_its_run(run: _Seen, state: str, note: str) -> None:
    step = _steps(dataclasses.replace(READY, runs=(run,)))["train"]
    assert (step.state, str(step.note)) == (state, note)


def test_the_run_at_work_comes_before_the_one_in_line() -> None:
    facts = dataclasses.replace(READY, runs=(_with("queued", place=1), _with("running", id="run-0", share=0.62)))
    assert (_running(facts) or {})["id"] == "run-0"
    assert (_running(facts) or {})["percent"] == 62


def test_the_first_visit_makes_a_project_and_a_deleted_one_leads_to_another(workspace: Workspace) -> None:
    here = Here(Studio(workspace.home), workspace, "en", "project-gone")
    first = overview(here)
    assert [p["name"] for p in first["projects"]] == ["My first project"]
    assert overview(Here(here.studio, workspace, "en", first["project"]))["project"] == first["project"]
    projects.delete(workspace, projects.find(workspace, first["project"]))
    assert overview(Here(here.studio, workspace, "en", first["project"]))["project"] != first["project"]


def test_the_model_is_that_of_ones_own_run_and_a_study_is_told_as_a_whole(workspace: Workspace) -> None:
    project = projects.create(workspace, "Mail")
    own = finish(project, name="Mine")
    fold = finish(project, name="Fold 1 of 2")
    write_json(fold.folder / "run.json", {**read_json(fold.folder / "run.json"), "member": {"key": "0"}})
    study = studies.create(project.folder, kind="folds", name="Two folds", question={}, dataset=project.dataset())
    here = Here(Studio(workspace.home), workspace, "en", project.id)
    assert [(one["id"], one["state"]) for one in overview(here)["ended"]] == [(own.id, "finished")]
    study.say("over")
    assert [(one["id"], one["state"]) for one in overview(here)["ended"]] == [(own.id, "finished"), (study.id, "study")]
    assert [one["id"] for one in finished(here)["runs"]] == [own.id, fold.id]  # the fold is newer, and nobody's choice


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1 second"),
        (7, "7 seconds"),
        (57, "55 seconds"),
        (100, "1½ minutes"),
        (150, "2½ minutes"),
        (3000, "50 minutes"),
        (3700, "1 hour"),
        (9000, "2½ hours"),
    ],
)
def test_durations_are_said_as_a_person_would(seconds: float, said: str) -> None:
    assert str(duration(seconds)) == said


def test_sizes_have_two_figures_where_it_matters() -> None:
    assert [size(n) for n in (0, 999, 1_200, 45_000, 1_500_000_000)] == ["0 B", "999 B", "1.2 kB", "45 kB", "1.5 GB"]
