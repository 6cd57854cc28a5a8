"""What the page fetches beside Gradio: scripts and styles, plotly.js, the words, uploads and downloads. The guard around it is webui.guard.

Everything cacheable carries the hash of its content in its address, so that it can be kept for a year and is never stale.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from anyio import open_file, to_thread
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.data import images
from core.errors import HoneError
from core.words import ASSETS, LANGUAGES, TEXTS, Message, exchanges, translations
from core.workspace import Workspace, inside, new_id, write_json
from webui.calls import told
from webui.guard import Guard, on_spaces
from webui.studio import Studio
from webui.who import login_name, welcome, who
from webui.who import project as project_for

log = logging.getLogger("hone")
FOR_A_YEAR = {"Cache-Control": "public, max-age=31536000, immutable"}
SMALL = 160  # pixels of a picture's longer side
SIZES = {"large": 1000}
FIRST_SCRIPTS = (
    "lib",
    "parts",
    "plots",
    "frame",
    "tab_parts",
    "studies",
)  # the others in any order: they only declare themselves
FIRST_SHEETS = ("tokens", "frame", "parts")
INLINED = ("start",)


def app_kwargs(studio: Studio, hosts: set[str] | None, inner: Sequence[Middleware] = ()) -> dict[str, Any]:
    """For Gradio's launch: our routes before its own, our guards around everything, `inner` middleware within them."""
    return {
        "routes": routes(studio),
        "middleware": [Middleware(Guard, hosts=hosts), *inner],
        "docs_url": None,
        "redoc_url": None,
        "openapi_url": None,
    }


def routes(studio: Studio) -> list[Route]:
    def bound(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(request: Request) -> Response:
            return await endpoint(studio, request)

        return handle

    return [
        Route("/hone/assets/{kind}/{name}", _asset),
        Route("/hone/words/{language}/{things}.json", _words),
        Route("/hone/plotly.js", _plotly),
        Route("/hone/welcome", bound(_welcome), methods=["POST"]),
        Route("/hone/upload", bound(_upload), methods=["POST"]),
        Route("/hone/download/{key}", bound(_download)),
        Route("/hone/picture/{project}/{name}", bound(_picture)),
        Route("/hone/alive", bound(_alive)),
    ]


def assets(kind: str, first: tuple[str, ...]) -> list[str]:
    """Addresses of our scripts or sheets, those named `first` in their order, each with the hash of its content."""
    rest = sorted(f.stem for f in (ASSETS / kind).glob(f"*.{kind}") if f.stem not in (*first, *INLINED))
    files = [ASSETS / kind / f"{name}.{kind}" for name in (*first, *rest)]
    return [f"hone/assets/{kind}/{f.name}?v={_hash(f)}" for f in files]


def plotly_file() -> Path:
    """plotly.js inside the plotly package, found without importing it."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("plotly")
    return Path(next(iter(spec.submodule_search_locations))) / "package_data" / "plotly.min.js"


def words_address(language: str, things: str = TEXTS) -> str:
    body = json.dumps(dict(translations(language, things)), ensure_ascii=False).encode()
    return f"hone/words/{language}/{things}.json?v={hashlib.sha256(body).hexdigest()[:12]}"


def plotly_address() -> str:
    size = plotly_file().stat()
    return f"hone/plotly.js?v={size.st_size:x}-{int(size.st_mtime):x}"


async def _asset(request: Request) -> Response:
    kind, name = request.path_params["kind"], request.path_params["name"]
    folder = ASSETS / kind
    if kind not in ("js", "css", "icons") or name not in {p.name for p in folder.iterdir()}:
        return PlainTextResponse("not found", 404)
    return FileResponse(folder / name, media_type=_media_type(name), headers=FOR_A_YEAR)


async def _words(request: Request) -> Response:
    language, things = request.path_params["language"], request.path_params["things"]
    if language not in LANGUAGES or things not in (TEXTS, *exchanges()):
        return PlainTextResponse("not found", 404)
    return JSONResponse(dict(translations(language, things)), headers=FOR_A_YEAR)


async def _plotly(request: Request) -> Response:
    return FileResponse(plotly_file(), media_type="text/javascript", headers=FOR_A_YEAR)


async def _alive(studio: Studio, request: Request) -> Response:
    """What a page asks when a call did not get through: is the server there, and does it still know this login?"""
    known = studio.mode != "login" or login_name(request) is not None
    return JSONResponse({"known": known}, headers={"Cache-Control": "no-store"})


async def _welcome(studio: Studio, request: Request) -> Response:
    """A token for a new visitor of the demo; so many an hour for one address."""
    if studio.mode != "demo":
        return PlainTextResponse("not found", 404)
    try:
        studio.let_in(_address(request))
        return JSONResponse({"ok": await to_thread.run_sync(welcome, studio)}, headers={"Cache-Control": "no-store"})
    except HoneError as error:
        return JSONResponse({"error": told(error, request.headers.get("x-hone-language", "en"))})


def _address(request: Request) -> str:
    """Where a visitor comes from. On a Space everybody comes through one proxy, which names him first."""
    forwarded = request.headers.get("x-forwarded-for", "") if on_spaces() else ""
    return forwarded.split(",")[0].strip() or (request.client.host if request.client else "")


async def _upload(studio: Studio, request: Request) -> Response:
    """The raw body becomes a file in the caller's workspace; the answer is the id a call asks for with `here.upload`."""
    language = request.headers.get("x-hone-language", "en")
    try:
        workspace = await to_thread.run_sync(who, studio, request, request.headers.get("x-hone-token"))
        most = studio.limits.upload_bytes
        if int(request.headers.get("content-length") or 0) > most:
            raise _too_large(most)
        name = Path(request.query_params.get("name", "file").replace("\\", "/")).name[:200] or "file"
        upload = new_id("upload")
        folder = workspace.folder / "uploads" / upload
        folder.mkdir(parents=True)
        try:
            size = await _stored(request, folder / "file", most)
            write_json(folder / "upload.json", {"format": 1, "file": "file", "name": name, "size": size})
        except BaseException:
            (folder / "file").unlink(missing_ok=True)
            folder.rmdir()
            raise
    except HoneError as error:
        return JSONResponse({"error": told(error, language)}, 200)
    except ClientDisconnect:
        return PlainTextResponse("", 499)
    return JSONResponse({"ok": {"id": upload, "name": name, "size": size}})


async def _stored(request: Request, path: Path, most: int) -> int:
    size = 0
    async with await open_file(path, "wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise _too_large(most)
            await file.write(chunk)
    return size


async def _download(studio: Studio, request: Request) -> Response:
    """The key is 128 random bits, good once and for ten minutes; with a login the name must fit too."""
    try:
        offer = studio.take(request.path_params["key"])
        if studio.mode == "login" and who(studio, request, None).user != offer.user:
            raise PermissionError
    except (HoneError, PermissionError):
        return PlainTextResponse("This download has been used or is too old. Ask for it again on the page.", 404)
    kind = mimetypes.guess_type(offer.name)[0] or "application/octet-stream"
    return FileResponse(offer.path, media_type=kind, filename=offer.name, headers={"Cache-Control": "no-store"})


async def _picture(studio: Studio, request: Request) -> Response:
    """A picture of a project the caller may see, one's own or one that is shared for labelling. Always a copy that was made here: what somebody uploaded is never sent as it is."""
    try:
        workspace = await to_thread.run_sync(who, studio, request, request.headers.get("x-hone-token"))
        found = await to_thread.run_sync(_small_copy, studio, workspace, request.path_params, request.query_params)
    except (HoneError, OSError):
        return PlainTextResponse("not found", 404)
    headers = {"Cache-Control": "private, max-age=86400", "Content-Security-Policy": "default-src 'none'"}
    return FileResponse(found, media_type="image/webp", headers=headers)


def _small_copy(studio: Studio, workspace: Workspace, path: Mapping[str, str], query: Mapping[str, str]) -> Path:
    project = project_for(studio, workspace, path["project"], labelling=not query.get("run"))
    files = project.data / "files"
    if query.get("run") and not (images.NAME.fullmatch(path["name"]) and (files / path["name"]).is_file()):
        files = inside(project.folder / "runs", query["run"]) / "files"
    return images.thumbnail(files, path["name"], project.data / "cache", SIZES.get(query.get("size", ""), SMALL))


def _too_large(most: int) -> HoneError:
    return HoneError(
        Message("This file is larger than {n} MB, the most that is taken here.", n=most // 1_000_000),
        fix=Message("Take a part of the rows, or leave out columns you do not need."),
    )


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _media_type(name: str) -> str:
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}
    return kinds.get(Path(name).suffix, "application/octet-stream")
