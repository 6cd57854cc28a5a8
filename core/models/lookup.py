"""What the Hub, or a folder, says of a base before it is loaded: whether it is there, how large, under which licence.

Asks the network only for a Hub name that is not on this machine yet, and says in plain words why that did not work.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.models.architectures import has_tokenizer, weight_files, weights
from core.models.catalogue import BASES, BLANK, Base, described, find
from core.words import Message

SECONDS = 8.0  # to wait for the Hub
CHOOSE = Message("Choose a base from the list, or a folder that holds one.")


def look_up(name: str) -> Base:
    """The base called `name` with what can be known of it. ModelError when it cannot be had, with the reason."""
    base = find(name)
    if base.id in BASES or base.id.startswith(BLANK):
        return base
    folder = Path(base.source)
    if folder.is_dir():
        return _in_folder(base, folder)
    if _on_this_machine(base.source):
        return base
    return _on_the_hub(base)


def _in_folder(base: Base, folder: Path) -> Base:
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            Message("The folder {folder} has no safetensors weights.", folder=folder.name),
            fix=Message(
                "Only safetensors are opened, because older formats can hide programs. Convert the model first."
            ),
        )
    weights(weight_files(folder))
    if base.family != "image" and not has_tokenizer(folder):
        raise ModelError(
            Message("The folder {folder} has no tokenizer.", folder=folder.name),
            fix=Message("Choose a folder with config.json, model.safetensors and a tokenizer."),
        )
    return base


def _on_this_machine(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(name, "config.json"), str)


def _on_the_hub(base: Base) -> Base:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        told = HfApi().model_info(base.source, timeout=SECONDS, files_metadata=False)
    except GatedRepoError:
        raise ModelError(
            Message("{name} is only given out after its owner has agreed.", name=base.id), fix=CHOOSE
        ) from None
    except RepositoryNotFoundError:
        raise ModelError(Message("The Hub has no public model called {name}.", name=base.id), fix=CHOOSE) from None
    except (OfflineModeIsEnabled, HfHubHTTPError, OSError, ValueError) as error:
        raise ModelError(
            Message("The Hub cannot be reached from here, so {name} cannot be fetched.", name=base.id), fix=CHOOSE
        ) from error
    except Exception as error:  # the Hub's client has had several HTTP libraries, each with errors of its own
        if not type(error).__module__.startswith(("httpx", "httpcore", "requests", "urllib3")):
            raise
        raise ModelError(
            Message("The Hub cannot be reached from here, so {name} cannot be fetched.", name=base.id), fix=CHOOSE
        ) from error
    return _described(base, told)


def _described(base: Base, told: Any) -> Base:
    files = [entry.rfilename for entry in told.siblings or []]
    if not any(name.endswith(".safetensors") for name in files):
        raise ModelError(
            Message("{name} has no safetensors weights.", name=base.id),
            fix=Message("Only safetensors are opened, because older formats can hide programs. Choose another model."),
        )
    card = told.card_data or {}
    languages = card.get("language") or ()
    sizes = getattr(told, "safetensors", None)
    config = getattr(told, "config", None)  # model type and architectures; sizes only come with the file itself
    if config and not base.family:
        base = replace(described(base, config), max_length=base.max_length)
    return replace(
        base,
        licence=str(card.get("license") or base.licence),
        languages=(languages,) if isinstance(languages, str) else tuple(str(code) for code in languages),
        parameters=int(getattr(sizes, "total", 0) or base.parameters),
    )
