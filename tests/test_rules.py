"""The house rules that a machine can hold: who may import whom, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = sorted((ROOT / "core").rglob("*.py"))
PAGE = sorted((ROOT / "webui").rglob("*.py"))

# Lower rooms import only from upper ones (house plan); rooms in one line may import each other.
ROOMS = [
    {"core.words"},
    {"core.errors"},
    {"core.journal", "core.locks", "core.settings", "core.workspace", "core.users"},
    {"core.processes", "core.nursery", "core.jobs", "core.resident"},
    {"core.followers"},
    {"core.device"},
    {"core.evaluation.generation", "core.evaluation.ranking"},  # figures of texts and orders; tasks score with them
    {"core.tasks.base"},
    {"core.models.catalogue", "core.models.architectures", "core.models.known", "core.models.blank_sizes"},
    {
        "core.models.methods",
        "core.models.inside",
        "core.models.heads",
        "core.models.parts",
        "core.models.matrices",
        "core.models.added",
        "core.models.bottleneck",
        "core.models.virtual",
    },
    {
        "core.training.settings",
        "core.training.method_settings",
        "core.training.loss_settings",
        "core.training.continual_settings",
        "core.training.fewshot_settings",
        "core.training.smaller_settings",
        "core.training.tricks_settings",
        "core.training.writing_settings",
        "core.training.reading_settings",
        "core.training.machine_settings",
        "core.training.events",
    },
    {"core.data"},
    {"core.evaluation.metrics", "core.evaluation.chance"},
    {
        "core.models",
        "core.tasks",
        "core.training",
        "core.projects",
        "core.sharing",
        "core.export.recipe",
        "core.evaluation.spans",
        "core.evaluation.relations",
        "core.evaluation.reading_metrics",
    },
    {"core.inference", "core.inference_lists", "core.service", "core.labelling"},
    {"core.evaluation"},
    {"core.prompting"},
    {"core.studies"},
    {"core.smaller"},
    {"core.export"},
    {"core.cli", "core.__main__"},
]
HEAVY = ("torch", "transformers", "datasets", "sklearn", "scipy", "peft")


def module_of(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """Modules named in import statements that run; those under TYPE_CHECKING only name types."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(module: str) -> int | None:
    """The room's place in the list: the most exact name wins."""
    best: tuple[int, int] | None = None
    for place, names in enumerate(ROOMS):
        for name in names:
            if (module == name or module.startswith(name + ".")) and (best is None or len(name) > best[0]):
                best = (len(name), place)
    return best[1] if best else None


@pytest.mark.parametrize("path", CORE, ids=module_of)
def test_core_imports_no_gradio_and_nothing_of_the_page(path: Path):
    wrong = {name for name in imports_of(path) if name.split(".")[0] in ("gradio", "webui", "launch")}
    assert not wrong, f"{module_of(path)} imports {wrong}"


@pytest.mark.parametrize("path", [p for p in CORE if module_of(p) != "core"], ids=module_of)
def test_every_module_of_core_imports_only_from_rooms_above_it(path: Path):
    module = module_of(path)
    own = room(module)
    assert own is not None, f"{module} has no room in ROOMS; give it one"
    below = {name for name in imports_of(path) if name.startswith("core.") and (room(name) or 0) > own}
    assert not below, f"{module} imports {below} from below"


def imported_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(' '.join({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.split())


def test_importing_the_page_imports_nothing_heavy():
    assert not imported_after("import webui.app") & set(HEAVY)


@pytest.mark.parametrize("name", ["core.training.worker", "core.training.loop", "core.tasks", "core.models.loading"])
def test_training_needs_neither_gradio_nor_datasets_nor_plotly(name: str):
    assert not imported_after(f"import {name}") & {"gradio", "datasets", "plotly"}


@pytest.mark.parametrize(
    "name",
    ["core.data.dataset", "core.data.checks", "core.tasks", "core.models.catalogue", "core.projects", "core.service",
     "core.training.runs", "core.training.engine", "core.training.advice", "core.training.notices", "core.jobs", "core.studies.director"],
)  # fmt: skip
def test_what_the_page_uses_imports_no_torch(name: str):
    assert not imported_after(f"import {name}") & set(HEAVY)


def sources() -> list[Path]:
    folders = ("core", "webui", "tests", "assets/js", "assets/css")
    found = [p for f in folders for p in (ROOT / f).rglob("*") if p.suffix in (".py", ".js", ".css")]
    return [*found, ROOT / "launch.py"]


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_is_longer_than_500_lines_without_a_reason(path: Path):
    text = path.read_text(encoding="utf-8")
    if text.count("\n") > 500:
        assert "Longer than 500 lines because" in text[:2000], "say why at the top of the file, or split it"


def test_the_training_loop_fits_a_lesson():
    assert (ROOT / "core/training/loop.py").read_text(encoding="utf-8").count("\n") < 200


def test_nothing_is_ever_unpickled():
    for path in [*CORE, *PAGE]:
        names = imports_of(path)
        assert not names & {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve"}, module_of(path)
        text = path.read_text(encoding="utf-8")
        assert "torch.load(" not in text and "trust_remote_code=True" not in text, module_of(path)
