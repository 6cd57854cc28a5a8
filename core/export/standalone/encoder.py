"""Ask this model. Needs Python 3.10 or later, torch and transformers: pip install torch transformers

python predict.py "a text" "another text"        one line a text: label, probability, text
python predict.py --file texts.csv --column text --out answered.csv
python predict.py --json "a text"                all probabilities, one JSON object a line
python predict.py --json --lines < texts.txt     one text a line from the standard input

In Python:   from predict import Model;  Model().predict(["a text"])
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
        self.labels = about["labels"]
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

    def predict(self, texts: list[str], batch: int = 32) -> list[dict[str, float]]:
        """For each text the probability of each label, the most probable first."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # texts of like length together: less padding
        answers: list[dict[str, float]] = [{} for _ in texts]
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            shares = self._probabilities([texts[i] for i in chosen]).tolist()
            for i, share in zip(chosen, shares):  # noqa: B905
                answers[i] = dict(sorted(zip(self.labels, share), key=lambda pair: -pair[1]))  # noqa: B905
        return answers

    @torch.inference_mode()
    def _probabilities(self, texts: list[str]) -> torch.Tensor:
        """(texts, labels)"""
        inputs = self.tokenizer(
            texts, truncation=True, max_length=self.max_length, padding=True, return_tensors="pt"
        ).to(self.device)
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        if not self.pooled:
            return torch.softmax(self.body(input_ids=ids, attention_mask=mask).logits.float(), dim=-1).cpu()
        hidden = self.body(input_ids=ids, attention_mask=mask).last_hidden_state  # (texts, tokens, width)
        weight = mask[..., None].to(hidden.dtype)
        mean = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)
        features = torch.nn.functional.normalize(mean.float(), dim=-1) * hidden.shape[-1] ** 0.5
        logits = features @ self.head["weight"].T + self.head["bias"]
        return torch.softmax(logits, dim=-1).cpu()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", help="texts to answer")
    parser.add_argument("--lines", action="store_true", help="read one text a line from the standard input")
    parser.add_argument("--json", action="store_true", help="all probabilities, one JSON object a line")
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
        label, share = next(iter(answer.items()))
        told = {"text": text, "label": label, "probabilities": answer}
        sys.stdout.write(
            (json.dumps(told, ensure_ascii=False) if chosen.json else f"{label}\t{share:.3f}\t{text}") + "\n"
        )


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
        label, share = next(iter(answer.items()))
        writer.writerow([*(_safe(row[name]) for name in names), _safe(label), f"{share:.6f}"])


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
