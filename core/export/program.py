"""The program that travels with a model: `predict.py`, and the parts of Hone it needs where the task is more than one text and one row of
outputs.

`plain` models get a program that a person can read in one sitting (`standalone/encoder.py`, `standalone/classic.py`); it is an independent
second version of what Hone does, and the check of the copy compares the two. For every other task `standalone/every.py` travels with the
modules that turn rows into tokens and outputs into answers, word for word, under the name `hone_parts`.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.tasks.base import Task
from core.workspace import write_text

STANDALONE = Path(__file__).resolve().parent / "standalone"
CORE = Path(__file__).resolve().parents[1]
PARTS = "hone_parts"
ROOTS = ("core.inference", "core.models.loading", "core.models.answering")
# Named inside functions that a copy never calls: training, rivals, reading files, bases of the network.
STAY = re.compile(
    r"core\.(cli|evaluation|export|training\.(?!asking|batches|precision|packing)|service|jobs|projects|users"
    r"|tasks\.(counting|grams|guessing|intake|overlap)|models\.lookup"
    r"|data\.(reading|tables|dataset|state|importing|intake|roles|looks|delimited|sheets|parquet|jsonfiles|hub|how))"
)
HEADER = (
    '''"""Parts of Hone that this model's program needs, as they were when it was packed. Apache License 2.0."""\n'''
)
FINDING = (
    "\nimport sys\nfrom pathlib import Path\n\nsys.path.insert(0, str(Path(__file__).resolve().parent))  # hone_parts\n"
)


def add_program(folder: Path, task: Task, about: Mapping[str, Any]) -> list[str]:
    """Write predict.py, and its parts where it needs any, into `folder`. -> the names of Hone's modules that went along."""
    if name := plain(task, about):
        shutil.copyfile(STANDALONE / f"{name}.py", folder / "predict.py")
        return []
    program = (STANDALONE / "every.py").read_text(encoding="utf-8")
    future = "from __future__ import annotations\n"
    head, _, body = _renamed(program).partition(future)
    write_text(folder / "predict.py", head + future + FINDING + body)
    modules = sorted(needed(task, program))
    for name in modules:
        source = _renamed(_file(name).read_text(encoding="utf-8"))
        target = folder / PARTS / Path(*name.split(".")[1:])
        target = target / "__init__.py" if _file(name).name == "__init__.py" else target.with_suffix(".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, source)
    for room in {path.parent for path in (folder / PARTS).rglob("*.py")} | {folder / PARTS / "tasks"}:
        if not (room / "__init__.py").is_file():
            write_text(room / "__init__.py", HEADER)
    write_text(folder / PARTS / "tasks" / "__init__.py", _registry(task))
    return modules


def plain(task: Task, about: Mapping[str, Any]) -> str | None:
    """The name of the program that can be read in one sitting, where one serves this model."""
    inputs = [column for column in task.columns if not column.target]
    one = len(inputs) == 1 and inputs[0].kind == "text"
    usual = task.prediction in ("label_scores", "label_set", "number") and task.link is not None
    if (
        not one
        or not usual
        or about.get("added")
        or about.get("numbers")
        or about.get("cleaning")
        or about.get("architecture", SEQUENCE) != SEQUENCE
    ):
        return None
    return {"classic": "classic", "pooled": "encoder", "standard": "encoder"}.get(str(about["kind"]))


SEQUENCE = "sequence-classification"


def needed(task: Task, program: str) -> set[str]:
    """Modules of core that the program, its task and their modules import. Of imports inside functions those that stay at home are left out."""
    todo = [*ROOTS, type(task).__module__, *(name for name, _ in _imported(program))]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name in found or not name.startswith("core.") or name == "core.tasks" or not _file(name).is_file():
            continue
        found.add(name)
        imported = _imported(_file(name).read_text(encoding="utf-8"))
        todo += [other for other, inside in imported if not (inside and STAY.match(other))]
    return found


def _imported(source: str) -> Iterator[tuple[str, bool]]:
    """Every module an import statement may mean, and whether it stands inside a function; those under TYPE_CHECKING only name types."""
    tree = ast.parse(source)
    for node in _running(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from ((name, node not in tree.body) for name in names)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from _running(child)


def _file(name: str) -> Path:
    place = CORE.joinpath(*name.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _renamed(source: str) -> str:
    """The same module, importing from the parts. Only import statements are touched."""
    return re.sub(r"(?m)^(\s*)(from|import) core(?=[. ])", rf"\1\2 {PARTS}", source)


def _registry(task: Task) -> str:
    """`hone_parts.tasks`: the one task of this model."""
    kind = type(task)
    module = kind.__module__.replace("core.", f"{PARTS}.", 1)
    lines: Iterable[str] = (
        HEADER,
        f"from {module} import {kind.__name__}\n",
        f"TASKS = {{{task.name!r}: {kind.__name__}()}}\n\n",
        "def task(name):\n    return TASKS[name]",
    )
    return "\n".join(lines) + "\n"
