"""The job of the check-up: measures in a process of its own what the page then finds at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data import checks
from core.data.dataset import Dataset
from core.data.kept import fingerprint
from core.jobs import Jobs


@pytest.fixture
def sms(tmp_path: Path, data_dir: Path) -> Dataset:
    data = Dataset.open(tmp_path / "data")
    data.add(data_dir / "sms_spam/spam.csv", "spam.csv")
    return data


def test_findings_that_take_a_while_come_when_the_job_has_measured(tmp_path: Path, sms: Dataset) -> None:
    assert not checks.ready(sms.state)
    at_once = {f.id for f in sms.findings(wait=False)}
    assert "duplicate" in at_once and not at_once & {"near_leak", "near_duplicate", "personal"}
    jobs = Jobs(tmp_path / "jobs")
    arguments = {"folder": str(tmp_path / "data"), "texts": fingerprint(sms.state)}
    ended = jobs.wait(jobs.start("core.data.checkup.looking:look", arguments).id, timeout=120)
    assert ended["state"] == "done", ended
    assert checks.ready(sms.state)
    assert {"near_leak", "near_duplicate", "personal"} <= {f.id for f in sms.findings(wait=False)}
    assert [f.as_json() for f in sms.findings(wait=False)] == [f.as_json() for f in sms.findings()]


def test_small_data_needs_no_job(tmp_path: Path) -> None:
    path = tmp_path / "small.csv"
    path.write_text("text,label\n" + "".join(f"{i} is a text of its own,{'ab'[i % 2]}\n" for i in range(500)))
    data = Dataset.open(tmp_path / "data")
    data.add(path, "small.csv")
    assert checks.ready(data.state)


def test_a_job_that_is_cancelled_leaves_nothing_half_done(tmp_path: Path, sms: Dataset) -> None:
    jobs = Jobs(tmp_path / "jobs")
    arguments = {"folder": str(tmp_path / "data"), "texts": fingerprint(sms.state)}
    job = jobs.start("core.data.checkup.looking:look", arguments)
    jobs.cancel(job.id)
    assert jobs.wait(job.id, timeout=60)["state"] == "cancelled"
    again = jobs.start("core.data.checkup.looking:look", arguments)
    assert jobs.wait(again.id, timeout=120)["state"] == "done"
    assert checks.ready(sms.state)
