"""The journal: what was written whole is read whole, whatever happened to the writer."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core import journal
from core.journal import Journal, read

ROOT = Path(journal.__file__).resolve().parents[1]


def test_what_is_appended_is_read_in_pieces(tmp_path):
    log = Journal(tmp_path / "deep" / "events.jsonl")
    log.append({"n": 1, "text": "两行\nund ümlaut\u2028"})
    first, offset = read(log.path)
    log.append({"n": 2}, sync=True)
    second, end = read(log.path, offset)
    assert first == [{"n": 1, "text": "两行\nund ümlaut\u2028"}] and second == [{"n": 2}]
    assert read(log.path, end) == ([], end)
    log.close()
    log.close()


def test_a_missing_file_is_empty(tmp_path):
    assert read(tmp_path / "none.jsonl") == ([], 0)


def test_a_torn_last_line_waits_for_its_end_and_is_cut_off_by_the_next_writer(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"n":1}\n{"n":2')
    assert read(path) == ([{"n": 1}], 8)
    log = Journal(path)
    log.append({"n": 3})
    log.close()
    assert read(path)[0] == [{"n": 1}, {"n": 3}]


def test_a_file_that_is_one_torn_line_longer_than_a_block_is_emptied(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"x":"' + b"a" * 200_000)
    Journal(path).close()
    assert path.stat().st_size == 0


def test_zeros_left_by_a_power_failure_hide_nothing_else(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"n":1}\n' + b"\0" * 50 + b'\n{"n":2}\n')
    assert read(path)[0] == [{"n": 1}, {"n": 2}]


def test_nan_is_refused_before_anything_is_written(tmp_path):
    log = Journal(tmp_path / "events.jsonl")
    with pytest.raises(ValueError, match="JSON"):
        log.append({"loss": math.nan})
    log.close()
    assert read(log.path) == ([], 0)


def test_a_writer_killed_at_any_moment_leaves_only_whole_lines(tmp_path):
    path = tmp_path / "events.jsonl"
    code = (
        "import sys; from pathlib import Path; from core.journal import Journal\n"
        "log = Journal(Path(sys.argv[1])); n = 0\n"
        "while True:\n    n += 1; log.append({'n': n, 'text': 'x' * (n % 997)})\n"
    )
    for _ in range(3):
        before = len(read(path)[0])
        writer = subprocess.Popen([sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": str(ROOT)})
        while len(read(path)[0]) < before + 50:
            assert writer.poll() is None
        writer.send_signal(signal.SIGKILL) if os.name != "nt" else writer.kill()
        writer.wait()
        numbers = [entry["n"] for entry in read(path)[0][before:]]
        assert numbers == list(range(1, len(numbers) + 1))
