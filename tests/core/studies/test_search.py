"""A search tries settings as ordinary runs, stops what is behind, and goes on with the same history however it was ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import projects
from core.errors import HoneError, SettingsError
from core.studies import ranges, search
from core.studies.base import look
from core.studies.study import find
from core.studies.trials import Book
from core.studies.worth import compare
from core.training import draft
from core.training.advice_facts import Facts
from core.training.runs import runs

ROOT = Path(__file__).resolve().parents[3]
SHORT = {"epochs": 1.0, "evaluations": 2.0, "save_seconds": 0.0, "start_from_probe": False, "max_length": 16}


@pytest.fixture
def settled(project, tiny_encoder):
    """A short tuning of the tiny encoder on the project's texts."""
    return draft.settle(draft.Draft("balanced", {"base": str(tiny_encoder), **SHORT}), project.dataset().facts())


def begun(project, settled, trials=3, **how):
    wanted = ranges.chosen(settled, {"learning_rate": {}, "batch_size": {"low": 16, "high": 32}})
    return search.begin(project.folder, project.dataset(), settled, wanted, trials=trials, **how)


def book(tmp_path, name="a.journal", **question):
    """A book over one made-up knob, without any run."""
    told = {
        "ranges": [ranges.Range("learning_rate", "float", 1e-5, 1e-3, True).as_json()],
        "settings": {"learning_rate": 5e-5},
        "more": {},
        "trials": 6,
        "minutes": None,
        "prunes": True,
        "patience": 0,
        "seed": 3,
        "metric": "accuracy",
        "lower": False,
        "storage": None,
    }
    return Book.open(str(tmp_path / name), {**told, **question})


def test_a_search_runs_its_trials_and_the_first_has_the_settings_as_they_were(project, settled, directing):
    study = begun(project, settled)
    director = directing(real=True)
    director.lead(study)
    director.wait(study)
    told = search.result(study, look(study))
    assert study.view().state == "over"
    assert [t["state"] for t in told["trials"]].count("running") == 0 and len(told["trials"]) == 3
    first = next(run for run in runs(project.folder) if run.spec["member"]["key"] == "0")
    assert first.settings == settled.settings
    assert all(
        not run.view().test for run in runs(project.folder)
    )  # the test split is asked for best and default alone
    tried = {run.settings.learning_rate for run in runs(project.folder)}
    assert len(tried) == 3 and all(1e-5 <= rate <= 2e-4 for rate in tried)
    finished = [t for t in told["trials"] if t["state"] == "finished"]
    assert told["best"] == max(finished, key=lambda t: (t["score"], -t["number"]))["number"]
    other = next(t["number"] for t in told["trials"] if t["state"] == "finished" and not t["default"])
    compared = compare(str(study.folder), other, 0)
    held = next(t for t in told["trials"] if t["number"] == other)["score"]
    assert compared["validation"]["best"] == pytest.approx(held) and compared["test"]["texts"] == 24
    assert compared["test"]["low"] <= compared["test"]["difference"] <= compared["test"]["high"]


def test_killed_in_mid_trial_it_continues_and_counts_nothing_twice(project, settled, workspace, directing):
    study = begun(project, settled, trials=4)
    code = (
        "import sys; from pathlib import Path\n"
        "from core.studies.director import Director; from core.studies.study import find\n"
        "from core.training.engine import Engine\n"
        "director = Director(Engine(Path(sys.argv[1]), inline=True, warm=False))\n"
        "study = find(Path(sys.argv[2]), sys.argv[3]); director.lead(study); director.wait(study)\n"
    )
    command = [sys.executable, "-c", code, str(workspace.home), str(project.folder), study.id]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    until = time.monotonic() + 60
    while time.monotonic() < until:  # the second trial is at work, and has been checked once
        second = next((one for one in look(study) if one.key == "1"), None)
        if second and second.view and second.view.step and not second.ended:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = search.book_of(study).trials()
    assert before[0].state == "finished" and before[1].state == "running"
    director = directing(real=True)
    director.lead(study)
    director.wait(study)
    after = search.book_of(study).trials()
    assert [t.number for t in after] == [0, 1, 2, 3] and all(t.counts and t.state != "running" for t in after)
    assert after[1].values == before[1].values and after[0].score == before[0].score
    assert sorted(run.spec["member"]["key"] for run in runs(project.folder)) == ["0", "1", "2", "3"]
    assert sorted(member.key for member in study.view().members) == ["0", "1", "2", "3"]


def test_a_search_that_was_taken_up_again_proposes_what_it_would_have_proposed(tmp_path):
    def proposed(name, interrupted):
        found = []
        for _ in range(6):
            one = book(tmp_path, name)
            asked = one.ask("me")
            found.append(asked.values.get("learning_rate"))
            one.finished(asked.number, -abs((found[-1] or 5e-5) - 2e-4), 1.0)
            if interrupted:
                Book.close(str(tmp_path / name))
        return found

    whole = proposed("whole", interrupted=False)
    assert whole == proposed("pieces", interrupted=True)
    assert whole[0] is None and len(set(whole)) == 6


def test_a_trial_that_is_behind_the_middle_of_the_others_is_stopped_and_the_first_never(tmp_path):
    one = book(tmp_path)
    for score in (0.6, 0.8, 0.7, 0.9):
        asked = one.ask("me")
        assert not one.report(asked.number, {1: score - 0.2})
        one.finished(asked.number, score, 1.0)
    asked = one.ask("me")
    assert one.report(asked.number, {1: 0.45})  # the median of 0.4, 0.6, 0.5, 0.7 is 0.55
    one.pruned(asked.number, 1.0)
    asked = one.ask("me")
    assert not one.report(asked.number, {1: 0.56})
    assert one.ask("me") is None
    assert [t.state for t in one.trials()] == ["finished"] * 4 + ["pruned", "running"]
    spared = book(tmp_path, "b.journal")
    spared.ask("slow")
    for score in (0.6, 0.8, 0.7, 0.9):
        number = spared.ask("me").number
        spared.report(number, {1: score})
        spared.finished(number, score, 1.0)
    assert not spared.report(0, {1: 0.1})


def test_two_workers_share_a_book_and_a_dead_one_s_trial_is_tried_again(tmp_path, monkeypatch):
    one = book(tmp_path, trials=3)
    gone, mine = one.ask("gone"), one.ask("me")
    assert gone.number != mine.number
    assert one.give_up_stale("me") == []
    monkeypatch.setattr("core.studies.trials.STALE", -1.0)
    assert one.give_up_stale("me") == [gone.number]  # its own is not given up
    monkeypatch.undo()
    again = one.ask("me")
    assert (
        again.values == gone.values and again.default == gone.default and again.number not in (gone.number, mine.number)
    )
    last = one.ask("me")
    assert last is not None and one.ask("me") is None
    for asked in (mine, again, last):
        one.finished(asked.number, 0.5, 1.0)
    assert one.is_over() and sum(t.counts for t in one.trials()) == 3
    one.finished(gone.number, 0.9, 1.0)  # it comes back after all: too late
    assert next(t for t in one.trials() if t.number == gone.number).lost


def test_minutes_end_a_search_as_well(tmp_path):
    one = book(tmp_path, minutes=1.0)
    one.finished(one.ask("me").number, 0.5, 40.0)
    one.finished(one.ask("me").number, 0.5, 40.0)
    assert one.ask("me") is None and one.is_over()


def test_another_workspace_joins_over_the_same_texts_only(project, settled, workspace, tmp_path, telling, directing):
    storage = str(tmp_path / "shared.journal")
    study = begun(project, settled, trials=2, storage=storage)
    search.book_of(study).ask(study.id)
    other = projects.create(workspace, "Elsewhere")
    other.dataset().add(project.folder / "messages.csv", "renamed.csv")
    joined = search.join(other.folder, other.dataset(), storage)
    director = directing(real=True)
    director.lead(joined)
    until = time.monotonic() + 60
    while not any(t.state == "finished" for t in search.book_of(joined).trials()) and time.monotonic() < until:
        time.sleep(0.1)
    (run,) = runs(other.folder)
    assert run.spec["member"]["key"] == "1" and find(other.folder, joined.id).view().state == "open"
    told = search.result(joined, look(joined))
    assert [t["elsewhere"] for t in told["trials"]] == [True, False]
    other.dataset().exclude(other.dataset().state.rows.ids(range(3)))
    with pytest.raises(HoneError, match="other texts"):
        search.join(other.folder, other.dataset(), storage)


def test_ranges_lie_around_the_draft_and_hold_its_value(settled):
    there = {offer.range.name: offer for offer in ranges.offered(settled)}
    rate = there["learning_rate"]
    assert rate.ticked and rate.range.log and rate.range.low < settled.settings.learning_rate < rate.range.high
    assert there["batch_size"].ticked and not there["weight_decay"].ticked
    assert there["lora_rank"].needs == {"method": ("lora",)} and not there["lora_rank"].ticked
    assert "ngram_high" not in there
    wide = draft.settle(draft.drafted("balanced", {**settled.draft.changed, "learning_rate": 1e-3}), settled.facts)
    moved = next(o.range for o in ranges.offered(wide) if o.range.name == "learning_rate")
    assert moved.high == pytest.approx(4e-3)


def test_where_only_the_last_layer_is_fitted_what_counts_there_is_ticked():
    quick = ranges.offered(
        draft.settle(draft.Draft("quick"), Facts(train=900, validation=100, labels={"a": 450, "b": 450}))
    )
    assert {one.range.name for one in quick if one.ticked} >= {"method", "regularization"}
    assert not any(one.ticked and one.needs for one in quick)


def test_a_size_is_asked_for_only_where_its_method_is_tried(settled):
    wanted = ranges.chosen(settled, {"lora_rank": {}, "method": {"choices": ["full", "lora"]}})
    assert [one.name for one in wanted] == ["method", "lora_rank"]
    values = settled.settings.model_dump()
    for method in ("full", "lora"):
        answers = {"method": method, "lora_rank": 8}
        found = ranges.drawn(wanted, lambda one, a=answers: a[one.name], values, settled.more)
        assert found == (answers if method == "lora" else {"method": "full"})


def test_bounds_that_will_not_do_are_named(settled):
    with pytest.raises(SettingsError) as error:
        ranges.chosen(settled, {"learning_rate": {"low": 1, "high": 2}, "batch_size": {"low": "x"}, "nonsense": {}})
    assert {p.field for p in error.value.problems} == {"learning_rate", "batch_size", "nonsense"}
