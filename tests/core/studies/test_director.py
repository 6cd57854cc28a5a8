"""Studies are led to their end by one director, through errors, stops and restarts."""

from __future__ import annotations

import pytest

from core.errors import RunError
from core.models.catalogue import CLASSIC, find
from core.studies import kinds, study
from core.studies.base import Kind, Next, Wanted, look
from core.training.runs import runs
from core.training.settings import TrainingSettings
from core.words import Message


def wanted(key: str, **settings) -> Wanted:
    base = find(CLASSIC)
    values = TrainingSettings(base=base.id, method="head", steps=5, **settings)
    phases = [{"method": "head", "settings": {}, "fresh": False}]
    return Wanted(key, Message("{n} features", n=key), base.as_json(), values, phases, values={"key": key})


@pytest.fixture
def counting(monkeypatch):
    """A kind that wants as many members as its question says; of number 1 nothing can be made."""

    def advance(of, seen, room):
        n = of.question["n"]
        made = [wanted(str(i), most_features=100 + i) for i in range(n)]
        broken = [
            w if w.key != "1" or not of.question.get("broken") else Wanted(**{**vars(w), "split": everything(of)})
            for w in made
        ]
        return Next(broken, over=len(seen) == n)

    def everything(of):
        return dict.fromkeys(of.rows.table()["id"].to_pylist(), "test")

    kind = Kind("counting", Message("Counting"), advance, lambda of, seen: {})
    monkeypatch.setitem(kinds.KINDS, "counting", kind)


def new(project, **question):
    return study.create(project.folder, kind="counting", name="Mine", question=question, dataset=project.dataset())


def test_a_study_makes_its_runs_and_ends(project, directing, counting, until):
    one = new(project, n=2)
    director = directing()
    assert director.lead(one)
    director.wait(one)
    view = one.view()
    assert view.state == "over" and [m.ended["state"] for m in view.members] == ["finished", "finished"]
    made = runs(project.folder)
    assert sorted(run.spec["member"]["key"] for run in made) == ["0", "1"]
    assert {run.spec["study"] for run in made} == {one.id}
    assert all(0 < m.ended["scores"]["accuracy"] <= 1 for m in view.members)


def test_labels_given_meanwhile_change_nothing(project, directing, counting):
    one = new(project, n=2)
    rows = project.dataset().state.rows
    project.dataset().exclude(rows.ids(range(20)))
    director = directing()
    director.lead(one)
    director.wait(one)
    kept = (one.folder / "rows" / "rows.arrow").stat().st_ino
    assert {(run.folder / "rows.arrow").stat().st_ino for run in runs(project.folder)} == {kept}
    assert runs(project.folder)[0].spec["data"]["counts"] == one.spec["data"]["counts"]


def test_a_member_that_cannot_be_made_does_not_end_the_study(project, directing, counting):
    one = new(project, n=3, broken=True)
    director = directing()
    director.lead(one)
    director.wait(one)
    assert [seen.state for seen in look(one)] == ["finished", "failed", "finished"]
    assert "learn from" in one.view().members[1].ended["failure"]["message"]["say"]


def test_a_stopped_study_makes_no_more_and_goes_on_when_asked(project, directing, counting, until):
    one = new(project, n=200)
    director = directing()
    director.lead(one)
    until(lambda: len(one.view().members) >= 2)
    one.stop()
    director.wait(one)
    there = len(one.view().members)
    assert one.view().state == "stopped" and there < 200 and all(m.ended for m in one.view().members)
    with pytest.raises(RunError):
        new(project, n=1).delete()  # an open one is stopped first
    one.go_on()
    director.lead(one)
    until(lambda: len(one.view().members) > there)
    one.stop(discard=True)
    director.wait(one)
    one.delete(runs=[one.view().members[0].run])
    assert not one.folder.exists()
    assert len(runs(project.folder)) >= there - 1


def test_a_restart_continues_and_takes_up_what_the_log_does_not_know(project, directing, counting, until):
    one = new(project, n=3)
    director = directing()
    director.lead(one)
    until(lambda: one.view().members)
    director.close()
    log = one.folder / "events.jsonl"
    first = one.view().members[0].run
    until(lambda: one.run(one.view().members[0]).view().over)
    log.unlink()  # as if it had died between making the run and putting it down
    directing()
    until(lambda: one.view().state == "over", 60)
    members = one.view().members
    assert members[0].run == first and len(members) == 3 == len(runs(project.folder))


def test_a_study_has_one_director(project, directing, counting, workspace, until):
    from core.studies.director import Director

    one = new(project, n=200)
    director = directing()
    assert director.lead(one)
    other = Director(director.engine)
    assert not other.lead(one)
    director.leave(project.folder)
    assert other.lead(one)
    other.close()
