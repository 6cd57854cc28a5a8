"""Ask this model. Needs Python 3.10 or later, torch and transformers: pip install torch transformers

python predict.py "a text" "another text"        one line a text: the answer, its probability, the text
python predict.py --file texts.csv --column text --out answered.csv
python predict.py --json "a text"                the whole answer, one JSON object a line
python predict.py --json --lines < texts.txt     one text a line from the standard input

In Python:   from predict import Model;  Model().predict(["a text"])

An answer is one label with the probability of each, the set of labels that reach their thresholds, or a number on its scale.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

logging.disable_progress_bar()
HERE = Path(__file__).resolve().parent


class Model:
    """The tuned model in the folder `model` beside this file."""

    def __init__(self, folder: Path = HERE / "model", device: str | None = None):
        about = json.loads((folder / "hone.json").read_text(encoding="utf-8"))
        self.labels, self.extra = about["labels"], about.get("extra") or {}
        self.max_length = about["max_length"]
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.unk_token
        self.pooled = about["kind"] == "pooled"
        if self.pooled:
            from safetensors.torch import load_file  # comes with transformers

            body = AutoModel.from_pretrained(folder, dtype=torch.float32)
            self.body = body.get_encoder() if body.config.is_encoder_decoder else body
            self.head = {k: v.to(self.device) for k, v in load_file(folder / "head.safetensors").items()}
        else:
            self.body = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
        self.body = self.body.to(self.device).eval()

    def predict(self, texts: list[str], batch: int = 32) -> list[dict]:
        """An answer for each text, in their order."""
        texts = [text if isinstance(text, str) else text["text"] for text in texts]
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # texts of like length together: less padding
        answers: list[dict] = [{} for _ in texts]
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            for i, outputs in zip(chosen, self._outputs([texts[i] for i in chosen])):  # noqa: B905
                answers[i] = answer(outputs, self.labels, self.extra)
        return answers

    @torch.inference_mode()
    def _outputs(self, texts: list[str]) -> torch.Tensor:
        """What the last layer says, (texts, labels)."""
        inputs = self.tokenizer(
            texts, truncation=True, max_length=self.max_length, padding=True, return_tensors="pt"
        ).to(self.device)
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        if not self.pooled:
            return self.body(input_ids=ids, attention_mask=mask).logits.float().cpu()
        hidden = self.body(input_ids=ids, attention_mask=mask).last_hidden_state  # (texts, tokens, width)
        weight = mask[..., None].to(hidden.dtype)
        mean = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)
        features = torch.nn.functional.normalize(mean.float(), dim=-1) * hidden.shape[-1] ** 0.5
        return (features @ self.head["weight"].T + self.head["bias"]).cpu()


def answer(outputs: torch.Tensor, labels: list[str], extra: dict) -> dict:
    """What the last layer says of one text, as an answer. Thresholds and scale were learnt with the model."""
    if "std" in extra:
        slope, start = extra.get("line", (1.0, 0.0))
        value = slope * (float(outputs[0].double()) * extra["std"] + extra["mean"]) + start
        return {"kind": "number", "value": value, "low": extra["low"], "high": extra["high"]}
    if "texts" in extra or "thresholds" in extra:
        limits = {name: extra.get("thresholds", {}).get(name, 0.5) for name in labels}
        shares = dict(zip(labels, torch.sigmoid(outputs).tolist()))  # noqa: B905
        chosen = [name for name in labels if shares[name] >= limits[name]]
        return {"kind": "label_set", "labels": chosen, "probabilities": shares, "thresholds": limits}
    pairs = zip(labels, torch.softmax(outputs, dim=-1).tolist())  # noqa: B905
    probabilities = dict(sorted(pairs, key=lambda pair: -pair[1]))
    return {"kind": "label_scores", "label": next(iter(probabilities)), "probabilities": probabilities}


def cells(answer: dict) -> list[str]:
    """The answer and its probability, as words."""
    if answer["kind"] == "number":
        return [f"{answer['value']:.6g}", ""]
    if answer["kind"] == "label_set":
        return ["; ".join(answer["labels"]), "; ".join(f"{answer['probabilities'][x]:.6f}" for x in answer["labels"])]
    return [answer["label"], f"{answer['probabilities'][answer['label']]:.6f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", help="texts to answer")
    parser.add_argument("--lines", action="store_true", help="read one text a line from the standard input")
    parser.add_argument("--json", action="store_true", help="the whole answer, one JSON object a line")
    parser.add_argument("--file", type=Path, help="a csv file (UTF-8) with names in its first row")
    parser.add_argument("--column", default="text", help="the column of the csv file that holds the texts")
    parser.add_argument("--out", type=Path, help="where the answered csv file goes; default: beside the file")
    chosen = parser.parse_args()
    model = Model()
    if chosen.file:
        answer_file(model, chosen.file, chosen.column, chosen.out or chosen.file.with_suffix(".answered.csv"))
        return
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    texts = chosen.texts + ([line.rstrip("\n") for line in sys.stdin] if chosen.lines else [])
    if not texts:
        parser.error("give at least one text, or --file")
    for text, answer in zip(texts, model.predict(texts)):  # noqa: B905
        told = (
            json.dumps({"text": text, **answer}, ensure_ascii=False)
            if chosen.json
            else "\t".join([*cells(answer), text])
        )
        sys.stdout.write(told + "\n")


def answer_file(model: Model, path: Path, column: str, out: Path) -> None:
    """Write the csv file again, with the answer and its probability beside each row."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file, out.open("w", encoding="utf-8-sig", newline="") as target:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or [])
        if column not in names:
            sys.exit(f"There is no column {column!r}; the file has: {', '.join(names)}. Choose one with --column.")
        writer = csv.writer(target)
        writer.writerow([*names, "prediction", "probability"])
        rows: list[dict[str, str]] = []
        for row in reader:
            rows.append(row)
            if len(rows) == 512:
                _write(writer, model, rows, names, column)
                rows = []
        _write(writer, model, rows, names, column)
    sys.stderr.write(f"{out}\n")


def _write(writer, model: Model, rows: list[dict[str, str]], names: list[str], column: str) -> None:  # type: ignore[no-untyped-def]
    for row, answer in zip(rows, model.predict([row[column] or "" for row in rows])):  # noqa: B905
        writer.writerow([*(_safe(row[name]) for name in names), *map(_safe, cells(answer))])


def _safe(cell: str | None) -> str:
    """No cell that a spreadsheet would take for a formula."""
    text = cell or ""
    try:
        float(text)
        return text
    except ValueError:
        return "'" + text if text.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") and text else text


if __name__ == "__main__":
    main()
