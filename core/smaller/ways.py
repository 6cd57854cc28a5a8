"""Ways to make a run smaller, as values in a table: for which runs each is, what can be chosen, what is expected of it, and what the new run is told.

What the new run then does is `core.training.shrinking` and `core.training.teaching`; a way is only a few lines of its run.json. Importing this
brings no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core import tasks
from core.errors import HoneError, ModelError
from core.models import architectures
from core.models.catalogue import CLASSIC, Base, find
from core.tasks.base import Task
from core.training.draft import check_place, unfit
from core.training.settings import TrainingSettings
from core.words import Message
from core.workspace import read_json

INNER = ("intermediate_size", "hidden_dim", "ffn_dim")  # as in core.models.cutting
RATE = 5e-5  # step width of retuning where the run itself was not tuned by steps through all of it
COUNTED = 0.03  # of the work of the bundled encoder for a text; tests/benchmarks/smaller.py has 1/34 and 1/41
TAUGHT = 0.7  # how much the larger model's answers count against the labels


@dataclass(frozen=True)
class Option:
    """One thing to choose. `values` are (value, title) pairs; without them it is a number from `low` to `high`, or text."""

    name: str
    title: Message
    default: Any
    low: float | None = None
    high: float | None = None
    values: tuple[tuple[Any, Message], ...] = ()
    share: bool = False  # a number from 0 to 1, shown in per cent


@dataclass(frozen=True)
class Expected:
    """What the result should be, as shares of what the run is: of its file, and of its work for one text. None: not known beforehand."""

    size: float | None
    work: float | None


@dataclass(frozen=True)
class Plan:
    """What the new run is: `changes` of the run's settings, its phases, what run.json says of it, and what its name adds."""

    base: Base
    changes: Mapping[str, Any]
    phases: tuple[Mapping[str, Any], ...]
    smaller: Mapping[str, Any]
    suffix: Message


@dataclass(frozen=True)
class Earlier:
    """A finished run that is to become smaller, as its files describe it."""

    folder: Path
    spec: Mapping[str, Any]
    uploads: Path | None = None
    folders: bool = True  # whether a base may be a folder of this machine

    @cached_property
    def about(self) -> dict[str, Any]:
        return read_json(self.folder / "model" / "hone.json")

    @cached_property
    def config(self) -> dict[str, Any]:
        path = self.folder / "model" / "config.json"
        return architectures.read_config(path) if path.is_file() else {}

    @cached_property
    def task(self) -> Task:
        return tasks.task(self.spec["task"])

    @cached_property
    def shape(self) -> architectures.Shape:
        return architectures.shape_of(self.config)

    @cached_property
    def tensors(self) -> dict[str, Sequence[int]]:
        """name -> shape, of everything in its weight files."""
        files = (self.folder / "model").glob("*.safetensors")
        told = [architectures.header(path) for path in files if path.name != "stored.safetensors"]
        return {name: one["shape"] for header in told for name, one in header.items() if name != "__metadata__"}

    @cached_property
    def sizes(self) -> tuple[int, int, int]:
        """Parameters of word vectors (and of what stands beside the layers), of one layer, and of one layer's feed-forward part."""
        layers, inner, width = self.shape.layers, self.shape.inner, self.shape.width
        total = sum(_product(shape) for shape in self.tensors.values())
        stacked = [shape for name, shape in self.tensors.items() if any(part.isdigit() for part in name.split("."))]
        one = sum(_product(shape) for shape in stacked) // max(1, layers)
        pair = {(inner, width), (width, inner)}
        feed = sum(_product(shape) for shape in stacked if tuple(shape) in pair) // max(1, layers)
        return total - one * layers, one, feed

    @property
    def rate(self) -> float:
        settings = self.spec["settings"]
        return float(settings["learning_rate"]) if settings["method"] in ("full", "top") else RATE


@dataclass(frozen=True)
class Way:
    """`refuses`: why it is nothing for this run; None where it is. `plan` and `expected` get the run and the values of the options."""

    name: str
    title: Message
    help: Message
    term: Message
    options: Callable[[Earlier], tuple[Option, ...]]
    refuses: Callable[[Earlier], Message | None]
    expected: Callable[[Earlier, Mapping[str, Any]], Expected]
    plan: Callable[[Earlier, Mapping[str, Any]], Plan]

    def why_not(self, run: Earlier) -> Message | None:
        return _never(run) or self.refuses(run)

    def checked(self, run: Earlier, values: Mapping[str, Any]) -> dict[str, Any]:
        """A value for every option, within its range. HoneError with what is wrong."""
        found = {}
        for option in self.options(run):
            value = values.get(option.name, option.default)
            found[option.name] = _checked(option, option.default if value is None else value)
        return found


def way(name: str) -> Way:
    if name not in SMALLER:
        raise HoneError(
            Message(
                "There is no way to make a run smaller called “{name}”; there are: {names}.",
                name=name[:40],
                names=", ".join(SMALLER),
            )
        )
    return SMALLER[name]


# For which runs -----------------------------------------------------------------------------------------------------


def _never(run: Earlier) -> Message | None:
    """What no way can make smaller."""
    if run.about["kind"] == "classic":
        return Message("This run counts words. It is as small and fast as it gets.")
    if run.about.get("numbers") == "int8":
        return Message("This run is in whole numbers already. Begin with the run it was made from.")
    if run.task.family != "encoder" or getattr(run.task, "compares", False):
        return Message("Only a model that reads texts and gives labels, numbers or marks can be made smaller here.")
    if "body" in run.about or not run.tensors or not run.shape.layers:
        return Message("This run’s model does not show of what it is made.")
    return None


def _untaught(run: Earlier) -> Message | None:
    if not run.task.link or run.task.prediction not in ("label_scores", "label_set", "number"):
        return Message("Only models that give labels or a number can teach others by their answers.")
    return None


def _uncounted(run: Earlier) -> Message | None:
    return _untaught(run) or unfit(find(CLASSIC), run.task)


def _added(run: Earlier) -> Message | None:
    if run.about.get("added"):
        return Message(
            "What this run learnt stands beside its base, which stays whole. Another model can be taught by it."
        )
    return None


def _one_layer(run: Earlier) -> Message | None:
    if why := _added(run):
        return why
    if run.shape.layers < 2 or run.config.get("is_encoder_decoder"):
        return Message("Its layers cannot be taken out one by one.")
    return None


def _taught_layers(run: Earlier) -> Message | None:
    return _untaught(run) or _one_layer(run)


def _unseen(run: Earlier) -> Message | None:
    if why := _added(run):
        return why
    if not any(isinstance(run.config.get(name), int) for name in INNER) or not run.sizes[2]:
        return Message("It does not show the neurons of its layers.")
    return None


# What can be chosen -------------------------------------------------------------------------------------------------

ROUNDS = Option("rounds", Message("Rounds of learning afterwards"), 2.0, 0.1, 20.0)
SPREAD = ("spread", Message("Every second one goes, or as evenly as it can be"))
UNLABELLED = Option(
    "unlabelled",
    Message("Texts without a label"),
    True,
    values=((True, Message("It learns from the run’s answers to them, too")), (False, Message("They are left out"))),
)


def _keep(run: Earlier) -> Option:
    return Option("keep", Message("Layers that stay"), max(1, run.shape.layers // 2), 1, max(1, run.shape.layers - 1))


def _of_layers(run: Earlier) -> tuple[Option, ...]:
    which = (
        ("tested", Message("Those that are missed least go: each is left out in turn on validation texts")),
        SPREAD,
        ("lower", Message("The upper ones go")),
    )
    return _keep(run), Option("which", Message("Which layers go"), "tested", values=which), ROUNDS


def _of_neurons(run: Earlier) -> tuple[Option, ...]:
    worth = (
        ("gradient", Message("What changes answers most stays (gradient)")),
        ("size", Message("What has the largest weights stays (magnitude)")),
    )
    share = Option("share", Message("Neurons that stay"), 0.5, 0.1, 0.9, share=True)
    return share, Option("which", Message("Which neurons stay"), "gradient", values=worth), ROUNDS


def _of_weights(run: Earlier) -> tuple[Option, ...]:
    return Option("share", Message("Weights set to nought"), 0.6, 0.1, 0.95, share=True), ROUNDS


def _of_taught(run: Earlier) -> tuple[Option, ...]:
    return _keep(run), Option("rounds", ROUNDS.title, 3.0, 0.1, 20.0), UNLABELLED


def _of_words(run: Earlier) -> tuple[Option, ...]:
    return (UNLABELLED,)


def _of_base(run: Earlier) -> tuple[Option, ...]:
    title = Message("The smaller base: a Hub name such as owner/model, or a folder")
    return Option("base", title, ""), Option("rounds", ROUNDS.title, 3.0, 0.1, 20.0), UNLABELLED


def _nothing(run: Earlier) -> tuple[Option, ...]:
    return ()


# What is expected ---------------------------------------------------------------------------------------------------


def _fewer_layers(run: Earlier, values: Mapping[str, Any]) -> Expected:
    beside, one, _ = run.sizes
    layers, keep = run.shape.layers, int(values["keep"])
    return Expected((beside + keep * one) / (beside + layers * one), keep / layers)


def _fewer_neurons(run: Earlier, values: Mapping[str, Any]) -> Expected:
    beside, one, feed = run.sizes
    layers, left = run.shape.layers, one - feed * (1 - float(values["share"]))
    return Expected((beside + layers * left) / (beside + layers * one), left / one)


def _same(run: Earlier, values: Mapping[str, Any]) -> Expected:
    return Expected(1.0, 1.0)


def _quarter(run: Earlier, values: Mapping[str, Any]) -> Expected:
    return Expected(0.26, None)


def _counted(run: Earlier, values: Mapping[str, Any]) -> Expected:
    return Expected(None, COUNTED)


def _other(run: Earlier, values: Mapping[str, Any]) -> Expected:
    if not values.get("base"):
        return Expected(None, None)
    base, (beside, one, _) = _base(run, str(values["base"])), run.sizes
    if not base.parameters or not base.layers:
        return Expected(None, None)
    size = base.parameters / max(1, beside + run.shape.layers * one)
    return Expected(size, (base.layers * base.width**2) / (run.shape.layers * run.shape.width**2))


# What the new run is told -------------------------------------------------------------------------------------------


def _retuned(run: Earlier, rounds: float, **more: Any) -> dict[str, Any]:
    """Settings of a short tuning of all that is left, from where it is."""
    told = {"method": "full", "start_from_probe": False, "adapt_rounds": 0.0, "length": "epochs", "epochs": rounds}
    return {**told, "learning_rate": run.rate, "keep_best": True, **more}


def _steps(run: Earlier, changes: Mapping[str, Any], smaller: Mapping[str, Any], suffix: Message) -> Plan:
    return Plan(Base.from_json(run.spec["base"]), changes, (_phase("full"),), smaller, suffix)


def _phase(method: str) -> dict[str, Any]:
    return {"method": method, "settings": {}, "fresh": False}


def _plan_layers(run: Earlier, values: Mapping[str, Any]) -> Plan:
    cut = {"what": "layers", "keep": int(values["keep"]), "which": values["which"]}
    suffix = Message("{k} of {n} layers", k=cut["keep"], n=run.shape.layers)
    return _steps(run, _retuned(run, values["rounds"]), {"way": "layers", "cut": cut}, suffix)


def _plan_neurons(run: Earlier, values: Mapping[str, Any]) -> Plan:
    cut: dict[str, Any] = {"what": "neurons", "share": float(values["share"]), "which": values["which"]}
    suffix = Message("{p} % of its neurons", p=round(100 * cut["share"]))
    return _steps(run, _retuned(run, values["rounds"]), {"way": "neurons", "cut": cut}, suffix)


def _plan_weights(run: Earlier, values: Mapping[str, Any]) -> Plan:
    cut: dict[str, Any] = {"what": "weights", "share": float(values["share"])}
    suffix = Message("{p} % of its weights nought", p=round(100 * cut["share"]))
    return _steps(run, _retuned(run, values["rounds"], keep_zeros=True), {"way": "weights", "cut": cut}, suffix)


def _plan_taught_layers(run: Earlier, values: Mapping[str, Any]) -> Plan:
    cut = {"what": "layers", "keep": int(values["keep"]), "which": "spread"}
    changes = _retuned(run, values["rounds"], teacher_weight=TAUGHT)
    suffix = Message("taught, {k} of {n} layers", k=cut["keep"], n=run.shape.layers)
    return _steps(run, changes, {"way": "distil", "cut": cut, "taught": True}, suffix)


def _plan_words(run: Earlier, values: Mapping[str, Any]) -> Plan:
    changes = {"teacher_weight": TAUGHT, "method": "full", "adapt_rounds": 0.0}
    smaller = {"way": "distil_words", "taught": True}
    return Plan(find(CLASSIC), changes, (_phase("head"),), smaller, Message("taught, word counting"))


def _plan_base(run: Earlier, values: Mapping[str, Any]) -> Plan:
    base = _base(run, str(values["base"]))
    if problem := unfit(base, run.task):
        raise ModelError(problem, fix=Message("Choose another base model."))
    changes = {
        **_retuned(run, values["rounds"], teacher_weight=TAUGHT),
        "start_from_probe": True,
        "learning_rate": RATE,
    }
    smaller = {"way": "distil_base", "taught": True}
    return Plan(base, changes, (_phase("full"),), smaller, Message("taught, {base}", base=base.title))


def _plan_int8(run: Earlier, values: Mapping[str, Any]) -> Plan:
    return _steps(run, {}, {"way": "int8", "int8": True}, Message("whole numbers"))


SMALLER: dict[str, Way] = {
    one.name: one
    for one in (
        Way(
            "int8",
            Message("Whole numbers"),
            Message("Every weight is rounded to eight bits. Nothing is learnt anew; it takes seconds."),
            Message("dynamic int8 quantization"),
            _nothing,
            _added,
            _quarter,
            _plan_int8,
        ),
        Way(
            "distil",
            Message("Fewer layers, taught by the run"),
            Message("A copy with fewer layers learns to answer as the run does, from its labels and from its doubts."),
            Message("knowledge distillation"),
            _of_taught,
            _taught_layers,
            _fewer_layers,
            _plan_taught_layers,
        ),
        Way(
            "layers",
            Message("Fewer layers"),
            Message("Layers that are missed least are taken out; what is left learns on from the labels."),
            Message("layer pruning"),
            _of_layers,
            _one_layer,
            _fewer_layers,
            _plan_layers,
        ),
        Way(
            "neurons",
            Message("Narrower layers"),
            Message("Within each layer the neurons that matter least are taken out; what is left learns on."),
            Message("structured pruning"),
            _of_neurons,
            _unseen,
            _fewer_neurons,
            _plan_neurons,
        ),
        Way(
            "distil_words",
            Message("Word counting, taught by the run"),
            Message(
                "A table of words learns to answer as the run does. Tiny and very fast, but it does not understand order."
            ),
            Message("knowledge distillation"),
            _of_words,
            _uncounted,
            _counted,
            _plan_words,
        ),
        Way(
            "distil_base",
            Message("Another base, taught by the run"),
            Message("A smaller base model of your choice learns from the run’s answers."),
            Message("knowledge distillation"),
            _of_base,
            _untaught,
            _other,
            _plan_base,
        ),
        Way(
            "weights",
            Message("Smallest weights to nought"),
            Message(
                "The smallest weights become nought and stay so. File and speed stay the same; only a zip of it is smaller."
            ),
            Message("magnitude pruning"),
            _of_weights,
            _added,
            _same,
            _plan_weights,
        ),
    )
}


# Small things -------------------------------------------------------------------------------------------------------


def settings_of(run: Earlier, plan: Plan) -> TrainingSettings:
    """The run's settings with what the plan changes; knobs that are gone by now are passed over."""
    known = {name: value for name, value in run.spec["settings"].items() if name in TrainingSettings.model_fields}
    return TrainingSettings(**{**known, **plan.changes, "base": plan.base.id})


def _base(run: Earlier, name: str) -> Base:
    if not name.strip():
        raise HoneError(Message("Name a base model first."), fix=Message("For example a Hub name such as owner/model."))
    check_place(name, run.folders)
    return find(name, run.uploads)


def _checked(option: Option, value: Any) -> Any:
    if option.values:
        if value not in [one for one, _ in option.values]:
            raise HoneError(
                Message("“{value}” cannot be chosen for “{title}”.", value=str(value)[:40], title=option.title)
            )
        return value
    if option.low is None or option.high is None:
        return str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not option.low <= number <= option.high:
        raise HoneError(
            Message(
                "“{title}” must lie between {low} and {high}.",
                title=option.title,
                low=f"{option.low:g}",
                high=f"{option.high:g}",
            )
        )
    return int(number) if isinstance(option.default, int) else number


def _product(shape: Sequence[int]) -> int:
    return math.prod(int(one) for one in shape)
