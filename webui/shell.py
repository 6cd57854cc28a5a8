"""Puts our sheets and scripts into the real head of the page.

Gradio keeps `launch(head=...)` in its configuration and adds it by script, so that the page flashes unstyled and scripts run in any
order. This middleware writes the same lines into the HTML before it leaves the server, and says in which language the page is.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from core.words import ASSETS, LANGUAGES, TEXTS, exchanges
from webui.routes import FIRST_SCRIPTS, FIRST_SHEETS, assets, plotly_address, words_address
from webui.studio import Studio
from webui.who import login_name

NOT_KEPT = {"Cache-Control": "no-store"}


def head(studio: Studio) -> str:
    """Sheets first, so that nothing flashes; then the page's facts and scripts."""
    facts = {
        "language": studio.language,
        "mode": studio.mode,
        "limits": {"upload": studio.limits.upload_bytes},
        "words": {
            language: {things: words_address(language, things) for things in (TEXTS, *exchanges())}
            for language in LANGUAGES
        },
        "plotly": plotly_address(),
    }
    start = (ASSETS / "js" / "start.js").read_text(encoding="utf-8")
    lines = [
        '<link rel="icon" type="image/svg+xml" href="hone/assets/icons/hone.svg">',
        *(f'<link rel="stylesheet" href="{address}">' for address in assets("css", FIRST_SHEETS)),
        f"<script>window.HONE={json.dumps(facts)};\n{start}</script>",
        *(f'<script src="{address}" defer></script>' for address in assets("js", FIRST_SCRIPTS)),
    ]
    return "\n".join(lines)


class Shell:
    """`head` goes right behind ``<head>``; `login` asks for one; `languages` are the paths of pages that are not English."""

    def __init__(self, app: Any, head: str, login: bool = False, languages: tuple[str, ...] = ("zh",)):
        self.app = app
        self.head = head.encode()
        self.login = login
        self.languages = languages

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "").strip("/") if scope["type"] == "http" else None
        if path is None or scope["method"] != "GET" or (path and path not in self.languages):
            await self.app(scope, receive, send)
            return
        if self.login and login_name(Request(scope)) is None:
            page = _LOGIN.replace("{lang}", "zh-CN" if path else "en").encode()
            await HTMLResponse(self._with_head(page, ""), headers=NOT_KEPT)(scope, receive, send)
            return
        held: dict[str, Any] = {}
        body = bytearray()

        async def rewritten(message: Any) -> None:
            if message["type"] == "http.response.start":
                held.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            page = self._with_head(bytes(body), path)
            headers = [
                (k, v) for k, v in held.get("headers", []) if k.lower() not in (b"content-length", b"cache-control")
            ]
            headers += [(b"content-length", str(len(page)).encode()), (b"cache-control", b"no-store")]
            await send({**held, "headers": headers})
            await send({"type": "http.response.body", "body": page})

        await self.app(_uncompressed(scope), receive, rewritten)

    def _with_head(self, page: bytes, path: str) -> bytes:
        if b"<head>" not in page:
            return page
        if path:
            page = page.replace(b'<html\n\tlang="en"', b'<html\n\tlang="zh-CN"', 1)
        return page.replace(b"<head>", b"<head>\n" + self.head, 1)


_LOGIN = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Hone</title>
</head>
<body><div class="gradio-container"><div class="hone" id="page-login" role="main"></div></div></body>
</html>
"""


def _uncompressed(scope: Any) -> Any:
    return {**scope, "headers": [(k, v) for k, v in scope["headers"] if k.lower() != b"accept-encoding"]}
