"""What the frame around the tabs shows: projects, the state and note of each step, the next step, the running pill."""

from __future__ import annotations

from typing import Any

from core import projects
from core.words import Message
from webui.calls import Here, call


@call
def overview(here: Here) -> dict[str, Any]:
    found = projects.projects(here.workspace)
    if not found:
        found = [projects.create(here.workspace, Message("My first project").said(here.language))]
    ids = [p.id for p in found]
    current = here.project_id if here.project_id in ids else ids[0]
    return {
        "project": current,
        "projects": [{"id": p.id, "name": p.name, "touched": p.touched} for p in found],
        "user": here.workspace.user,
        "mode": here.studio.mode,
    }


CALLS = [overview]
