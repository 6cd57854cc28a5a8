"""What the server answers to whom, asked over HTTP at a real page."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.middleware import Middleware

from core.workspace import Workspace
from launch import LOOPBACK
from webui.app import build
from webui.routes import app_kwargs
from webui.shell import Shell, head
from webui.studio import Limits, Studio
from webui.theme import theme


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(Workspace.open(tmp_path_factory.mktemp("guard")).home, limits=Limits(upload_bytes=1000))


@pytest.fixture(scope="module")
def client(studio: Studio) -> Iterator[httpx.Client]:
    demo = build(studio)
    guards = app_kwargs(studio, LOOPBACK, [Middleware(Shell, head=head(studio))])
    _app, url, _share = demo.launch(
        prevent_thread_lock=True,
        quiet=True,
        theme=theme(),
        max_threads=100,
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        footer_links=[],
        app_kwargs=guards,
    )
    with httpx.Client(base_url=url, timeout=30) as one:
        yield one
    demo.close(verbose=False)


def test_pages_carry_the_protective_headers(client: httpx.Client) -> None:
    for path in ("/", "/zh", "/hone/assets/js/lib.js"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
def test_another_site_cannot_act_in_the_persons_name(client: httpx.Client, headers: dict[str, str]) -> None:
    for path in ("/gradio_api/component_server", "/hone/upload?name=a.csv", "/gradio_api/upload", "/hone/welcome"):
        assert client.post(path, content=b"{}", headers=headers).status_code == 403


def test_a_name_that_is_not_this_machines_is_refused_also_for_reading(client: httpx.Client) -> None:
    assert client.get("/", headers={"Host": "rebound.example"}).status_code == 403
    assert client.get("/", headers={"Host": "localhost:7860"}).status_code == 200


def test_no_other_origin_is_told_that_it_may_read(client: httpx.Client) -> None:
    for path in ("/config", "/", "/hone/alive"):
        assert client.get(path, headers={"Origin": "https://evil.example"}).status_code == 403
    embedding = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert client.get("/hone/assets/js/lib.js", headers=embedding).status_code == 403
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status_code == 200


def test_the_head_stands_in_the_page_itself_once_and_the_language_is_named(client: httpx.Client) -> None:
    english, chinese = client.get("/").text, client.get("/zh").text
    assert english.index("hone/assets/js/lib.js") < english.index("</head>")
    assert english.count("hone/assets/js/lib.js") == 1
    assert 'lang="en"' in english
    assert 'lang="zh-CN"' in chinese
    assert client.get("/").headers["cache-control"] == "no-store"


def test_scripts_and_sheets_are_kept_for_a_year_under_the_hash_of_their_content(client: httpx.Client) -> None:
    import re

    page = client.get("/").text
    addresses = re.findall(r'(?:src|href)="(hone/assets/[^"]+\?v=[0-9a-f]{12})"', page)
    assert len(addresses) > 10
    for address in addresses:
        answer = client.get("/" + address)
        assert answer.status_code == 200
        assert "max-age=31536000" in answer.headers["cache-control"]


def test_plotly_comes_from_the_plotly_package(client: httpx.Client) -> None:
    answer = client.get("/hone/plotly.js")
    assert answer.status_code == 200
    assert "plotly.js v" in answer.text[:200]
    assert "max-age=31536000" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/hone/assets/js/..%2f..%2flaunch.py",
        "/hone/assets/js/none.js",
        "/hone/assets/examples/x",
        "/hone/words/../secret.json",
        "/hone/words/de.json",
        "/hone/download/none",
    ],
)
def test_only_our_own_files_are_served(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_an_upload_lies_in_the_users_workspace_under_a_name_of_ours(client: httpx.Client, studio: Studio) -> None:
    said = client.post("/hone/upload?name=../../evil%20name.csv", content=b"text\nhello").json()["ok"]
    assert said["name"] == "evil name.csv"
    folder = studio.home / "users" / "local" / "uploads" / said["id"]
    assert (folder / "file").read_bytes() == b"text\nhello"
    assert json.loads((folder / "upload.json").read_text())["name"] == "evil name.csv"


def test_an_upload_that_is_too_large_is_refused_and_leaves_nothing(client: httpx.Client, studio: Studio) -> None:
    def endless() -> Iterator[bytes]:
        yield from (b"x" * 600 for _ in range(3))

    before = sorted((studio.home / "users" / "local" / "uploads").glob("*"))
    for content in (b"x" * 1001, endless()):
        error = client.post("/hone/upload?name=a.csv", content=content).json()["error"]
        assert error["message"].startswith("This file is larger than")
    assert sorted((studio.home / "users" / "local" / "uploads").glob("*")) == before


def test_an_offered_file_is_fetched_once_as_an_attachment(client: httpx.Client, studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<script>alert(1)</script>")
    url = "/" + studio.offer("local", path, "page.html")
    answer = client.get(url)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.text == path.read_text()
    assert client.get(url).status_code == 404


def test_gradios_side_doors_are_closed(client: httpx.Client) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/gradio_api/openapi.json", "/monitoring"):
        assert client.get(path).status_code in (403, 404), path
    assert client.post("/gradio_api/upload", files={"files": ("a.txt", b"x")}).status_code == 404
    assert (
        client.post("/gradio_api/queue/join", json={"data": [], "fn_index": 0, "session_hash": "x"}).status_code >= 400
    )


def test_a_call_that_is_too_large_is_refused(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        yield from (b"x" * 4_000_000 for _ in range(10))

    for content in (b"x" * 33_000_000, endless()):
        with contextlib.suppress(
            httpx.TransportError
        ):  # the answer may come, and the connection go, before all is sent
            assert client.post("/gradio_api/component_server", content=content).status_code >= 400
    assert client.get("/hone/alive").json() == {"known": True}
