"""A real server and a real Chromium. A page that asks for anything beyond this machine, or logs an error, fails its test."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core import projects
from core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOOPBACK = re.compile(r"^(https?|wss?)://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/|^(data|blob|about):")


@dataclass
class Server:
    """A launched Hone. `stop()` and `start()` let a test take it away and bring it back on the same port and home."""

    home: Path
    port: int
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.home)

    @property
    def log(self) -> str:
        return (self.home.parent / f"server-{self.port}.log").read_text(encoding="utf-8", errors="replace")

    def start(self, seconds: float = 60.0) -> Server:
        log = (self.home.parent / f"server-{self.port}.log").open("ab")
        command = [sys.executable, "launch.py", "--port", str(self.port), "--workspace", str(self.home), *self.options]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"launch.py ended at once:\n{self.log}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise RuntimeError(f"launch.py did not open port {self.port}:\n{self.log}")

    def stop(self, kill: bool = False) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One local server for all browser tests; each test works in a project of its own."""
    one = Server(tmp_path_factory.mktemp("hone") / "home", free_port()).start()
    yield one
    one.stop()


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """A server of this test's own: ``launched("--demo")``."""
    made: list[Server] = []

    def launch(*options: str) -> Server:
        made.append(Server(tmp_path / f"home{len(made)}", free_port(), options).start())
        return made[-1]

    yield launch
    for one in made:
        one.stop()


@pytest.fixture(scope="session")
def browser():
    """Chromium of this machine: HONE_CHROMIUM, else the one on the path, else playwright's own."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("HONE_CHROMIUM") or next((p for p in map(shutil.which, names) if p), None)
    with sync_api.sync_playwright() as playwright:
        try:
            found = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except sync_api.Error as error:
            reason = f"Chromium does not start here: {str(error).splitlines()[0]}"
            if IN_CI:
                pytest.fail(reason)
            pytest.skip(reason)
        yield found
        found.close()


@dataclass
class Watched:
    """What a page did that it should not. `allow(pattern)` for what a test brings about on purpose."""

    said: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        self.allowed.append(pattern)

    @property
    def left(self) -> list[str]:
        return [text for text in self.said if not any(re.search(p, text) for p in self.allowed)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """A failed test tells what its page showed."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None:
        try:
            shown = page.evaluate(
                "[document.activeElement?.outerHTML.slice(0, 200), document.body.innerText].join('\\n')"
            )
        except Exception as error:  # the browser itself may be what is gone
            shown = f"(could not be asked: {error})"
        report.sections.append(("what the page showed", shown[:3000]))
    return report


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def new_page(browser, watched: Watched) -> Iterator[Callable[..., object]]:
    """Pages with chosen surroundings: ``new_page(width=390, height=844, dark=True, language="zh-CN")``."""
    contexts = []

    def make(width: int = 1280, height: int = 800, dark: bool = False, language: str = "en-US", **options):
        scheme = "dark" if dark else "light"
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale=language, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # a busy machine is no failure
        page.on("request", lambda r: None if LOOPBACK.match(r.url) else watched.said.append(f"request to {r.url}"))
        page.on("pageerror", lambda e: watched.said.append(f"page error: {e}"))
        page.on("console", lambda m: watched.said.append(f"console: {m.text}") if m.type == "error" else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not watched.left, "\n".join(watched.left)


@pytest.fixture
def page(new_page):
    """A wide, light, English page."""
    return new_page()


@pytest.fixture
def project(server: Server, request: pytest.FixtureRequest) -> projects.Project:
    """An empty project of this test's own."""
    return projects.create(server.workspace, request.node.name[:60])


@pytest.fixture
def alone() -> Callable[[object], None]:
    """``alone(page)``: no model learns along on its Label tab: texts come in the file's order, and no vectors are made."""
    return lambda page: page.add_init_script("localStorage.setItem('hone::label.along', 'false')")  # type: ignore[attr-defined]


@pytest.fixture
def open_tab(server: Server, project: projects.Project, alone: Callable[[object], None]):
    """``open_tab(page, "train")``: the tab of this test's project, drawn. While one labels no model learns along, unless `along`: texts then
    come in the file's order and no vectors are made."""

    def open_(page, tab: str = "data", language: str = "en", of: projects.Project | None = None, along: bool = False):
        if not along:
            alone(page)
        path = "zh" if language == "zh" else ""
        page.goto(f"{server.url}/{path}?project={(of or project).id}#{tab}")
        page.wait_for_selector(f"#page-{tab} > *")
        return page

    return open_
