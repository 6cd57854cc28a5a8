"""Whose data a call may touch: the one place that decides it.

With a login it is the name of the session's cookie; on one's own machine it is the single user `local`; in the demo it is a
128-bit token that this server issued and that comes with every call. Session hashes are chosen by the client and prove nothing.

A call reaches the caller's own workspace. The one way into another's is `project`: a project that is shared with the caller, for calls
that are open to labellers.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from typing import Any

from core import projects, sharing
from core.data.team import person as cleaned
from core.errors import Missing, NotAllowed
from core.words import Message
from core.workspace import Workspace, write_json
from webui.studio import Studio

TOKEN = re.compile(r"[0-9a-f]{32}")


def who(studio: Studio, request: Any, token: str | None) -> Workspace:
    """The caller's workspace, or NotAllowed. `request` is Starlette's."""
    if studio.mode == "local":
        return Workspace.open(studio.home)
    if studio.mode == "login":
        name = login_name(request)
        if not name:
            raise NotAllowed(Message("Your login has ended."), fix=Message("Reload the page and log in again."))
        return Workspace.open(studio.home, name)
    return _visitor(studio, token)


def project(studio: Studio, workspace: Workspace, wanted: str, labelling: bool) -> projects.Project:
    """A project the caller may touch: one of their own; or, in a call that is open to labellers, one that is shared with them."""
    if not sharing.is_others(wanted):
        return projects.find(workspace, wanted)
    owner, found = shared(studio, workspace, wanted)
    if not labelling:
        raise NotAllowed(
            Message("{owner} shares this project with you for labelling only.", owner=owner),
            fix=Message("Go on labelling, or open a project of your own."),
        )
    return found


def shared(studio: Studio, workspace: Workspace, wanted: str) -> tuple[str, projects.Project]:
    """(owner, project) of a project that is shared with the caller; Missing otherwise. Only a login says who is asking."""
    if studio.mode != "login":
        raise Missing(Message("There is nothing called “{name}” here any more.", name=str(wanted)[:40]))
    return sharing.find(studio.home, workspace.user, wanted)


def person(studio: Studio, workspace: Workspace, told: Any) -> str:
    """Under which name the caller labels: the login's; on one's own machine the name chosen on the page, which is no more than a name."""
    if studio.mode == "local":
        return cleaned(told) or workspace.user
    return workspace.user


def login_name(request: Any) -> str | None:
    """The name behind Gradio's own login cookie. The cookie's name and the table of tokens are Gradio's; a test watches them."""
    app = request.app
    for kind in ("access-token", "access-token-unsecure"):
        name = app.tokens.get(request.cookies.get(f"{kind}-{app.cookie_id}"))
        if name:
            return str(name)
    return None


def welcome(studio: Studio) -> str:
    """A token for a new visitor of the demo, whose workspace is made with it."""
    token = secrets.token_hex(16)
    workspace = Workspace.open(studio.home, _visitor_name(token))
    write_json(workspace.folder / "visitor.json", {"format": 1, "since": time.time()})
    return token


def known(studio: Studio, token: str | None) -> bool:
    """Whether this server issued `token` and still keeps its workspace."""
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        return False
    return (studio.home / "users" / _visitor_name(token) / "visitor.json").is_file()


def _visitor(studio: Studio, token: str | None) -> Workspace:
    if not known(studio, token):
        raise NotAllowed(
            Message("This visit to the demo has ended; its data has been removed."),
            fix=Message("Reload the page to begin a new one."),
        )
    return Workspace.open(studio.home, _visitor_name(str(token)))


def _visitor_name(token: str) -> str:
    """The folder's name does not reveal the token."""
    return "visitor-" + hashlib.sha256(token.encode()).hexdigest()[:24]
