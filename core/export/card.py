"""The model card: what the model is for, how good it is, what it learnt from, how to use it, and where it ends. Markdown.

Says only what the run's folder and its report say. The front matter is what model hubs read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from core import tasks
from core.data.cleaning import Cleaning
from core.export.card_scores import how_good, measures
from core.export.markdown import Page, code, ended, plain
from core.models.methods import METHODS
from core.settings import changed, knobs
from core.smaller import ways
from core.tasks.base import Task, asked
from core.training.settings import TrainingSettings
from core.training.view import RunView
from core.words import Message, listed, said

UPSTREAM = {"bundled:all-MiniLM-L6-v2": "sentence-transformers/all-MiniLM-L6-v2"}
LICENCES = {"Apache-2.0": "apache-2.0", "MIT": "mit", "BSD-3-Clause": "bsd-3-clause", "CC-BY-4.0": "cc-by-4.0"}
# What model hubs call it: by the architecture of the model, else by the kind of answer.
ARCHITECTURES = {
    "token-classification": "token-classification",
    "question-answering": "question-answering",
    "multiple-choice": "multiple-choice",
    "masked-lm": "fill-mask",
    "causal-lm": "text-generation",
    "seq2seq-lm": "text2text-generation",
    "image-classification": "image-classification",
}
ANSWERS = {
    "label_scores": "text-classification",
    "label_set": "text-classification",
    "number": "text-classification",
    "spans": "token-classification",
    "answer": "question-answering",
    "text": "text-generation",
    "ranking": "text-ranking",
}
EXAMPLES = {
    "label_scores": '{"label": ..., "probabilities": {label: probability, ...}}',
    "label_set": '{"labels": [...], "probabilities": {label: probability, ...}}',
    "number": '{"value": ...}',
    "spans": '{"spans": [{"start": ..., "end": ..., "label": ..., "probability": ...}]}',
    "answer": '{"text": ..., "start": ..., "probability": ...}',
    "text": '{"text": ...}',
    "ranking": '{"items": [{"text": ..., "score": ...}]}',
}


def card(
    spec: Mapping[str, Any],
    view: RunView,
    report: Mapping[str, Any] | None,
    *,
    name: str,
    counts: Mapping[str, int],
    has_curves: bool,
    about: Mapping[str, Any],
    parts: bool = False,
    language: str = "en",
) -> str:
    """The text of README.md. `counts` tells how many training rows carry each label, `about` is the model's hone.json; `parts`: the program
    brings modules of Hone along."""
    writing = _Card(spec, view, report, name, counts, has_curves, about, parts, language)
    return writing.front_matter() + "\n".join(writing.sections())


class _Card(Page):
    def __init__(self, spec, view, report, name, counts, has_curves, about, parts, language):  # type: ignore[no-untyped-def]
        super().__init__(language)
        self.spec, self.view, self.report = spec, view, report
        self.name, self.counts, self.has_curves, self.about, self.parts = name, counts, has_curves, about, parts
        self.task: Task = tasks.task(spec["task"])
        self.inputs = asked(self.task)
        self.target = next((column for column in self.task.columns if column.target), None)
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
            "pipeline_tag": self.pipeline,
            "tags": [self.pipeline, "hone", self.task.name],
            "metrics": [name for name, _, _ in measures(self.task, None)],
        }
        if self.report and self.report["split"] == "test":
            data = {"type": "text", "name": self.spec["data"].get("name") or "own texts", "split": "test"}
            metrics = [
                {"type": name, "name": title, "value": round(value, 4)}
                for name, title, value in measures(self.task, self.report)
                if value is not None
            ]
            told["model-index"] = [
                {"name": self.name, "results": [{"task": {"type": self.pipeline}, "dataset": data, "metrics": metrics}]}
            ]
        return f"---\n{yaml.safe_dump(told, sort_keys=False, allow_unicode=True)}---\n\n"

    @property
    def by_label(self) -> bool:
        """One label a row."""
        return self.target is not None and self.target.kind == "category" and self.task.prediction == "label_scores"

    @property
    def pipeline(self) -> str:
        """What model hubs call the job: by the kind of model, else by the kind of answer."""
        architecture = str(self.about.get("architecture") or "")
        return ARCHITECTURES.get(architecture) or ANSWERS.get(self.task.prediction, "text-classification")

    def sections(self) -> Iterable[str]:
        yield f"# {plain(self.name)}\n"
        sentence = self.task.help
        if self.task.prediction == "label_scores" and len(self.inputs) == 1 and self.labels:
            sentence = Message(
                "Reads a text and says which of {n} labels fits, with a probability for each.", n=len(self.labels)
            )
        yield ended(self.say(sentence)) + " " + self.say(Message("Made with Hone.")) + "\n"
        yield from self.how_good()
        yield from self.use()
        yield from self.data()
        yield from self.training()
        yield from self.limits()
        yield from self.licence()

    def how_good(self) -> Iterable[str]:
        yield self.title(Message("How good it is"))
        if self.report:
            yield from how_good(self, self.report)
        else:
            yield self.say(Message("It has not been asked on texts kept aside.")) + "\n"

    def use(self) -> Iterable[str]:
        yield self.title(Message("How to use it"))
        if not self.classic:
            yield self.say(Message("`predict.py` beside this page needs Python, torch and transformers:")) + "\n"
        elif self.parts:
            yield self.say(Message("`predict.py` beside this page needs Python, numpy, scipy and safetensors:")) + "\n"
        else:
            yield self.say(Message("`predict.py` beside this page needs Python and nothing else:")) + "\n"
        wanted = ("numpy scipy safetensors" if self.parts else "") if self.classic else "torch transformers"
        wanted += " pillow" if any(column.kind == "image" for column in self.inputs) else ""
        extra = Cleaning.from_json(self.about.get("cleaning")).packages
        wanted = " ".join([wanted, *extra]).strip()
        install = f"pip install {wanted}\n" if wanted else ""
        first, *others = self.inputs
        more = "".join(f' --input {c.role}="…"' for c in others if c.required)
        named = first.role if not others else " --column ".join(f"{c.role}={c.role}" for c in self.inputs if c.required)
        own = self.say(Message("a text of your own"))
        yield f'```sh\n{install}python predict.py "{own}"{more}\npython predict.py --file texts.csv --column {named}\n```\n'
        row = '"..."' if not others else "{" + ", ".join(f'"{c.role}": ...' for c in self.inputs if c.required) + "}"
        yield f"```python\nfrom predict import Model\n\nModel().predict([{row}])  # [{EXAMPLES[self.task.prediction]}]\n```\n"
        if others:
            yield self.table(
                [Message("Role"), Message("What it is")],
                [(code(c.role), plain(self.say(c.help))) for c in self.inputs],
                escaped=True,
            )
        if extra:
            told = Message(
                "It cleans texts before it reads them, and needs {packages} for that.",
                packages=listed(map(code, extra)),
            )
            yield self.say(told) + "\n"
        if self.parts:
            told = Message("The folder hone_parts holds the parts of Hone that {file} uses.", file="predict.py")
            yield self.say(told) + "\n"
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
        if guessed := data.get("guessed"):
            told = Message(
                "Of the texts to learn from, {n:,} carry a label that rules guessed and nobody checked.", n=guessed
            )
            yield self.say(told) + "\n"
        columns = data.get("columns") or {}
        if len(self.inputs) == 1 and self.by_label and columns.get("text"):
            yield (
                self.say(
                    Message(
                        "Text column: {text}. Label column: {label}.",
                        text=code(_names(columns["text"])),
                        label=code(_names(columns.get("label")) or "–"),
                    )
                )
                + "\n"
            )
        elif any(columns.values()):
            rows = [(code(role), code(_names(column))) for role, column in columns.items() if column]
            yield self.table([Message("Role"), Message("Column")], rows, escaped=True)
        if self.labels and self.counts:
            rows = [(plain(label), f"{self.counts.get(label, 0):,}") for label in self.labels]
            yield self.table([Message("Label"), Message("Texts to learn from")], rows, escaped=True)
        if carried := (self.about.get("extra") or {}).get("texts"):
            told = Message(
                "It carries along the {n:,} texts that it searches (model/stored.json): whoever has this folder can read them.",
                n=carried,
            )
            yield self.say(told) + "\n"
            return
        yield self.say(Message("The texts themselves are not part of this folder.")) + "\n"

    def training(self) -> Iterable[str]:
        yield self.title(Message("How it was tuned"))
        spec, view = self.spec, self.view
        settings = TrainingSettings(**spec["settings"])
        smaller = spec.get("smaller") or {}
        steps = [self.way(phase["method"]) for phase in spec["phases"]]
        facts: list[tuple[str, str]] = [
            (
                self.say(Message("Base model")),
                f"{plain(said(spec['base']['title'], self.language))} ({code(upstream(spec))})",
            ),
            *(
                []
                if smaller.get("int8")
                else [(self.say(Message("Steps of the tuning")), " → ".join(dict.fromkeys(steps)))]
            ),
            (self.say(Message("Seed of chance")), str(spec.get("seed"))),
        ]
        if before := spec.get("continues"):
            chain = plain(" → ".join(str(one["name"]) for one in before["chain"]))
            words = Message(
                "with {n:,} new texts and {m:,} old ones seen again", n=before["texts"], m=before["replayed"]
            )
            facts.append((self.say(Message("Goes on from")), f"{chain} ({self.say(words)})"))
        if smaller:
            made = ways.way(smaller["way"])
            facts.append((self.say(Message("Made smaller")), f"{self.say(made.title)} ({self.say(made.term)})"))
        if view.best_step is not None:
            facts.append(
                (self.say(Message("Kept moment")), self.say(Message("step {n} of {m}", n=view.best_step, m=view.step)))
            )
        if view.seconds:
            facts.append((self.say(Message("Time")), self.say(Message("{n} seconds", n=round(view.seconds)))))
        device = next((p.settled.get("device") for p in view.phases if p.settled.get("device")), None)
        if isinstance(device, Mapping):
            facts.append((self.say(Message("Machine")), plain(str(device.get("title") or device.get("name") or ""))))
        versions = ", ".join(f"{k} {v}" for k, v in (spec.get("versions") or {}).items())
        facts.append((self.say(Message("Versions")), plain(versions)))
        yield self.table([Message("What"), Message("Which")], facts, escaped=True)
        if self.has_curves:
            yield f"![{self.say(Message('How wrong it still was, step by step. Loss, lower is better.'))}](curves.svg)\n"
        yield from self.settings(settings)

    def way(self, name: str) -> str:
        """A way to tune in words, with its term where the words do not have it."""
        title, term = self.say(METHODS[name].title), self.say(METHODS[name].term)
        return title if title.endswith((")", "）")) else f"{title} ({term})"

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
        limits: list[Any] = []
        if self.by_label and self.labels:
            limits.append(
                Message(
                    "It knows only these {n} labels and gives one of them to every text, also to one that fits none.",
                    n=len(self.labels),
                )
            )
        elif self.labels and self.counts:
            limits.append(Message("It knows only these {n} labels.", n=len(self.labels)))
        if self.task.prediction == "text":
            limits.append(Message("What it writes can be wrong, and can repeat what it has read. Check it."))
        limits.append(Message("It was asked only on texts of the kind it learnt from. On others expect less."))
        if self.task.prediction in ("label_scores", "label_set", "spans", "answer"):
            limits.append(
                Message("The probabilities are not calibrated: 90 % does not promise nine right answers of ten.")
            )
        if not self.classic and self.task.link and all(column.kind == "text" for column in self.inputs):
            longest = self.about.get("max_length") or self.spec["settings"].get("max_length")
            limits.append(
                Message("It reads the first {n} word pieces of a text (tokens); the rest is cut off.", n=longest)
            )
        if self.spec["base"].get("languages") == ["en"] or self.spec["base"].get("languages") == ("en",):
            limits.append(Message("Its base knows English only."))
        few = [name for name in self.labels if self.counts and self.counts.get(name, 0) < 20]
        if few:
            limits.append(
                Message("Fewer than 20 texts to learn from: {labels}.", labels=", ".join(plain(name) for name in few))
            )
        if self.report and self.report["total"] < 50:
            limits.append(Message("Too few test texts for a firm answer"))
        yield "\n".join(f"- {ended(self.say(limit))}" for limit in limits) + "\n"

    def licence(self) -> Iterable[str]:
        yield self.title(Message("Licence"))
        licence = self.spec["base"].get("licence")
        if self.classic:
            yield self.say(Message("The model is made of your texts alone; Hone claims no right to it.")) + "\n"
        elif licence:
            base = plain(upstream(self.spec))
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
                        base=code(base_name(self.spec)),
                    )
                )
                + "\n"
            )
        yield self.say(Message("Whether the texts it learnt from may be used so is for their owner to say.")) + "\n"


def _names(column: Any) -> str:
    """One column, or several with commas between."""
    return ", ".join(map(str, column)) if isinstance(column, list | tuple) else str(column or "").replace("\n", " ")


def upstream(spec: Mapping[str, Any]) -> str:
    return UPSTREAM.get(str(spec["base"]["id"])) or base_name(spec)


def base_name(spec: Mapping[str, Any]) -> str:
    """The base as one may print it: a folder of this machine by its last name only."""
    name = str(spec["base"]["id"])
    return re.split(r"[/\\]", name)[-1] if re.match(r"^(/|~|\.|[A-Za-z]:[/\\])", name) else name
