"""Models from names and folders, and back into folders. Safetensors only, no code from strangers, this machine before the network.

A saved model is one folder with hone.json: `pooled`, `placed` or `apart` (body by save_pretrained, head.safetensors), `standard` (a plain
transformers folder) or `classic` (vocabulary.json, weights.safetensors).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from core.device import Device
from core.errors import ModelError
from core.models import catalogue
from core.models.catalogue import Base
from core.words import Message
from core.workspace import new_id, read_json, write_json

if TYPE_CHECKING:
    from core.tasks.base import Link, Prediction, Row

DROPOUTS = (
    "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "dropout", "attention_dropout",
    "seq_classif_dropout", "embd_pdrop", "resid_pdrop", "attn_pdrop", "classifier_dropout_prob", "mlp_dropout",
    "embedding_dropout",
)  # fmt: skip

PROBLEMS = {"softmax": "single_label_classification", "sigmoid": "multi_label_classification", "identity": "regression"}


@dataclass(frozen=True)
class Source:
    """A base, opened: where from, its tokenizer, and whether its own classification head is used."""

    base: Base
    config: Any
    tokenizer: Any
    standard: bool
    architecture: str = "sequence-classification"


class Answering(Protocol):
    """What `load_model` gives, whatever the kind: probabilities for texts."""

    @property
    def kind(self) -> str: ...

    @property
    def task(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def max_length(self) -> int: ...

    def answer(self, rows: Sequence[Row], progress: Callable[[int, int], None] | None = None) -> list[Prediction]:
        """One answer a row, in their order; rows hold the task's input roles."""

    def probabilities(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """(texts, labels), float32, in the order of `texts`; for tasks of one label a text."""


# What a saved standard folder is, and the transformers class that opens it.
ARCHITECTURES = {
    "sequence-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "question-answering": "AutoModelForQuestionAnswering",
    "masked-lm": "AutoModelForMaskedLM",
    "causal-lm": "AutoModelForCausalLM",
    "seq2seq-lm": "AutoModelForSeq2SeqLM",
    "image-classification": "AutoModelForImageClassification",
}


def open_base(base: Base, family: str = "encoder") -> Source:
    """Configuration and tokenizer (or image processor) of a base. Raises ModelError with what to do."""
    from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer

    config = _fetched(AutoConfig.from_pretrained, base)
    if family == "image":
        return Source(base, config, _fetched(AutoImageProcessor.from_pretrained, base), standard=True)
    tokenizer = _padding(_fetched(AutoTokenizer.from_pretrained, base))
    own = any("ForSequenceClassification" in name for name in config.architectures or ())
    return Source(base, config, tokenizer, standard=own)


def open_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model's folder."""
    from transformers import AutoTokenizer

    return _padding(AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False))


def _padding(tokenizer: Any) -> Any:
    """One that has a token to fill up with."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def new_model(
    source: Source, labels: Sequence[str], dropout: float | None = None, link: Link | None = "softmax"
) -> Any:
    """The base with a new last layer for `labels`. `dropout` replaces every dropout of the base; None leaves them. `link` is written
    into the config of a transformers head, so that others read its outputs rightly; None leaves what stands there."""
    from transformers import AutoModelForSequenceClassification

    from core.models.heads import Pooled, Standard

    config = _config_of(source, dropout)
    if source.standard:
        config.num_labels = len(labels)
        config.id2label = dict(enumerate(labels))
        config.label2id = {name: i for i, name in enumerate(labels)}
        config.problem_type = PROBLEMS[link] if link else config.problem_type
        own = AutoModelForSequenceClassification.from_pretrained
        return Standard(_fetched(own, source.base, config=config, ignore_mismatched_sizes=True), len(labels))
    return Pooled(*_bare(source, config, labels))


def new_placed(source: Source, labels: Sequence[str], places: int, dropout: float | None = None) -> Any:
    """The base with a new last layer for `labels` on its states at `places` tokens of a text."""
    from core.models.heads import Placed

    return Placed(*_bare(source, _config_of(source, dropout), labels), places)


def new_apart(source: Source, labels: Sequence[str], join: str, dropout: float | None = None) -> Any:
    """The base, reading two texts one by one, with a new last layer for `labels` on how they are joined (core.models.heads.Apart)."""
    from core.models.heads import Apart

    return Apart(*_bare(source, _config_of(source, dropout), labels), join)


def _bare(source: Source, config: Any, labels: Sequence[str]) -> tuple[Any, int, float]:
    """The encoder without any head, how many labels, and the dropout before a new last layer."""
    from transformers import AutoModel

    body = _fetched(AutoModel.from_pretrained, source.base, config=config)
    if config.is_encoder_decoder:
        body = body.get_encoder()
    rate = getattr(config, "hidden_dropout_prob", getattr(config, "dropout", 0.1))
    return body, len(labels), float(rate if isinstance(rate, float | int) else 0.1)


def new_whole(source: Source, architecture: str, labels: Sequence[str] = (), dropout: float | None = None) -> Any:
    """The base as a standard transformers model of an architecture, with a new layer on top where it has none for `labels`."""
    import transformers

    from core.models.heads import Whole

    config = _config_of(source, dropout)
    if labels:
        config.num_labels = len(labels)
        config.id2label = dict(enumerate(labels))
        config.label2id = {name: i for i, name in enumerate(labels)}
    own = getattr(transformers, ARCHITECTURES[architecture]).from_pretrained
    return Whole(_fetched(own, source.base, config=config, ignore_mismatched_sizes=bool(labels)), architecture)


def _config_of(source: Source, dropout: float | None) -> Any:
    """A configuration of one's own, with every dropout replaced unless it is None."""
    config = source.config.__class__.from_dict(source.config.to_dict())
    for name in DROPOUTS if dropout is not None else ():
        if isinstance(getattr(config, name, None), float | int):
            setattr(config, name, dropout)
    return config


def save_model(
    model: Any, tokenizer: Any, folder: Path, about: dict[str, Any], stored: Mapping[str, Any] | None = None
) -> None:
    """Write `folder` whole or not at all. `about` joins hone.json (task, labels, max_length, ...); `stored` goes beside it."""
    from safetensors.torch import save_file

    from core.models import added
    from core.models import stored as beside
    from core.models.heads import BARE

    with replacing(folder) as new:
        told = _save_added(model, new)
        only = {"state_dict": added.without(model.body)} if told else {}
        model.body.save_pretrained(new, safe_serialization=True, **only)
        tokenizer.save_pretrained(new)
        beside.save(new, stored or {})
        if model.kind in BARE:
            head = {
                name: tensor.detach().float().cpu().contiguous() for name, tensor in model.head.state_dict().items()
            }
            save_file(head, new / "head.safetensors")
        told |= {"pooling": "mean", "scale": "sqrt(width)"} if model.kind == "pooled" else {}
        if model.kind == "placed":
            told["places"] = model.places
        if model.kind == "apart":
            told |= {"pooling": "mean", "scale": "sqrt(width)", "join": model.join}
        if architecture := getattr(model, "architecture", None):
            told["architecture"] = architecture
        write_json(new / "hone.json", {"format": 1, "kind": model.kind, **told, **about})


def _save_added(model: Any, folder: Path) -> dict[str, Any]:
    """Write what stands beside the base's own weights, where anything does; -> what hone.json says of it."""
    from safetensors.torch import save_file

    from core.models import added

    about = added.marked(model)
    if not about:
        return {}
    tensors = {name: t.detach().float().cpu().clone().contiguous() for name, t in added.tensors(model.body).items()}
    save_file(tensors, folder / added.FILE)
    return {"added": about}


def _with_added(model: Any, folder: Path, about: Mapping[str, Any]) -> Any:
    """The model with what stands beside the base's own weights, as `_save_added` wrote it."""
    from safetensors.torch import load_file

    from core.models import added

    if "added" in about:
        added.rebuild(model, about["added"], load_file(folder / added.FILE))
    return model.eval()


def load_model(folder: Path | str, device: Device | None = None) -> Answering:
    """A saved model (model/ or probe/ of a run, or an export), ready to answer."""
    folder = Path(folder)
    if not (folder / "hone.json").is_file():
        raise ModelError(Message("{folder} holds no model of Hone.", folder=folder.name))
    about = read_json(folder / "hone.json")
    if about["kind"] == "classic":
        from core.models.classic import Classic

        return Classic.load(folder)
    from core.models.answering import Encoder

    return Encoder.load(folder, about, device)


def load_text_model(folder: Path, about: dict[str, Any]) -> tuple[Any, Any]:
    """The torch module and the tokenizer of a saved pooled or standard model. `probe/` names the base that holds its body."""
    from safetensors.torch import load_file

    from core.models.heads import set_head

    if about.get("numbers") == "int8":
        from core.models import int8

        return int8.load(folder, about), open_tokenizer(folder)
    base = Base.from_json(about["base"]) if about.get("body") == "base" else catalogue.find(str(folder.resolve()))
    if "architecture" in about:
        source = open_base(base, "image" if about["architecture"] == "image-classification" else "encoder")
        model = _with_added(new_whole(source, about["architecture"]), folder, about)  # its config names the outputs
        if "base" in about and about.get("settings", {}).get("preference_loss") == "dpo":
            from core.models.reference import Reference

            model.reference = Reference(Base.from_json(about["base"]), about["architecture"], needed=False)
        return model, source.tokenizer
    source = open_base(base)
    source = Source(source.base, source.config, source.tokenizer, standard=about["kind"] == "standard")
    if about["kind"] == "placed":
        model = new_placed(source, about["labels"], about["places"])
    elif about["kind"] == "apart":
        model = new_apart(source, about["labels"], about["join"])
    else:
        model = new_model(source, about["labels"], link=None)
    if (folder / "head.safetensors").is_file():
        head = load_file(folder / "head.safetensors")
        set_head(model, head["weight"], head["bias"])
    return _with_added(model, folder, about), source.tokenizer


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` that takes its place when the block ends well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.parent / f".{new_id(folder.name)}"
    new.mkdir()
    try:
        yield new
        if folder.exists():
            old = folder.parent / f".{new_id('old')}"
            folder.rename(old)
            new.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def quiet() -> None:
    """No progress bars and no advice from the libraries: a worker's output goes to a file that people read after an error."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _fetched(load: Callable[..., Any], base: Base, **options: Any) -> Any:
    """From this machine if it is here, else from the Hub."""
    quiet()
    is_weights = "AutoModel" in load.__self__.__name__  # type: ignore[attr-defined]
    if is_weights:
        options |= {"use_safetensors": True, "dtype": "float32"}
    local = Path(base.source).is_dir()
    try:
        return load(base.source, local_files_only=True, trust_remote_code=False, **options)
    except Exception as error:
        if local:
            raise _wrong(base, error) from error
    try:
        return load(base.source, trust_remote_code=False, **options)
    except Exception as error:
        raise _wrong(base, error) from error


def _wrong(base: Base, error: Exception) -> ModelError:
    said = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    text = str(error)
    if "safetensors" in text:
        return ModelError(
            Message("{base} has no weights as safetensors.", base=base.id),
            fix=Message("Choose a model that has a model.safetensors; other formats can run code and are not opened."),
        )
    if "trust_remote_code" in text or "custom code" in text:
        return ModelError(
            Message("{base} wants to run its own code, which Hone does not do.", base=base.id),
            fix=Message("Choose a model of an architecture that transformers knows."),
        )
    if Path(base.source).is_dir():
        return ModelError(
            Message("The model in {folder} cannot be opened: {error}", folder=base.source, error=said),
            fix=Message("It needs config.json, model.safetensors and a tokenizer that belong together."),
        )
    if _unreachable(error):
        return ModelError(
            Message("{base} is not on this machine, and the Hub cannot be reached.", base=base.id),
            fix=Message("Choose the bundled model, a folder, or try again with a network."),
        )
    return ModelError(
        Message("{base} cannot be loaded from the Hub: {error}", base=base.id, error=said),
        fix=Message("Check the name; private models need a login on this machine first."),
    )


def _unreachable(error: BaseException | None) -> bool:
    names = (
        "ConnectionError",
        "ConnectError",
        "LocalEntryNotFound",
        "Timeout",
        "OfflineMode",
        "MaxRetry",
        "NetworkError",
    )
    while error is not None:
        if any(name in type(error).__name__ for name in names) or "couldn't connect" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
