"""Stands around every request: who may ask at all, how much may come in, and the headers that protect the page.

Refuses what another site does in the person's name, and addresses this server does not answer to (a foreign name that was made
to point at this machine). Knows nothing of logins: webui.who decides those.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse

LARGEST_CALL = 32_000_000  # bytes of one call; files come through /hone/upload, which has its own limit
CLOSED = {
    "/gradio_api/upload",
    "/gradio_api/upload/",
    "/gradio_api/openapi.json",
}  # Gradio's, which the page does not use
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors {framing}"
)


class Guard:
    """Refuses requests another site makes in the person's name, and unknown hosts; adds the protective headers.

    `hosts` are the names this server answers to; None where a login or a token stands guard anyway and the names are not known.
    """

    def __init__(self, app: Any, hosts: set[str] | None = None):
        self.app = app
        self.hosts = hosts
        framing = "'self' https://huggingface.co https://*.hf.space" if on_spaces() else "'self'"
        self.headers = [
            (b"content-security-policy", CONTENT_POLICY.format(framing=framing).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]
        if not on_spaces():
            self.headers.append((b"x-frame-options", b"SAMEORIGIN"))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        refusal = self._refusal(headers, scope["path"])
        if refusal:
            await PlainTextResponse(refusal, 403)(scope, receive, send)
            return
        if scope["path"] in CLOSED:
            await PlainTextResponse("not found", 404)(scope, receive, send)
            return
        if scope["path"] != "/hone/upload":
            if int(headers.get("content-length") or 0) > LARGEST_CALL:
                await PlainTextResponse("too large", 413)(scope, receive, send)
                return
            receive = _counted(receive)

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                ours = {name for name, _ in self.headers} | {
                    b"access-control-allow-origin",
                    b"access-control-allow-credentials",
                }
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in ours]
                message = {**message, "headers": [*kept, *self.headers]}
            await send(message)

        await self.app(scope, receive, guarded)

    def _refusal(self, headers: dict[str, str], path: str) -> str | None:
        """Also reading is refused to other origins: Gradio, further out, would tell any of them that it may read."""
        host = headers.get("host", "")
        if self.hosts is not None and _name(host) not in self.hosts:
            return "This address is not one Hone answers to."
        ours = (host, headers.get("x-forwarded-host") if self.hosts is None else host)
        origin = headers.get("origin")
        if origin and urlsplit(origin).netloc not in ours:
            return "Requests from other sites are refused."
        following_a_link = headers.get("sec-fetch-mode") == "navigate" and path != "/logout"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not following_a_link:
            return "Requests from other sites are refused."
        return None


def _counted(receive: Any) -> Any:
    """A body without a declared length is counted while it comes; too much of it ends the request."""
    size = 0

    async def counted() -> Any:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if size > LARGEST_CALL else message

    return counted


def _name(host: str) -> str:
    """`host` without its port."""
    return (host if host.endswith("]") else host.rsplit(":", 1)[0]).strip("[]").lower()


def on_spaces() -> bool:
    return os.environ.get("SYSTEM") == "spaces"
