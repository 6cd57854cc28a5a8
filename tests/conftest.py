"""What every test may ask for: the real data, a workspace, tiny real models."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

WORDS = (
    "the a of and to in is it you that was for on are with as at be this have from or one had by word but not what all were "
    "we when your can said there use an each which she do how their if will up other about out many then them these so some "
    "good bad film movie great awful card money lost bank pay late refund order box wheel bike red blue green happy sad"
).split()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The shared real data sets. In CI their absence is a failure."""
    folder = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data")
    if (folder / "README.md").exists():
        return folder
    reason = f"the shared data sets are not at {folder}; set HONE_TEST_DATA"
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module", autouse=True)
def nothing_goes_on_behind() -> Iterator[None]:
    """A run that an engine carries out in the tests' own process ends with its file: chance is one for the whole process, and a training that
    went on in the background would draw from it in tests of exactness."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("hone-run-"):
            (owned, _) = thread._args  # type: ignore[attr-defined]
            owned.run.control("leave")
            thread.join(timeout=60)
            assert not thread.is_alive(), f"{owned.run.id} goes on after the tests that began it"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "home")


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random BERT of two layers, 32 wide, and a WordPiece vocabulary of its own: about 50 kB."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-encoder")
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789.,!?'-")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters), *WORDS]
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(dict.fromkeys(pieces)), encoding="utf-8")
    tokenizer = BertTokenizerFast(vocab=str(vocabulary), do_lower_case=True)
    tokenizer.model_max_length = 64
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder, safe_serialization=True)
    return folder


# Folders and files whose tests race real processes, browsers and clocks. A machine that stalls for a while may fail one of them once; a fault
# fails it twice. A second try is printed (RERUN) with what failed the first time, and is to be looked into.
REAL_TIME = ("tests/browser/", "tests/webui/test_start.py", "tests/webui/test_labellers.py", "tests/core/test_jobs.py", "tests/core/test_service.py",
             "tests/core/cli/", "tests/core/training/test_engine.py", "tests/core/training/test_kill.py",
             "tests/core/training/test_runs.py", "tests/core/training/test_continuing.py", "tests/core/studies/", "tests/core/followers/")  # fmt: skip


SHOWN = "what the page showed"  # a section that tests/browser/conftest.py adds


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"first try of {report.nodeid}")
        for said in (report.longreprtext, *(text for title, text in report.sections if title == SHOWN)):
            terminalreporter.write_line(said)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in REAL_TIME get a second try; tests marked gpu are skipped, with the reason, where there is no GPU."""
    for item in items:
        if item.nodeid.startswith(REAL_TIME):
            item.add_marker(pytest.mark.flaky(reruns=1))
    wanted = [item for item in items if item.get_closest_marker("gpu")]
    if not wanted:
        return
    import torch

    if torch.cuda.is_available():
        return
    for item in wanted:
        item.add_marker(pytest.mark.skip(reason="there is no CUDA GPU on this machine"))
