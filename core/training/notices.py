"""The words for what a run notices about itself: code and values in, tone and sentences out.

The observers are in `core.training.watch`; they know codes and numbers only, so that a log can be read in any language later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from core.words import Message, plural

Tone = Literal["good", "info", "warn", "bad"]


class Noticed(Protocol):
    @property
    def code(self) -> str: ...

    @property
    def step(self) -> int: ...

    @property
    def values(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Notice:
    """`action` is what a button beside it does: {"set": {setting: value}, "title": Message}; None where nothing is to be done."""

    code: str
    step: int
    tone: Tone
    title: Message
    body: Message
    action: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        action = self.action and {**self.action, "title": self.action["title"].as_json()}
        return {
            "code": self.code,
            "step": self.step,
            "tone": self.tone,
            "title": self.title.as_json(),
            "body": self.body.as_json(),
            "action": action,
        }


def worded(code: str, step: int, values: Mapping[str, Any]) -> Notice:
    """The notice in words. A code of a later version, or one whose values are not as expected, is told plainly."""
    try:
        tone, title, body, *action = WORDS[code](step, values)
    except (KeyError, TypeError, ValueError, AttributeError):
        return Notice(code, step, "info", Message("Noticed at step {s}", s=step), Message("{code}", code=code))
    return Notice(code, step, tone, title, body, action[0] if action else None)


def replaces(new: Noticed, old: Noticed) -> bool:
    """Whether `new` makes `old` out of date: the same thing again, or its opposite."""
    if new.code == old.code:
        return new.values.get("label") == old.values.get("label") and new.code != "out_of_memory"
    if {old.code, new.code} == {"never_predicted", "recognised"}:
        return new.values.get("label") == old.values.get("label")
    return old.code in _OPPOSITES.get(new.code, ())


_OPPOSITES = {
    "improving": ("plateau", "overfitting"),
    "plateau": ("improving",),
    "overfitting": ("improving", "plateau"),
    "early_stop": ("improving", "plateau"),
}


def preparing(what: str) -> Message:
    """What a run does while there are no steps yet to show."""
    return PREPARING.get(what, Message("Preparing"))


PREPARING = {
    "starting": Message("Starting"),
    "loading": Message("Loading the model"),
    "translating": Message("Translating the model for this machine"),
    "encoding": Message("Cutting the texts into word pieces"),
    "adapting": Message("Getting to know the texts"),
    "cutting": Message("Finding out what can be left out"),
    "teacher": Message("Asking the larger model"),
    "measuring": Message("Measuring what mattered for old texts"),
    "features": Message("Reading the texts with the untouched model"),
    "fitting": Message("Fitting the last layer"),
    "testing": Message("Asking the test texts"),
    "saving": Message("Saving the model"),
    "resuming": Message("Going back to the last safety copy"),
}


def _improving(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    if v.get("value") is None:
        return "good", Message("Still improving"), Message("Validation was best at step {s}.", s=step)
    return (
        "good",
        Message("Still improving"),
        Message("{value} on validation at step {s}, the best so far.", value=_score(v["value"]), s=step),
    )


def _overfitting(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "warn",
        Message("First sign of learning by heart"),
        Message(
            "Learning loss falls, validation no longer does. The best moment, step {s}, is kept. (overfitting)",
            s=int(v["best_step"]),
        ),
    )


def _plateau(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    n = int(v["checks"])
    return (
        "info",
        Message("No progress at the moment"),
        plural(
            n,
            "Validation has been flat for one check. It may still move. (plateau)",
            "Validation has been flat for {n} checks. It may still move. (plateau)",
        ),
    )


def _early_stop(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "info",
        Message("Stopped early, on purpose"),
        plural(
            int(v["checks"]),
            "One check brought nothing better. The best moment, step {s}, is kept. (early stopping)",
            "{n} checks brought nothing better. The best moment, step {s}, is kept. (early stopping)",
            s=int(v["best_step"]),
        ),
    )


def _diverged(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "bad",
        Message("The learning went off the rails"),
        Message("At step {s} the loss was no longer a number. (divergence)", s=step),
        *_try_rate(v),
    )


def _rate_too_high(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "warn",
        Message("The steps are too wide"),
        Message("Loss jumps instead of falling. Try {v}. (learning rate)", v=_rate(v["suggested"])),
        *_try_rate(v),
    )


def _never_predicted(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    n = int(v["count"])
    return (
        "warn",
        Message("{label} is never predicted so far", label=str(v["label"])),
        plural(
            n, "It has one text. More examples of it would help.", "It has {n} texts. More examples of it would help."
        ),
    )


def _recognised(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    title = Message("{label} is recognised now", label=str(v["label"]))
    if v.get("right") is None or v.get("of") is None:
        return "good", title, Message("It was never predicted before step {s}.", s=step)
    return (
        "good",
        title,
        Message("Never predicted before; {k} of {n} right since step {s}.", k=int(v["right"]), n=int(v["of"]), s=step),
    )


def _better_than_before(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "good",
        Message("Better than before tuning"),
        Message("{now} against {before} with the untouched model.", now=_score(v["now"]), before=_score(v["before"])),
    )


def _probe_first(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "info",
        Message("Started with a short fit of the last layer"),
        Message("So that the first steps do not spoil what the model knows."),
    )


def _out_of_memory(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "warn",
        Message("Memory was short, so the batches are smaller"),
        Message(
            "{b} texts at once did not fit. It goes on with {c} at a time, gathered {k} times, which learns the same.",
            b=int(v["batch_size"]),
            c=int(v["new_batch_size"]),
            k=int(v["accumulation"]),
        ),
    )


def _not_bit_exact(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "info",
        Message("Resumed, but not to the last bit"),
        Message(
            "{what} differs from when the run began ({before}, now {now}), so the numbers may differ in the last places. (not bit-exact)",
            what=DIFFERS.get(str(v.get("what")), Message("The machine")),
            before=str(v.get("before", "–")),
            now=str(v.get("now", "–")),
        ),
    )


def _merged(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    asked = {"n": int(v["rows"]), "d": f"{float(v['difference']):.1g}"}
    if float(v["difference"]) <= 1e-4 * max(1.0, float(v["largest"])):
        body = Message("Asked about {n} texts before and after, its numbers differ by {d} at most.", **asked)
        return "info", Message("What was learnt is part of the model now"), body
    body = Message(
        "Asked about {n} texts before and after, its numbers differ by up to {d}, more than rounding explains.", **asked
    )
    return "warn", Message("The merged model answers a little differently"), body


def _not_recomputed(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "info",
        Message("No memory is spared"),
        Message("This base cannot compute its layers twice, so they are remembered as usual. (gradient checkpointing)"),
    )


def _not_translated(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "info",
        Message("The model runs untranslated"),
        Message(
            "It could not be translated for this machine: {reason}. The result is the same. (torch.compile)",
            reason=str(v["reason"]),
        ),
    )


def _no_validation(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        "warn",
        Message("Nothing to steer by"),
        Message("No text is set aside for validation, so the last moment is kept, good or not. (validation set)"),
    )


def _body_each_round(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    return ("info", Message("Each round goes through the whole model"), BODY_EACH_ROUND[str(v["why"])])


BODY_EACH_ROUND = {
    "moves": Message("Words are pushed a little at each step, so that nothing can be computed in advance."),
    "shape": Message("What goes into the last layer of this task cannot be computed in advance."),
    "room": Message(
        "What goes into the last layer is too much to keep on the disk: a state for every word of every text."
    ),
}


DIFFERS = {
    "torch": Message("The version of torch"),
    "threads": Message("The number of threads"),
    "processor": Message("The processor"),
    "cpu": Message("The kind of processor"),
    "device": Message("The device"),
}


def _knew(step: int, v: Mapping[str, Any]) -> tuple[Any, ...]:
    score = Message("{p:.1f} %", p=100 * float(v["score"])) if v.get("share", True) else _score(v["score"])
    return (
        "info",
        Message("It goes on from an earlier run"),
        Message(
            "Before the first step it reached {score} on the {n:,} old texts that steer it.", score=score, n=int(v["n"])
        ),
    )


WORDS: dict[str, Callable[[int, Mapping[str, Any]], tuple[Any, ...]]] = {
    "improving": _improving,
    "overfitting": _overfitting,
    "plateau": _plateau,
    "early_stop": _early_stop,
    "diverged": _diverged,
    "rate_too_high": _rate_too_high,
    "never_predicted": _never_predicted,
    "recognised": _recognised,
    "better_than_before": _better_than_before,
    "probe_first": _probe_first,
    "out_of_memory": _out_of_memory,
    "not_bit_exact": _not_bit_exact,
    "merged": _merged,
    "not_recomputed": _not_recomputed,
    "not_translated": _not_translated,
    "no_validation": _no_validation,
    "body_each_round": _body_each_round,
    "knew": _knew,
}


def _try_rate(v: Mapping[str, Any]) -> tuple[Any, ...]:
    if not v.get("suggested"):
        return ()
    rate = float(v["suggested"])
    return ({"set": {"learning_rate": rate}, "title": Message("Try {v}", v=_rate(rate))},)


def _rate(value: Any) -> str:
    """2.5e-5 as a person writes a learning rate."""
    mantissa, exponent = f"{float(value):.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def _score(value: Any) -> str:
    return f"{float(value):.3f}"
