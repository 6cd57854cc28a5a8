"""The commands, as a person or a script gives them: real processes, real files, real runs."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.users import Users
from core.workspace import new_id

ROOT = Path(__file__).resolve().parents[3]
Hone = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "home"


@pytest.fixture(scope="module")
def hone(home: Path) -> Hone:
    def run(*arguments: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "core", *arguments],
            cwd=ROOT, env=environment(home), input=input, capture_output=True, text=True, encoding="utf-8",
            timeout=240, check=False,
        )  # fmt: skip

    return run


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "HONE_HOME": str(home), "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, telling: Callable[[int], list[dict[str, str]]]) -> Path:
    path = tmp_path_factory.mktemp("tables") / "mails.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Message", "Kind"])
        writer.writerows([row["text"], row["label"]] for row in telling(300))
    return path


@pytest.fixture(scope="module")
def trained(hone: Hone, table: Path) -> dict:
    done = hone("train", str(table), "--text", "message", "--label", "Kind", "--base", "classic:ngram", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_train_ends_with_one_line_of_json(trained: dict):
    assert set(trained) == {"run", "test"}
    assert set(trained["test"]) == {"accuracy", "macro_f1"} and 0.5 < trained["test"]["accuracy"] <= 1


def test_predict_answers_texts_and_files(hone: Hone, trained: dict, table: Path, tmp_path: Path):
    done = hone("predict", trained["run"], "--text", "a red bike", "--text", "great film")
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["bicycle", "praise"]
    done = hone("predict", "last", "--text", "a red bike", "--json")
    assert json.loads(done.stdout)["label"] == "bicycle"
    done = hone("predict", trained["run"], str(table), "--out", str(tmp_path / "out.csv"), "--json")
    told = json.loads(done.stdout)
    assert (told["rows"], told["done"], told["column"]) == (300, 300, "Message")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(row["Kind"] == row["prediction"] for row in rows) > 240


def test_evaluate_tells_the_verdict_and_writes_tables(hone: Hone, trained: dict, tmp_path: Path):
    done = hone("evaluate", trained["run"], "--out", str(tmp_path))
    assert "unseen texts correctly" in done.stdout and "This run" in done.stdout
    assert {p.name for p in tmp_path.iterdir()} == {
        f"{n}.csv" for n in ("labels", "confusion", "contenders", "rows", "mistakes")
    }
    told = json.loads(hone("evaluate", trained["run"], "--json").stdout)
    assert told["accuracy"] == pytest.approx(trained["test"]["accuracy"])
    assert set(told["contenders"]) == {"majority", "counting", "run"}


def test_export_gives_a_checked_zip_that_predict_can_use(hone: Hone, trained: dict, tmp_path: Path):
    done = hone("export", trained["run"], "--to", str(tmp_path / "out" / "m.zip"), "--json")
    told = json.loads(done.stdout)
    assert told["checked"] == told["equal"] > 0 and "fresh process" in done.stderr
    with zipfile.ZipFile(told["zip"]) as archive:
        archive.extractall(tmp_path / "copy")
    (folder,) = (tmp_path / "copy").iterdir()
    assert hone("predict", str(folder), "--text", "a red bike").stdout.startswith("bicycle\t")


def test_runs_projects_and_recipe_tell_what_is_there(hone: Hone, trained: dict, tmp_path: Path):
    (run, *_) = [r for r in json.loads(hone("runs", "--json").stdout) if r["run"] == trained["run"]]
    assert (
        run["state"] == "finished"
        and run["project"] == "mails"
        and run["test"]["accuracy"] == trained["test"]["accuracy"]
    )
    assert trained["run"] in hone("runs").stdout
    (project, *_) = json.loads(hone("projects", "--json").stdout)
    assert project["name"] == "mails" and project["texts"] == 300 and project["runs"] >= 1
    (tmp_path / "r.yaml").write_text(hone("recipe", trained["run"]).stdout, encoding="utf-8")
    again = hone("train", "--project", "mails", "--recipe", str(tmp_path / "r.yaml"), "--json")
    assert json.loads(again.stdout.splitlines()[-1])["test"] == trained["test"], (
        again.stderr
    )  # the same recipe, the same model


def test_a_test_file_and_flags_are_heeded(hone: Hone, table: Path, tmp_path: Path):
    lines = table.read_text(encoding="utf-8").splitlines()
    (tmp_path / "a.csv").write_text("\n".join(lines[:250]), encoding="utf-8")
    (tmp_path / "b.csv").write_text("\n".join([lines[0], *lines[250:]]), encoding="utf-8")
    done = hone("train", str(tmp_path / "a.csv"), "--test", str(tmp_path / "b.csv"), "--preset", "quick", "--base", "classic:ngram",
                "--ngram-high", "1", "--analyzer", "word", "--workspace", str(tmp_path / "w"), "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout.splitlines()[-1])["run"]
    (folder,) = (tmp_path / "w").glob(f"users/local/projects/*/runs/{run}")
    spec = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert spec["data"]["counts"]["test"] == 51 and spec["settings"]["ngram_high"] == 1
    assert spec["preset"] == "quick" and spec["changed"]["ngram_high"] == 1


def names(home: Path) -> set[str]:
    return {folder.name for folder in (home / "users" / "local" / "projects").iterdir()}


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["train"], ["There is nothing to learn from."]),
        (["train", "none.csv"], ["There is no file at none.csv."]),
        (["train", "TABLE", "--learning-rate", "5", "--epochs", "x"],
         ["--learning-rate: 5 is outside 0.0000001 to 0.1.", "--epochs: “x” is not a number."]),
        (["train", "TABLE", "--text", "body"], ["There is no column “body”. There are"]),
        (["train", "TABLE", "--base", "nothing"], ["--base:", "There is no base model called “nothing”."]),
        (["train", "PICTURE"], ["is a picture, not a table"]),
        (["train", "UNLABELLED"], ["No row has a label."]),
        (["train", "TABLE", "--recipe", "PICTURE"], ["recipe"]),
        (["evaluate", "run-none"], ["There is no run called “run-none”.", "hone runs"]),
        (["predict", "last"], ["There is nothing to answer."]),
        (["runs", "--workspace", "TABLE"], ["Something went wrong inside Hone"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_plain_words(
    hone: Hone, home: Path, trained: dict, table: Path, tmp_path: Path, arguments, words
):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    (tmp_path / "unlabelled.csv").write_text(
        "text\n" + "".join(f"words number {i}\n" for i in range(30)), encoding="utf-8"
    )
    places = {"TABLE": table, "PICTURE": tmp_path / "picture.png", "UNLABELLED": tmp_path / "unlabelled.csv"}
    before = names(home)
    done = hone(*(str(places.get(a, a)) for a in arguments))
    assert done.returncode == 1 and done.stdout == ""
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert names(home) == before  # nothing half-made is left


def test_a_wrong_command_is_exit_code_two_and_help_is_there(hone: Hone):
    assert hone("trian").returncode == 2
    for command in ("train", "resume", "predict", "evaluate", "export", "runs", "projects", "recipe"):
        assert hone(command, "--help").returncode == 0
    assert "--learning-rate X" in hone("train", "--help").stdout
    assert hone("--version").stdout.startswith("hone ")


def test_messages_come_in_chinese_where_asked(hone: Hone):
    assert hone("train", "none.csv", "--language", "zh").returncode == 1


def test_users_are_added_with_a_password_that_is_asked_for(hone: Hone, tmp_path: Path):
    done = hone("user", "add", "ada", "--auth", str(tmp_path / "auth"), input="a long password\n")
    assert done.returncode == 0 and "ada can log in now." in done.stderr and "password" not in done.stdout
    assert Users(tmp_path / "auth").verify("ada", "a long password")
    assert hone("user", "add", "bob", "--auth", str(tmp_path / "auth"), input="short\n").returncode == 1
    assert hone("user", "remove", "ada", "--auth", str(tmp_path / "auth")).returncode == 0
    assert Users(tmp_path / "auth").names == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no Ctrl-C to send on Windows")
def test_ctrl_c_stops_and_says_how_to_go_on(hone: Hone, home: Path, table: Path, tiny_encoder: Path):
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "train", str(table), "--project", new_id("stopped"), "--base", str(tiny_encoder), "--length", "steps",
         "--steps", "600", "--evaluations", "1", "--patience", "0", "--save-seconds", "0", "--json"],
        cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what is started in the background may have inherited that it is ignored
    )  # fmt: skip
    seen: list[str] = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith("Step ") and int(line.split()[1].rstrip(":")) > 20:
            break
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=120)
    assert process.returncode == 130 and out == "", "".join(seen) + rest
    run = next(line.split()[1] for line in seen if line.startswith("Run "))
    assert f"Go on with: hone resume {run}" in rest and "Traceback" not in rest
    assert next(r for r in json.loads(hone("runs", "--json").stdout) if r["run"] == run)["state"] == "interrupted"
    done = hone("resume", run, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["run"] == run


def test_two_trainings_on_one_workspace_wait_for_each_other(home: Path, trained: dict):
    command = [sys.executable, "-m", "core", "train", "--project", "mails", "--base", "classic:ngram", "--json"]
    started = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    results = [process.communicate(timeout=200)[0] for process in started]
    told = [json.loads(out.splitlines()[-1]) for out in results]
    assert told[0]["run"] != told[1]["run"] and told[0]["test"] == told[1]["test"]
