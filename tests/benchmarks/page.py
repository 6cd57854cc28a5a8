"""How quick the page stays while a model is training, and how it bears a class.

    python tests/benchmarks/page.py [--clients 30] [--seconds 120] [--rows 3000] [--no-browser]

A real server, a real training of the bundled encoder, and at the same time: many clients that follow the run as a page does (once a second),
one that pages through the rows, one that pauses and resumes, and a Chromium that labels by key and changes tabs. Prints the median and the
95th percentile of each in milliseconds, what was sent, and every error. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core import projects  # noqa: E402
from core.data.dataset import Dataset  # noqa: E402
from core.training import draft  # noqa: E402
from core.training.draft import Draft  # noqa: E402
from core.workspace import Workspace  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
KEYS = 80
TABS = ("data", "label", "train", "settings")


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "home")
        project = prepared(workspace, options.rows, Path(folder))
        with served(workspace.home) as address:
            calls = Calls(address, project.id)
            run = calls("train", "start")["run"]
            while calls("train", "follow", run=run)["step"] < 3:
                time.sleep(0.5)
            measured = Measured()
            alone = calls("train", "follow", run=run)["examples_per_second"]
            measure(calls, run, address, measured, options)
            under = calls("train", "follow", run=run)["examples_per_second"]
            calls("train", "control", run=run, word="discard")
            print(f"the training itself: {alone:.0f} texts a second before, {under:.0f} under this load")
            measured.show(options)
    sys.exit(1 if measured.errors else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=30, help="pages that follow the run (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=120.0, help="for how long (default: %(default)s)")
    parser.add_argument(
        "--rows", type=int, default=3000, help="rows of BANKING77, half of them without a label (default: %(default)s)"
    )
    parser.add_argument("--no-browser", action="store_true", help="leave out what needs Chromium")
    return parser.parse_args()


# What goes on at the same time -----------------------------------------------------------------------------------------


def measure(calls: Calls, run: str, address: str, measured: Measured, options: argparse.Namespace) -> None:
    end = time.monotonic() + options.seconds
    busy = [threading.Thread(target=follower, args=(calls, run, measured, end)) for _ in range(options.clients)]
    busy.append(threading.Thread(target=pager, args=(calls, measured, end, options.rows)))
    for one in busy:
        one.start()
    if not options.no_browser:
        measured.guarded("browser", lambda: browsing(address, calls.project, measured, end))
    pausing(calls, run, measured, max(end, time.monotonic() + 10))
    for one in busy:
        one.join()


def follower(calls: Calls, run: str, measured: Measured, end: float) -> None:
    """What one page asks: deltas once a second, and the list now and then."""
    seen: dict[str, Any] = {}
    time.sleep(random.random())
    while time.monotonic() < end:
        began = time.monotonic()
        told = measured.timed(
            "one look at the run", lambda seen=seen: calls("train", "follow", run=run, **seen), size=True
        )
        if told:
            seen = {
                "generation": told["generation"],
                "points": told["seen_points"],
                "checks": told["seen_checks"],
                "stamp": told["stamp"],
            }
        if random.random() < 1 / 6:
            measured.timed("the list of runs", lambda: calls("train", "training"), size=True)
        time.sleep(max(0.0, 1.0 - (time.monotonic() - began)))


def pager(calls: Calls, measured: Measured, end: float, rows: int) -> None:
    while time.monotonic() < end:
        measured.timed("a page of rows", lambda: calls("data", "rows", start=random.randrange(0, max(1, rows - 50))))
        time.sleep(1.0)


def pausing(calls: Calls, run: str, measured: Measured, end: float) -> None:
    """Pause until the run says so, and on again."""
    while time.monotonic() < end:
        measured.timed("Pause, until it is paused", lambda: until(calls, run, "pause", {"paused"}))
        measured.timed("Resume, until it learns", lambda: until(calls, run, "resume", {"running"}))
        time.sleep(1.0)


def until(calls: Calls, run: str, word: str, states: set[str]) -> None:
    calls("train", "control", run=run, word=word)
    for _ in range(600):
        if calls("train", "follow", run=run)["state"] in states:
            return
        time.sleep(0.02)
    raise TimeoutError(f"no {states} after {word}")


def browsing(address: str, project: str, measured: Measured, end: float) -> None:
    """A person at the page: labels by key, goes from tab to tab."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("HONE_CHROMIUM") or next(
        (p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page()
        page.on("pageerror", lambda error: measured.errors.append(f"page: {error}"))
        page.goto(f"{address}/?project={project}#label")
        page.wait_for_selector(".lb-text")
        page.wait_for_timeout(1500)
        for milliseconds in page.evaluate(LABELLING, KEYS):
            measured.add("the next text after a label key", milliseconds)
        for tab in TABS:  # the first visit builds the tab
            page.locator(f"#tab-{tab}-button").click()
            page.wait_for_selector(f"#page-{tab} > *")
        while time.monotonic() < end - 5:
            for tab in TABS:
                measured.add("a change of tab", page.evaluate(CHANGING, tab))
            page.wait_for_timeout(1000)
        browser.close()


LABELLING = """async (n) => {
  const text = () => document.querySelector(".lb-text").textContent;
  const found = [];
  for (let i = 0; i < n; i += 1) {
    const before = text(), began = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: String(1 + (i % 5)), bubbles: true }));
    for (let k = 0; k < 2000 && text() === before; k += 1) await new Promise((r) => (k < 5 ? queueMicrotask(r) : setTimeout(r, 1)));
    found.push(performance.now() - began);
    await new Promise((r) => setTimeout(r, 150));
  }
  return found;
}"""

CHANGING = """async (tab) => {
  const began = performance.now();
  document.getElementById(`tab-${tab}-button`).click();
  while (!document.querySelector(`#page-${tab} > *`) || document.getElementById(`page-${tab}`).offsetParent === null) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""


# Tools -----------------------------------------------------------------------------------------------------------------


class Measured:
    """Milliseconds and bytes by name, and errors in words."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}
        self.bytes: dict[str, list[int]] = {}
        self.errors: list[str] = []

    def add(self, name: str, milliseconds: float) -> None:
        self.times.setdefault(name, []).append(milliseconds)

    def timed(self, name: str, work: Any, size: bool = False) -> Any:
        began = time.perf_counter()
        result = self.guarded(name, work)
        self.add(name, 1000 * (time.perf_counter() - began))
        if size and result is not None:
            self.bytes.setdefault(name, []).append(len(json.dumps(result)))
        return result

    def guarded(self, name: str, work: Any) -> Any:
        try:
            return work()
        except Exception as error:
            self.errors.append(f"{name}: {type(error).__name__}: {error}"[:300])
            return None

    def show(self, options: argparse.Namespace) -> None:
        print(f"{os.cpu_count()} cores, {options.clients} clients for {options.seconds:.0f} s, a training under way")
        print(f"{'':34}{'n':>7}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'median bytes':>14}")
        for name, times in sorted(self.times.items()):
            times.sort()
            sizes = self.bytes.get(name)
            size = f"{statistics.median(sizes):>14.0f}" if sizes else ""
            print(
                f"{name:34}{len(times):>7}{statistics.median(times):>9.1f}{times[int(0.95 * (len(times) - 1))]:>9.1f}{times[-1]:>9.1f}{size}"
            )
        print(f"errors: {len(self.errors)}")
        for error in self.errors[:10]:
            print(" ", error)


class Calls:
    """The calls of the page, over HTTP as the page makes them. `opener` brings the cookies of a login."""

    def __init__(self, address: str, project: str, opener: urllib.request.OpenerDirector | None = None):
        self.address, self.project = address, project
        self.open = (opener or urllib.request.build_opener()).open
        with self.open(f"{address}/config", timeout=30) as answer:
            components = json.load(answer)["components"]
        self.panels: dict[str, int] = {}
        for component in components:
            name = (component["props"].get("elem_id") or "").removeprefix("panel-")
            if component["type"] == "html":
                self.panels.setdefault(name, component["id"])

    def __call__(self, panel: str, name: str, **args: Any) -> Any:
        asked = {"args": args, "project": self.project, "language": "en", "token": None}
        body = {"data": asked, "component_id": self.panels[panel], "session_hash": "benchmark", "fn_name": name}
        request = urllib.request.Request(
            f"{self.address}/gradio_api/component_server",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with self.open(request, timeout=30) as answer:
            said = json.load(answer)
        if "ok" not in said:
            raise RuntimeError(f"{name}: {said}")
        return said["ok"]


def prepared(workspace: Workspace, count: int, folder: Path) -> projects.Project:
    """A project with rows of BANKING77, half without a label, and a draft that trains for longer than the benchmark."""
    source = Path(os.environ.get("HONE_TEST_DATA") or ROOT.parent / "shared" / "data") / "banking77" / "train.csv"
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    random.Random(1).shuffle(rows)
    cut = folder / "mail.csv"
    with cut.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "category"])
        writer.writerows([row["text"], row["category"] if i % 2 else ""] for i, row in enumerate(rows[:count]))
    project = projects.create(workspace, "Benchmark")
    Dataset.open(project.data).add(cut, cut.name)
    draft.write(project.folder, Draft("balanced", {"length": "steps", "steps": 100_000, "patience": 0}))
    return project


@contextmanager
def served(home: Path, *options: str) -> Any:
    """A launched server, until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "launch.py", "--port", str(port), "--workspace", str(home), *options]
    with (home.parent / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(300):
                time.sleep(0.2)
                try:
                    urllib.request.urlopen(f"{address}/hone/alive", timeout=30).close()
                    break
                except OSError:
                    continue
            yield address
        finally:
            process.terminate()
            process.wait(timeout=60)


if __name__ == "__main__":
    main()
