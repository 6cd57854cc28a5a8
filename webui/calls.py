"""From a page script to Python and back: `@call` functions, what they are told (`Here`), and the panel that offers them.

    @call
    def rows(here: Here, *, start: int = 0) -> dict: ...

is reached from the page as ``ctx.call("rows", {start: 50})``. A call decides nothing about who is asking: `Here` is made from
webui.who. What it returns is plain JSON in which Messages have become sentences in the page's language; HoneError reaches the page
as a message with its fix, anything else as a calm sentence, with the traceback in the log.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from core import tasks
from core.errors import HoneError, Missing, SettingsError
from core.projects import Project
from core.sharing import is_others
from core.words import TEXTS, Message
from core.workspace import Workspace, inside, read_json
from webui.studio import Studio
from webui.who import person, who
from webui.who import project as project_for

log = logging.getLogger("hone")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Here:
    """What a call works with: whose workspace, which project, and the parts of the studio."""

    studio: Studio
    workspace: Workspace
    language: str = "en"
    project_id: str | None = None
    called: str | None = None  # what a person calls themselves on their own machine
    labelling: bool = False  # the call is open to people a project is shared with

    @property
    def project(self) -> Project:
        """The project the page shows; Missing when it has been deleted meanwhile."""
        if not self.project_id:
            raise Missing(Message("Choose a project first."))
        return self.project_of(self.project_id)

    def project_of(self, project: str) -> Project:
        """A project the caller may touch in this call: see `webui.who.project`."""
        return project_for(self.studio, self.workspace, project, self.labelling)

    @property
    def person(self) -> str:
        """Under which name the caller labels."""
        return person(self.studio, self.workspace, self.called)

    @property
    def is_guest(self) -> bool:
        """Whether the page shows a project of somebody else."""
        return is_others(self.project_id)

    @property
    def dataset(self) -> Any:
        return self.studio.dataset(self.project.data)

    @property
    def things(self) -> str:
        """What the rows of the page's project are called; see `core.words`."""
        try:
            return tasks.task(self.dataset.task).things
        except HoneError:
            return TEXTS

    @property
    def engine(self) -> Any:
        return self.studio.engine

    @property
    def service(self) -> Any:
        return self.studio.service

    @property
    def jobs(self) -> Any:
        return self.studio.jobs(self.workspace)

    @property
    def limits(self) -> Any:
        return self.studio.limits

    @property
    def demo(self) -> bool:
        return self.studio.mode == "demo"

    def run(self, run: str) -> Any:
        from core.training.runs import Run

        return Run(inside(self.project.folder / "runs", run))

    def upload(self, upload: str) -> tuple[Path, str]:
        """The file of an upload of this user, and the name it had."""
        folder = inside(self.workspace.folder / "uploads", upload)
        told = read_json(folder / "upload.json")
        return folder / told["file"], str(told["name"])

    def offer(self, path: Path, name: str) -> str:
        """An address that `Hone.download(url)` fetches once."""
        return self.studio.offer(self.workspace.user, path, name)


def call(function: F) -> F:
    """Mark a function as reachable from the page. It stays an ordinary function for tests and for other calls."""
    function.__dict__["is_call"] = True
    return function


def labelling(function: F) -> F:
    """Mark a call as open to people a project is shared with: `@call` above `@labelling`. All others reach only one's own projects."""
    function.__dict__["for_labelling"] = True
    return function


def panel(page: Any, name: str, calls: Sequence[Callable[..., Any]] = (), **props: Any) -> gr.HTML:
    """One component whose page script is ``Hone.tab(name, ...)`` and whose functions are `calls`."""
    return gr.HTML(
        value="",
        html_template=f'<div class="hone" id="page-{name}"></div>',
        js_on_load=f'Hone.mount("{name}", element, props, server)',
        apply_default_css=False,
        server_functions=[_served(page.studio, function) for function in calls],
        elem_id=f"panel-{name}",
        language=page.language,
        **props,
    )


def answer(studio: Studio, function: Callable[..., Any], question: Any, request: Any) -> dict[str, Any]:
    """Run one call for one caller: {"ok": result} or {"error": {...}}."""
    question = question if isinstance(question, Mapping) else {}
    here: Here | None = None
    language = "zh" if question.get("language") == "zh" else "en"
    try:
        workspace = who(studio, request, question.get("token"))
        open_to = function.__dict__.get("for_labelling", False)
        here = Here(studio, workspace, language, question.get("project"), question.get("as"), open_to)
        arguments = _arguments(function, question.get("args"))
        found = function(here, **arguments)
        return {"ok": plain(found, language, here.things)}
    except HoneError as error:
        return {"error": told(error, language, here.things if here else TEXTS)}
    except Exception:
        log.exception("%s failed", function.__name__)
        return {"error": told(_UNKNOWN, language)}


def told(error: HoneError, language: str, things: str = TEXTS) -> dict[str, Any]:
    """An error as the page gets it: kind, message, fix, and the fields that are off."""
    problems = error.problems if isinstance(error, SettingsError) else []
    return {
        "kind": type(error).__name__,
        "message": error.message.said(language, things),
        "fix": error.fix.said(language, things) if error.fix else None,
        "problems": [{"field": p.field, "message": p.message.said(language, things)} for p in problems],
    }


def plain(value: Any, language: str, things: str = TEXTS) -> Any:
    """JSON for the page: Messages said, dataclasses and pydantic models as objects, NaN as null, numpy scalars as numbers."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Message):
        return value.said(language, things)
    if isinstance(value, Mapping):
        if set(value) == {"say", "with"}:
            return Message.from_json(value).said(language, things)
        return {str(k): plain(v, language, things) for k, v in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), language, things) for f in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(), language, things)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v, language, things) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist(), language, things)
    raise TypeError(f"{type(value).__name__} cannot be sent to the page")


_UNKNOWN = HoneError(
    Message("Something went wrong inside Hone. Nothing of yours was changed."),
    fix=Message("Try again. If it stays, the server's log names the cause."),
)


def _served(studio: Studio, function: Callable[..., Any]) -> Callable[..., Any]:
    if not getattr(function, "is_call", False):
        raise TypeError(f"{function.__name__} is not marked with @call")

    def served(question: Any, request: gr.Request) -> dict[str, Any]:
        return answer(studio, function, question, request)

    served.__name__ = function.__name__
    # Gradio finds the request parameter by its annotation, which must be the class itself and not its name
    served.__annotations__ = {"request": gr.Request}
    return served


def _arguments(function: Callable[..., Any], given: Any) -> dict[str, Any]:
    """Only names the function declares, all of them keyword-only; a stray or missing one is the page's mistake and is said so."""
    given = dict(given) if isinstance(given, Mapping) else {}
    parameters = list(inspect.signature(function).parameters.values())[1:]
    names = {p.name for p in parameters}
    needed = {p.name for p in parameters if p.default is inspect.Parameter.empty}
    if not needed <= set(given) <= names:
        raise HoneError(Message("This page is older than the server."), fix=Message("Reload the page."))
    return given


__all__ = ["Here", "answer", "call", "labelling", "panel", "plain", "told"]
