"""The resident process: instant, alone with torch, and back again whenever it dies."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract_rows import write_run

from core.errors import HoneError, Missing
from core.inference import Predictor
from core.service import Service
from core.tasks import TASKS
from core.training.runs import Run
from core.training.worker import worker

TEXTS = ["lost my card", "great film", ""]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    made.close()


def test_it_answers_as_the_model_does_and_says_how_long_it_took(service: Service, tuned_run: Run, classic_run: Run):
    for run in (tuned_run, classic_run):
        told = service.predict(run.folder, TEXTS)
        expected = Predictor.open(run.model, device="cpu").predict(TEXTS)
        assert [a["label"] for a in told["answers"]] == [a.label for a in expected]
        for answer, right in zip(told["answers"], expected, strict=True):
            assert answer["probabilities"] == pytest.approx(right.probabilities, abs=1e-5)
        assert 0 < told["milliseconds"] < 10_000


def test_the_second_answer_comes_at_once(service: Service, tuned_run: Run):
    service.predict(tuned_run.folder, TEXTS)
    began = time.perf_counter()
    service.predict(tuned_run.folder, TEXTS)
    assert time.perf_counter() - began < 1.0


def test_a_killed_process_is_started_again(service: Service, classic_run: Run):
    service.predict(classic_run.folder, TEXTS)
    first = service.pid
    os.kill(first, signal.SIGKILL)
    assert service.predict(classic_run.folder, TEXTS)["answers"]
    assert service.pid != first


def test_many_may_ask_at_once_and_each_gets_its_own_answer(service: Service, classic_run: Run):
    texts = [f"red bike number {i}" if i % 2 else f"great happy film {i}" for i in range(40)]
    expected = [a.label for a in Predictor.open(classic_run.model).predict(texts)]
    found: dict[int, str] = {}

    def ask(i: int) -> None:
        found[i] = service.predict(classic_run.folder, [texts[i]])["answers"][0]["label"]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [found[i] for i in range(40)] == expected


def test_a_model_that_was_written_anew_is_opened_anew(
    service: Service, classic_run: Run, tuned_run: Run, tmp_path: Path
):
    folder = tmp_path / "run"
    shutil.copytree(classic_run.model, folder / "model")
    before = service.predict(folder, TEXTS)["answers"]
    shutil.rmtree(folder / "model")
    shutil.copytree(tuned_run.model, folder / "model")
    os.utime(folder / "model" / "hone.json")
    assert service.predict(folder, TEXTS)["answers"] != before


def test_it_leaves_when_nobody_asks_and_comes_back(tmp_path: Path, classic_run: Run, until):
    service = Service(tmp_path, idle=0.3)
    try:
        service.predict(classic_run.folder, TEXTS)
        first = service._resident._process
        until(lambda: not first.alive())
        assert service.predict(classic_run.folder, TEXTS)["answers"]
    finally:
        service.close()


def test_a_run_without_a_model_and_a_damaged_one_are_told(service: Service, tuned_run: Run, tmp_path: Path):
    with pytest.raises(Missing, match="This run has no model yet"):
        service.predict(tmp_path, TEXTS)
    shutil.copytree(tuned_run.model, tmp_path / "run" / "model")
    (tmp_path / "run" / "model" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(HoneError):
        service.predict(tmp_path / "run", TEXTS)
    assert service.predict(tuned_run.folder, TEXTS)["answers"]  # others are served all the same


def test_a_late_answer_is_an_error_and_not_a_wait_for_ever(service: Service, tuned_run: Run):
    with pytest.raises(HoneError, match="took too long"):
        service.predict(tuned_run.folder, TEXTS, timeout=0.01)
    assert service.predict(tuned_run.folder, TEXTS)["answers"]


def test_a_closed_service_answers_no_more_and_leaves_no_process(service: Service, classic_run: Run):
    service.predict(classic_run.folder, TEXTS)
    process = service._resident._process
    service.close()
    assert not process.alive()
    with pytest.raises(HoneError, match="closing"):
        service.predict(classic_run.folder, TEXTS)


def test_the_page_stays_without_torch(classic_run: Run, tmp_path: Path):
    code = (
        "import sys\nfrom core.service import Service\n"
        f"s = Service({str(tmp_path)!r})\nassert s.predict({str(classic_run.folder)!r}, ['a'])['answers']\ns.close()\n"
        "assert not {'torch', 'transformers', 'sklearn', 'scipy'} & set(sys.modules)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def writing_run(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model writes: a real tiny language model, tuned for a moment."""
    folder = tmp_path_factory.mktemp("writing") / "run"
    write_run(folder, TASKS["language"], data_dir / "stories260k", length="steps", steps=2, answer_length=200)
    worker(str(folder))
    return folder


def whole(service: Service, id: str, seconds: float = 60.0) -> tuple[dict, list[str]]:
    """The end of a text, and what was heard of it on the way."""
    until, heard = time.monotonic() + seconds, []
    while time.monotonic() < until:
        told = service.heard(id)
        if told["done"]:
            return told, heard
        heard.append(told["text"])
        time.sleep(0.01)
    raise AssertionError("it did not end")


def test_a_text_comes_piece_by_piece_and_is_the_whole_answer(service: Service, writing_run: Path):
    told, heard = whole(service, service.say(writing_run, "Once upon a time"))
    (right,) = Predictor.open(writing_run / "model", device="cpu").predict(["Once upon a time"])
    assert told["text"] == right.text and told["milliseconds"] > 0
    parts = [text for text in dict.fromkeys(heard) if text]
    assert len(parts) > 2 and all(later.startswith(text) for text, later in itertools.pairwise(parts))


def test_a_text_can_be_stopped_and_what_was_written_stays(service: Service, writing_run: Path):
    service.predict(writing_run, ["."])
    id = service.say(writing_run, "Once upon a time")
    while not service.heard(id)["text"]:
        time.sleep(0.005)
    service.hush(id)
    told, _ = whole(service, id)
    (right,) = Predictor.open(writing_run / "model", device="cpu").predict(["Once upon a time"])
    assert told["text"] and right.text.startswith(told["text"]) and len(told["text"]) < len(right.text)
    with pytest.raises(Missing, match="not here any more"):
        service.heard(id)


def test_a_text_whose_process_dies_is_told(service: Service, writing_run: Path):
    id = service.say(writing_run, "Once upon a time")
    os.kill(service.pid, signal.SIGKILL)
    with pytest.raises(HoneError, match="its process ended"):
        whole(service, id)
    assert whole(service, service.say(writing_run, "Once"))[0]["done"]
