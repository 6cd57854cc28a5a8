"""Only what was learnt, in a folder of its own: a fraction of the model's size, of use together with the base.

hone.json          the method with its settings, the base's name, task and labels
adapter_config.json, adapter_model.safetensors    what peft added, in peft's own format
learnt.safetensors    everything else that learnt: the last layer, biases, learnt words, upper layers
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.models.catalogue import BUNDLED, Base, find
from core.workspace import read_json, write_json

if TYPE_CHECKING:
    from core.models.heads import TextModel

FILE = "learnt.safetensors"
UPSTREAM = {BUNDLED: "sentence-transformers/all-MiniLM-L6-v2"}


def save(model: TextModel, folder: Path, about: dict[str, Any]) -> None:
    """Write `folder` whole or not at all. The model is as it learnt: prepared by its method, not settled."""
    from safetensors.torch import save_file

    from core.models import matrices
    from core.models.loading import replacing

    with replacing(folder) as new:
        by_peft = matrices.save(model, new, UPSTREAM.get(about["base_id"], about["base_id"]))
        lasting = model.state_dict(keep_vars=True)
        learning = {name for name, weights in model.named_parameters() if weights.requires_grad}
        counted = {name for name, _ in model.named_buffers() if name in lasting and not by_peft}
        rest = {name: lasting[name] for name in learning | counted if not (by_peft and _of_peft(name))}
        tensors = {name: t.detach().cpu().clone().contiguous() for name, t in rest.items()}
        if tensors:
            save_file(tensors, new / FILE)
        write_json(new / "hone.json", {"format": 1, "kind": "learnt", **about})


def load(folder: Path, base: Base | None = None) -> tuple[Any, Any]:
    """The model, settled, and its tokenizer, from `folder` and the base it names (or `base`, where that lies elsewhere now)."""
    from safetensors.torch import load_file

    from core.models import matrices
    from core.models.loading import open_base
    from core.models.methods import method
    from core.tasks import task
    from core.tasks.base import Labels
    from core.training.settings import TrainingSettings

    about = read_json(folder / "hone.json")
    mine = task(about["task"])
    settings = TrainingSettings(**about["settings"])
    source = open_base(base or find(about["base_id"]), mine.family)
    labels = Labels(tuple(about["labels"]), (0,) * len(about["labels"]), dict(about.get("extra") or {}))
    model: Any = mine.model(source, labels, settings)
    way = method(about["method"])
    way.prepare(model, settings)
    if (folder / "adapter_config.json").is_file():
        matrices.load(model, folder)
    if (folder / FILE).is_file():
        model.load_state_dict(load_file(folder / FILE), strict=False)
    way.settle(model)
    return model.eval(), source.tokenizer


def size(folder: Path) -> int:
    """Bytes of all its files; 0 where there is none."""
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0


def _of_peft(name: str) -> bool:
    """Whether peft's own file has the tensor: its names end with, or hold, the adapter's."""
    from core.models.matrices import NAME

    return NAME in name.split(".")
