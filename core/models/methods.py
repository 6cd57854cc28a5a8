"""How much of a model learns, as values in one table: METHODS. Nothing else knows the difference between them.

A method says who it is for, what speaks against it here, and how wide its steps are; `prepare` marks the weights that learn (and may add some),
`settle` gives back a model of the usual shape. Reading the table brings no torch: settings, page and estimates read the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from core.errors import ModelError
from core.models.catalogue import Base
from core.models.inside import CONV1D
from core.words import Message

if TYPE_CHECKING:
    from core.models.heads import TextModel

Kind = Literal["whole", "parts", "matrices", "layers", "words"]
KINDS: dict[Kind, Message] = {
    "parts": Message("Parts of it"),
    "matrices": Message("Added matrices"),
    "layers": Message("Added layers"),
    "words": Message("Words that are learnt"),
}
CONVOLUTIONS = (
    "resnet", "regnet", "bit", "convnext", "convnextv2", "efficientnet", "mobilenet_v1", "mobilenet_v2", "poolformer", "textnet",
)  # fmt: skip
BIASLESS = ("t5", "mt5", "llama", "mistral", "gemma", "gemma2", "gemma3", "olmo2", "phi3", "modernbert", "qwen3")


class Asking(Protocol):
    """What a method wants to know of a task (core.tasks.base.Task has more)."""

    @property
    def link(self) -> str | None: ...

    @property
    def family(self) -> str: ...


class Computer(Protocol):
    """What a method wants to know of a machine. `gpu` is its name, or empty."""

    @property
    def gpu(self) -> str: ...


Reason = Callable[[Base, Asking, Computer], Message | None]


@dataclass(frozen=True)
class Method:
    """`rate`: how many times wider its steps are than those that suit full tuning. `batch`: how many times as many texts a step may take, because
    one costs next to nothing. `usual`: shown without being asked for. `merges`: in the
    end nothing is left of what was added. `fits`: a convex fit on features that stay as they are, instead of steps through the model. `in_front`: what
    is learnt is read before every text, as words of it.
    """

    name: str
    title: Message
    sentence: Message
    term: Message
    kind: Kind
    prepare: Callable[[TextModel, Any], None]
    settle: Callable[[TextModel], None] = lambda model: None
    reasons: tuple[Reason, ...] = ()
    rate: float = 1.0
    batch: int = 1
    usual: bool = False
    merges: bool = True
    fits: bool = False
    in_front: bool = False

    def suits(self, base: Base, task: Asking, machine: Computer) -> Message | None:
        """Why it cannot serve here; None when it can, or nobody knows yet."""
        return next((said for reason in self.reasons if (said := reason(base, task, machine))), None)


def method(name: str) -> Method:
    if name not in METHODS:
        raise ModelError(
            Message(
                "There is no tuning method called “{name}”; there are: {names}.", name=name, names=", ".join(METHODS)
            )
        )
    return METHODS[name]


# What speaks against one ---------------------------------------------------------------------------------------------


def _no_last_layer(base: Base, task: Asking, machine: Computer) -> Message | None:
    return None if task.link else Message("The last layer of this task cannot be fitted alone.")


def _convolutions(base: Base, task: Asking, machine: Computer) -> Message | None:
    folds = base.architecture in CONVOLUTIONS
    return Message("This base is made of convolutions; this way is for transformers.") if folds else None


def _pictures(base: Base, task: Asking, machine: Computer) -> Message | None:
    return Message("Learnt words stand before a text; this task looks at pictures.") if task.family == "image" else None


def _turned(base: Base, task: Asking, machine: Computer) -> Message | None:
    if base.architecture not in CONV1D:
        return None
    return Message("Models like GPT-2 keep their matrices in a form that this way cannot work with.")


def _own_attention(base: Base, task: Asking, machine: Computer) -> Message | None:
    if not base.architecture or _open_attention(base.architecture):
        return None
    return Message("The attention of this base is of a kind that takes no prefix.")


def _no_biases(base: Base, task: Asking, machine: Computer) -> Message | None:
    return Message("This base has no biases, so they cannot learn.") if base.architecture in BIASLESS else None


def _no_gpu(base: Base, task: Asking, machine: Computer) -> Message | None:
    if not machine.gpu or machine.gpu.startswith("Apple"):
        return Message("Needs an NVIDIA GPU; this machine has none.")
    if find_spec("bitsandbytes") is None:
        return Message("Needs the package bitsandbytes, which is not installed here.")
    return None


@cache
def _open_attention(architecture: str) -> bool:
    """Whether transformers lets others compute this architecture's attention: its source says so."""
    spec = find_spec("transformers")
    folder = Path(spec.origin).parent / "models" if spec and spec.origin else None
    file = folder / architecture.replace("-", "_") / f"modeling_{architecture.replace('-', '_')}.py" if folder else None
    return not (file and file.is_file()) or "ALL_ATTENTION_FUNCTIONS" in file.read_text(encoding="utf-8")


def _one_label(base: Base, task: Asking, machine: Computer) -> Message | None:
    if task.link == "softmax":
        return None
    return Message("Texts of one label are compared with texts of another; in this task a text has not one label.")


# How each is done ----------------------------------------------------------------------------------------------------


def _part(name: str, model: TextModel, settings: Any) -> None:
    import core.models.parts as parts

    getattr(parts, name)(model, settings)


def _matrices(name: str, model: TextModel, settings: Any) -> None:
    import core.models.matrices as matrices

    matrices.add(name, model, settings)


def _merge(model: TextModel) -> None:
    import core.models.matrices as matrices

    matrices.merge(model)


def _four_bits(model: TextModel, settings: Any) -> None:
    import core.models.matrices as matrices

    matrices.add_in_four_bits(model, settings)


def _merge_four_bits(model: TextModel) -> None:
    import core.models.matrices as matrices

    matrices.merge_four_bits(model)


def _adapter(model: TextModel, settings: Any) -> None:
    import core.models.bottleneck as bottleneck

    bottleneck.adapter(model, settings)


def _words(name: str, model: TextModel, settings: Any) -> None:
    import core.models.virtual as virtual

    getattr(virtual, name)(model, settings)


def _settle_words(model: TextModel) -> None:
    import core.models.virtual as virtual

    virtual.settle_words(model)


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method(
            "full",
            Message("All of it"),
            Message("Best with enough texts, and what most people begin with."),
            Message("full fine-tuning"),
            "whole",
            partial(_part, "full"),
            usual=True,
        ),
        Method(
            "lora",
            Message("Small added matrices (LoRA)"),
            Message("Nearly as good as all of it, with far less memory; the usual way for large models."),
            Message("LoRA"),
            "matrices",
            partial(_matrices, "lora"),
            _merge,
            (_convolutions,),
            rate=20.0,
            usual=True,
        ),
        Method(
            "head",
            Message("Only the last layer (linear probe)"),
            Message("Seconds instead of minutes. Good with few texts, and to see whether labels can be told apart."),
            Message("linear probing"),
            "parts",
            partial(_part, "head"),
            reasons=(_no_last_layer,),
            rate=20.0,
            usual=True,
            fits=True,
        ),
        Method(
            "top",
            Message("The upper layers"),
            Message("What lies low is general and stays; quicker than all of it, and harder to spoil with few texts."),
            Message("top layers, gradual unfreezing"),
            "parts",
            partial(_part, "top"),
            rate=2.0,
            usual=True,
        ),
        Method(
            "lpft",
            Message("The last layer, then all of it"),
            Message(
                "The last layer is fitted first, so that the first steps spoil nothing. “All of it” does the same while its switch is on."
            ),
            Message("LP-FT"),
            "parts",
            partial(_part, "full"),
            reasons=(_no_last_layer,),
        ),
        Method(
            "contrastive",
            Message("By comparing texts, for a handful of labels"),
            Message(
                "Texts of one label are drawn together, others pushed apart. Best with fewer than twenty texts a label."
            ),
            Message("few-shot contrastive, SetFit"),
            "parts",
            partial(_part, "full"),
            reasons=(_one_label,),
            rate=2.0,
        ),
        Method(
            "headsteps",
            Message("Only the last layer, in steps"),
            Message(
                "What the model makes of each text is computed once; a round takes moments. For tasks and losses that cannot be fitted in one go."
            ),
            Message("linear probing by gradient descent, cached features"),
            "parts",
            partial(_part, "head"),
            rate=20.0,
            batch=4,
        ),
        Method(
            "bitfit",
            Message("Only the offsets"),
            Message("One number in a thousand learns: the offset that each layer adds. Small to keep, hard to spoil."),
            Message("BitFit, biases only"),
            "parts",
            partial(_part, "bitfit"),
            reasons=(_no_biases,),
            rate=20.0,
        ),
        Method(
            "layernorm",
            Message("Only the scales between layers"),
            Message(
                "What keeps numbers in range between layers learns, nothing else. The smallest change of a whole model."
            ),
            Message("LayerNorm tuning"),
            "parts",
            partial(_part, "layernorm"),
            rate=40.0,
        ),
        Method(
            "rslora",
            Message("Larger added matrices, kept in scale"),
            Message("LoRA that stays steady with matrices of 64 and more."),
            Message("rsLoRA"),
            "matrices",
            partial(_matrices, "rslora"),
            _merge,
            (_convolutions,),
            rate=6.0,
        ),
        Method(
            "dora",
            Message("Added matrices for the direction, lengths apart"),
            Message("A little better than LoRA with small matrices, and slower."),
            Message("DoRA"),
            "matrices",
            partial(_matrices, "dora"),
            _merge,
            (_convolutions,),
            rate=20.0,
        ),
        Method(
            "adalora",
            Message("Added matrices where they pay"),
            Message("Begins with larger matrices and takes away what helps least. Needs many steps to choose well."),
            Message("AdaLoRA"),
            "matrices",
            partial(_matrices, "adalora"),
            _merge,
            (_convolutions,),
            rate=40.0,
        ),
        Method(
            "vera",
            Message("Fixed chance matrices, learnt scales"),
            Message("Far less learns than with LoRA; for very many small models of one base."),
            Message("VeRA"),
            "matrices",
            partial(_matrices, "vera"),
            _merge,
            (_convolutions,),
            rate=200.0,
        ),
        Method(
            "loha",
            Message("Products of added matrices, place by place"),
            Message("Reaches changes of a higher rank than LoRA of the same size. Known from pictures."),
            Message("LoHa"),
            "matrices",
            partial(_matrices, "loha"),
            _merge,
            (_convolutions, _turned),
            rate=20.0,
        ),
        Method(
            "lokr",
            Message("Blocks of added matrices"),
            Message("The smallest of the added matrices, built as blocks that repeat."),
            Message("LoKr"),
            "matrices",
            partial(_matrices, "lokr"),
            _merge,
            (_convolutions, _turned),
            rate=20.0,
        ),
        Method(
            "oft",
            Message("Turns instead of additions"),
            Message(
                "Turns what goes into a layer and leaves its length, so that little of what the model knew is lost."
            ),
            Message("OFT"),
            "matrices",
            partial(_matrices, "oft"),
            _merge,
            (_convolutions, _turned),
            rate=20.0,
        ),
        Method(
            "ia3",
            Message("Learnt volumes"),
            Message("Makes inner numbers louder or softer; a few thousand of them are all that learns. For few texts."),
            Message("(IA)³"),
            "matrices",
            partial(_matrices, "ia3"),
            _merge,
            (_convolutions,),
            rate=100.0,
        ),
        Method(
            "qlora",
            Message("Small added matrices on a model in four bits"),
            Message(
                "A model four to eight times as large fits onto the GPU; a little slower and less exact than LoRA."
            ),
            Message("QLoRA"),
            "matrices",
            _four_bits,
            _merge_four_bits,
            (_no_gpu, _convolutions, _turned),
            rate=20.0,
        ),
        Method(
            "adapter",
            Message("Little layers between"),
            Message(
                "Narrow layers between those of the model learn. The model itself stays as it is, so many tasks can share it."
            ),
            Message("bottleneck adapters"),
            "layers",
            _adapter,
            reasons=(_convolutions,),
            rate=20.0,
            merges=False,
        ),
        Method(
            "prompt",
            Message("Words in front"),
            Message(
                "A few words that are no words stand before every text and learn. For large models and very small files."
            ),
            Message("prompt tuning"),
            "words",
            partial(_words, "prompt"),
            reasons=(_pictures,),
            rate=200.0,
            merges=False,
            in_front=True,
        ),
        Method(
            "prefix",
            Message("Words in front of every layer"),
            Message("Stronger than words in front of the text, as small, and quick to exchange."),
            Message("prefix tuning"),
            "words",
            partial(_words, "prefix"),
            reasons=(_pictures, _own_attention),
            rate=200.0,
            merges=False,
        ),
        Method(
            "ptuning",
            Message("Words in front, found by a little network"),
            Message("A helper network finds the words, which makes them easier to learn; it is gone in the end."),
            Message("P-tuning"),
            "words",
            partial(_words, "ptuning"),
            _settle_words,
            (_pictures,),
            rate=40.0,
            merges=False,
            in_front=True,
        ),
    )
}
TUNED = tuple(name for name, m in METHODS.items() if not m.fits)  # take gradient steps through the body
