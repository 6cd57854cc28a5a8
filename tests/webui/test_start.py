"""The page is there before anything heavy is."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "datasets", "sklearn", "scipy", "peft", "plotly", "matplotlib")


def test_building_the_page_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys, json; from pathlib import Path; from webui.app import build; from webui.studio import Studio; "
        "from webui.shell import head; from webui.theme import theme; s = Studio(Path(sys.argv[1])); build(s); head(s); theme(); "
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(said.stdout.splitlines()[-1]) == []


def test_the_answers_of_an_empty_project_need_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys, json; from pathlib import Path; from core.workspace import Workspace; from webui.app import build; "
        "from webui.calls import Here; from webui.overview import overview; from webui.studio import Studio; "
        "s = Studio(Path(sys.argv[1])); build(s); overview(Here(s, Workspace.open(s.home))); "
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(said.stdout.splitlines()[-1]) == []


def test_a_busy_port_says_so_and_the_next_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = _launch(tmp_path, "--port", str(port))
        try:
            lines = _lines_until(process, "ready")
            assert f"Port {port} is in use" in lines
            address = lines.split("ready at ")[1].split()[0]
            assert not address.endswith(f":{port}")
            page = urllib.request.urlopen(address).read().decode()
            assert "hone/assets/js/lib.js" in page
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "add --auth FILE or --demo"),
        (["--share"], "add --auth FILE or --demo"),
        (["--auth", "nowhere", "--demo"], "exclude each other"),
        (["--auth", "nowhere"], "hone user add"),
    ],
)
def test_what_others_could_reach_needs_a_login_or_the_demo(tmp_path: Path, options: list[str], said: str) -> None:
    process = _launch(tmp_path, *options)
    _out, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said in error


def test_help_names_every_option() -> None:
    said = subprocess.run(
        [sys.executable, "launch.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for option in ("--host", "--port", "--workspace", "--auth", "--demo", "--share", "--language", "--inline"):
        assert option in said


def _launch(home: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "launch.py", "--workspace", str(home), *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment.pop("SYSTEM", None)
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def _lines_until(process: subprocess.Popen[str], word: str, seconds: float = 60.0) -> str:
    lines, until = "", time.monotonic() + seconds
    while word not in lines and time.monotonic() < until:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            break
        lines += line
    return lines
