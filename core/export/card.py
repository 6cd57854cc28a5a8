"""The model card: what the model is for, how good it is, what it learnt from, how to use it, and where it ends. Markdown.

Says only what the run's folder and its report say. The front matter is what model hubs read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from core.settings import changed, knobs
from core.training.settings import TrainingSettings
from core.training.view import RunView
from core.words import Message, said

UPSTREAM = {"bundled:all-MiniLM-L6-v2": "sentence-transformers/all-MiniLM-L6-v2"}
LICENCES = {"Apache-2.0": "apache-2.0", "MIT": "mit", "BSD-3-Clause": "bsd-3-clause", "CC-BY-4.0": "cc-by-4.0"}
MOST_CONFUSED = 10


def card(
    spec: Mapping[str, Any],
    view: RunView,
    report: Mapping[str, Any] | None,
    *,
    name: str,
    counts: Mapping[str, int],
    has_curves: bool,
    language: str = "en",
) -> str:
    """The text of README.md. `counts` tells how many training texts each label has."""
    writing = _Card(spec, view, report, name, counts, has_curves, language)
    return writing.front_matter() + "\n".join(writing.sections())


class _Card:
    def __init__(self, spec, view, report, name, counts, has_curves, language):  # type: ignore[no-untyped-def]
        self.spec, self.view, self.report = spec, view, report
        self.name, self.counts, self.has_curves, self.language = name, counts, has_curves, language
        self.classic = spec["base"].get("kind") == "classic"
        self.labels: list[str] = spec["labels"]["names"]

    def front_matter(self) -> str:
        base = self.spec["base"]
        told: dict[str, Any] = {}
        if base.get("languages"):
            told["language"] = list(base["languages"])
        if licence := LICENCES.get(str(base.get("licence"))):
            told["license"] = licence
        if upstream := UPSTREAM.get(base["id"]) or (
            base["id"] if re.fullmatch(r"[\w.-]+/[\w.-]+", base["id"]) else None
        ):
            told["base_model"] = upstream
        told |= {
            "library_name": "hone" if self.classic else "transformers",
            "pipeline_tag": "text-classification",
            "tags": ["text-classification", "hone"],
            "metrics": ["accuracy", "f1"],
        }
        if self.report and self.report["split"] == "test":
            metrics = [
                {"type": "accuracy", "value": round(self.report["accuracy"], 4)},
                {"type": "f1", "name": "macro F1", "value": round(self.report["macro_f1"], 4)},
            ]
            data = {"type": "text", "name": self.spec["data"].get("name") or "own texts", "split": "test"}
            task = {"type": "text-classification"}
            told["model-index"] = [
                {"name": self.name, "results": [{"task": task, "dataset": data, "metrics": metrics}]}
            ]
        return f"---\n{yaml.safe_dump(told, sort_keys=False, allow_unicode=True)}---\n\n"

    def sections(self) -> Iterable[str]:
        yield f"# {_plain(self.name)}\n"
        sentence = Message(
            "Reads a text and says which of {n} labels fits, with a probability for each.", n=len(self.labels)
        )
        yield self.say(sentence) + " " + self.say(Message("Made with Hone.")) + "\n"
        yield from self.how_good()
        yield from self.use()
        yield from self.data()
        yield from self.training()
        yield from self.limits()
        yield from self.licence()

    def how_good(self) -> Iterable[str]:
        yield self.title(Message("How good it is"))
        report = self.report
        if not report:
            yield self.say(Message("It has not been asked on texts kept aside.")) + "\n"
            return
        parts = [report["verdict"].get(k) for k in ("caution", "answers", "mind", "expect", "tuning")]
        yield " ".join(_ended(self.say(_escaped(part))) for part in parts if part) + "\n"
        yield self.table(
            [
                Message("Asked"),
                Message("Right"),
                Message("Share right (accuracy)"),
                Message("95 % interval"),
                "macro F1",
            ],
            [
                (
                    self.say(c["title"]),
                    f"{c['correct']} / {c['total']}",
                    _share(c["accuracy"]),
                    _interval(c),
                    _share(c["macro_f1"]),
                )
                for c in report["contenders"]
                if c["state"] == "ready"
            ],
        )
        yield self.say(report["interval"]) + "\n"
        yield from self.label_by_label(report)

    def label_by_label(self, report: Mapping[str, Any]) -> Iterable[str]:
        yield self.title(Message("Label by label"), 3)
        rows = [(row["label"], row) for row in report["per_label"]]
        rows += [(self.say(row["title"]), row) for row in report["averages"]]
        keys = ("precision", "recall", "f1")
        yield self.table(
            [
                Message("Label"),
                Message("trust (precision)"),
                Message("found (recall)"),
                Message("both (F1)"),
                Message("texts (support)"),
            ],
            [(label, *(_share(row[key]) for key in keys), str(row["support"])) for label, row in rows],
        )
        wrong = sorted((c for c in report["confusion"] if c[0] != c[1]), key=lambda c: -c[2])[:MOST_CONFUSED]
        if wrong:
            yield self.title(Message("What it confuses most"), 3)
            names = report["labels"]
            yield self.table(
                [Message("Right answer"), Message("It said"), Message("Texts")],
                [(names[g], names[p], str(n)) for g, p, n in wrong],
            )

    def use(self) -> Iterable[str]:
        yield self.title(Message("How to use it"))
        if self.classic:
            yield self.say(Message("`predict.py` beside this page needs Python and nothing else:")) + "\n"
        else:
            yield self.say(Message("`predict.py` beside this page needs Python, torch and transformers:")) + "\n"
        install = "" if self.classic else "pip install torch transformers\n"
        yield f'```sh\n{install}python predict.py "{self.say(Message("a text of your own"))}"\npython predict.py --file texts.csv --column text\n```\n'
        yield '```python\nfrom predict import Model\n\nModel().predict(["..."])  # [{label: probability, ...}]\n```\n'
        yield self.say(Message("MANIFEST.json lists every file with its SHA-256 checksum.")) + "\n"

    def data(self) -> Iterable[str]:
        yield self.title(Message("What it learnt from"))
        data = self.spec["data"]
        counts = data["counts"]
        yield self.table(
            [Message("Part"), Message("Texts")],
            [
                (self.say(Message("to learn from (training set)")), f"{counts.get('train', 0):,}"),
                (self.say(Message("to steer by (validation set)")), f"{counts.get('validation', 0):,}"),
                (self.say(Message("for the final test (test set)")), f"{counts.get('test', 0):,}"),
            ],
        )
        columns = data.get("columns") or {}
        if columns.get("text"):
            yield (
                self.say(
                    Message(
                        "Text column: {text}. Label column: {label}.",
                        text=_code(columns["text"]),
                        label=_code(columns.get("label") or "–"),
                    )
                )
                + "\n"
            )
        rows = [(label, f"{self.counts.get(label, 0):,}") for label in self.labels]
        yield self.table([Message("Label"), Message("Texts to learn from")], rows)
        yield self.say(Message("The texts themselves are not part of this folder.")) + "\n"

    def training(self) -> Iterable[str]:
        yield self.title(Message("How it was tuned"))
        spec, view = self.spec, self.view
        settings = TrainingSettings(**spec["settings"])
        steps = [self.say(METHODS[phase["method"]]) for phase in spec["phases"]]
        facts: list[tuple[str, str]] = [
            (
                self.say(Message("Base model")),
                f"{_plain(said(spec['base']['title'], self.language))} ({_code(upstream(spec))})",
            ),
            (self.say(Message("Steps of the tuning")), " → ".join(dict.fromkeys(steps))),
            (self.say(Message("Seed of chance")), str(spec.get("seed"))),
        ]
        if view.best_step is not None:
            facts.append(
                (self.say(Message("Kept moment")), self.say(Message("step {n} of {m}", n=view.best_step, m=view.step)))
            )
        if view.seconds:
            facts.append((self.say(Message("Time")), self.say(Message("{n} seconds", n=round(view.seconds)))))
        device = next((p.settled.get("device") for p in view.phases if p.settled.get("device")), None)
        if isinstance(device, Mapping):
            facts.append((self.say(Message("Machine")), _plain(str(device.get("title") or device.get("name") or ""))))
        versions = ", ".join(f"{k} {v}" for k, v in (spec.get("versions") or {}).items())
        facts.append((self.say(Message("Versions")), _plain(versions)))
        yield self.table([Message("What"), Message("Which")], facts, escaped=True)
        if self.has_curves:
            yield f"![{self.say(Message('How wrong it still was, step by step. Loss, lower is better.'))}](curves.svg)\n"
        yield from self.settings(settings)

    def settings(self, settings: TrainingSettings) -> Iterable[str]:
        other = changed(TrainingSettings(), settings)
        declared = [k for k in knobs(TrainingSettings) if k.name in other and k.name != "base"]
        if declared:
            yield self.say(Message("Settings that differ from the usual ones; recipe.yaml holds all of them:")) + "\n"
            rows = [(k.title.said(self.language), k.name, str(other[k.name])) for k in declared]
            yield self.table([Message("Setting"), Message("Name in the recipe"), Message("Value")], rows)
        else:
            yield self.say(Message("All settings are the usual ones; recipe.yaml holds them.")) + "\n"
        yield "```sh\nhone train FILE --recipe recipe.yaml\n```\n"

    def limits(self) -> Iterable[str]:
        yield self.title(Message("Where it ends"))
        limits = [
            Message(
                "It knows only these {n} labels and gives one of them to every text, also to one that fits none.",
                n=len(self.labels),
            ),
            Message("It was asked only on texts of the kind it learnt from. On others expect less."),
            Message("The probabilities are not calibrated: 90 % does not promise nine right answers of ten."),
        ]
        if not self.classic:
            longest = self.spec["settings"].get("max_length")
            limits.append(
                Message("It reads the first {n} word pieces of a text (tokens); the rest is cut off.", n=longest)
            )
        if self.spec["base"].get("languages") == ["en"] or self.spec["base"].get("languages") == ("en",):
            limits.append(Message("Its base knows English only."))
        few = [name for name in self.labels if self.counts.get(name, 0) < 20]
        if few:
            limits.append(
                Message("Fewer than 20 texts to learn from: {labels}.", labels=", ".join(_plain(name) for name in few))
            )
        if self.report and self.report["total"] < 50:
            limits.append(Message("Too few test texts for a firm answer"))
        yield "\n".join(f"- {_ended(self.say(limit))}" for limit in limits) + "\n"

    def licence(self) -> Iterable[str]:
        yield self.title(Message("Licence"))
        licence = self.spec["base"].get("licence")
        if self.classic:
            yield self.say(Message("The model is made of your texts alone; Hone claims no right to it.")) + "\n"
        elif licence:
            base = _plain(upstream(self.spec))
            yield (
                self.say(
                    Message(
                        "The base model {base} is under {licence}; what is made from it stays under that licence.",
                        base=base,
                        licence=licence,
                    )
                )
                + "\n"
            )
        else:
            yield (
                self.say(
                    Message(
                        "Nobody told Hone the licence of the base model {base}. Look it up before you pass this on.",
                        base=_code(base_name(self.spec)),
                    )
                )
                + "\n"
            )
        yield self.say(Message("Whether the texts it learnt from may be used so is for their owner to say.")) + "\n"

    def say(self, value: Any) -> str:
        return said(value, self.language)

    def title(self, message: Message, level: int = 2) -> str:
        return f"{'#' * level} {self.say(message)}\n"

    def table(self, heads: Sequence[Any], rows: Iterable[Sequence[str]], escaped: bool = False) -> str:
        lines = ["| " + " | ".join(self.say(h) for h in heads) + " |", "|" + " --- |" * len(heads)]
        lines += ["| " + " | ".join(c if escaped else _plain(c) for c in row) + " |" for row in rows]
        return "\n".join(lines) + "\n"


METHODS = {
    "head": Message("fit of the last layer"),
    "full": Message("all layers"),
    "top": Message("the upper layers"),
    "lora": Message("small added matrices (LoRA)"),
}


def upstream(spec: Mapping[str, Any]) -> str:
    return UPSTREAM.get(str(spec["base"]["id"])) or base_name(spec)


def base_name(spec: Mapping[str, Any]) -> str:
    """The base as one may print it: a folder of this machine by its last name only."""
    name = str(spec["base"]["id"])
    return re.split(r"[/\\]", name)[-1] if re.match(r"^(/|~|\.|[A-Za-z]:[/\\])", name) else name


def _plain(text: str) -> str:
    """Somebody's words inside Markdown: nothing in them is markup, and they stay on one line."""
    return re.sub(r"([\\`*_\[\]<>|#~$!])", r"\\\1", " ".join(str(text).split()))


def _escaped(part: Mapping[str, Any]) -> Message:
    """A sentence of the report, the words of the data in it made plain."""
    told = Message.from_json(part)
    values = {k: _plain(v) if isinstance(v, str) else v for k, v in told.values.items()}
    return Message(told.template, **values)  # words: the same sentence


def _code(text: str) -> str:
    return "`" + " ".join(str(text).split()).replace("`", "'").replace("|", "¦") + "`"


def _ended(sentence: str) -> str:
    """With a full stop; Chinese sentences bring their own kind."""
    if sentence[-1:] in ".。!?？）)":
        return sentence
    return sentence + ("。" if re.search("[\u4e00-\u9fff]", sentence) else ".")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(row: Mapping[str, Any]) -> str:
    return f"{row['low']:.3f} – {row['high']:.3f}"
