"""Ask this model. Needs Python 3.10 or later and nothing else.

python predict.py "a text" "another text"        one line a text: the answer, its probability, the text
python predict.py --file texts.csv --column text --out answered.csv
python predict.py --json "a text"                the whole answer, one JSON object a line
python predict.py --json --lines < texts.txt     one text a line from the standard input
python predict.py --why "a text"                 the pieces of the text that spoke most for the answer

In Python:   from predict import Model;  Model().predict(["a text"])

An answer is one label with the probability of each, the set of labels that reach their thresholds, or a number on its scale.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORD = re.compile(r"\w+")
SPACE = re.compile(r"\s+")


class Model:
    """The tuned model in the folder `model` beside this file: weights of counted pieces of text (n-grams)."""

    def __init__(self, folder: Path = HERE / "model"):
        about = json.loads((folder / "hone.json").read_text(encoding="utf-8"))
        self.labels, self.extra = about["labels"], about.get("extra") or {}
        vocabulary = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        self.words, self.characters = vocabulary["words"], vocabulary["characters"]
        self.column = {piece: i for i, piece in enumerate(vocabulary["pieces"])}
        tensors = read_safetensors(folder / "weights.safetensors")
        self.weight, self.bias, self.idf = tensors["weight"], tensors["bias"], tensors["idf"]

    def predict(self, texts: list[str]) -> list[dict]:
        """An answer for each text, in their order."""
        given = [text if isinstance(text, str) else text["text"] for text in texts]
        return [answer(self._outputs(text), self.labels, self.extra) for text in given]

    def why(self, text: str, most: int = 10) -> list[tuple[str, float]]:
        """The pieces that spoke most for what the last layer says loudest, against the mean of all labels where there are several."""
        outputs = self._outputs(text)
        best = outputs.index(max(outputs))
        size, names = len(self.column), list(self.column)
        told = []
        for i, value in self._features(text).items():
            mean = sum(self.weight[k * size + i] for k in range(len(self.labels))) / len(self.labels)
            against = mean if len(self.labels) > 1 else 0.0
            told.append((names[i].lstrip("\t"), value * (self.weight[best * size + i] - against)))
        return sorted(told, key=lambda pair: -pair[1])[:most]

    def _outputs(self, text: str) -> list[float]:
        """What the last layer says, a number a label."""
        size, features = len(self.column), self._features(text)
        return [
            self.bias[k] + sum(value * self.weight[k * size + i] for i, value in features.items())
            for k in range(len(self.labels))
        ]

    def _features(self, text: str) -> dict[int, float]:
        """column -> (1 + log of its count) * idf, at unit length"""
        counts = Counter(self.column[piece] for piece in self._pieces(text) if piece in self.column)
        values = {i: (1 + math.log(n)) * self.idf[i] for i, n in counts.items()}
        length = max(math.sqrt(sum(v * v for v in values.values())), 1e-12)
        return {i: v / length for i, v in values.items()}

    def _pieces(self, text: str) -> Iterator[str]:
        """Every piece as often as it stands in the text; pieces of words begin with a tab."""
        text = text.lower()
        if self.words:
            tokens = WORD.findall(text)
            for n in range(self.words[0], self.words[1] + 1):
                for i in range(len(tokens) - n + 1):
                    yield "\t" + " ".join(tokens[i : i + n])
        if self.characters:
            line = SPACE.sub(" ", text)
            for n in range(self.characters[0], self.characters[1] + 1):
                for i in range(len(line) - n + 1):
                    yield line[i : i + n]


def answer(outputs: list[float], labels: list[str], extra: dict) -> dict:
    """What the last layer says of one text, as an answer. Thresholds and scale were learnt with the model."""
    if "std" in extra:
        slope, start = extra.get("line", (1.0, 0.0))
        value = slope * (outputs[0] * extra["std"] + extra["mean"]) + start
        return {"kind": "number", "value": value, "low": extra["low"], "high": extra["high"]}
    if "texts" in extra or "thresholds" in extra:
        limits = {name: extra.get("thresholds", {}).get(name, 0.5) for name in labels}
        shares = {name: 1 / (1 + math.exp(-max(-60.0, min(60.0, x)))) for name, x in zip(labels, outputs)}  # noqa: B905
        chosen = [name for name in labels if shares[name] >= limits[name]]
        return {"kind": "label_set", "labels": chosen, "probabilities": shares, "thresholds": limits}
    highest = max(outputs)
    shares = dict(zip(labels, (math.exp(x - highest) for x in outputs)))  # noqa: B905
    total = sum(shares.values())
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    return {
        "kind": "label_scores",
        "label": ordered[0][0],
        "probabilities": {name: share / total for name, share in ordered},
    }


def cells(answer: dict) -> list[str]:
    """The answer and its probability, as words."""
    if answer["kind"] == "number":
        return [f"{answer['value']:.6g}", ""]
    if answer["kind"] == "label_set":
        return ["; ".join(answer["labels"]), "; ".join(f"{answer['probabilities'][x]:.6f}" for x in answer["labels"])]
    return [answer["label"], f"{answer['probabilities'][answer['label']]:.6f}"]


def read_safetensors(path: Path) -> dict[str, memoryview[float]]:
    """name -> flat view of float32 numbers. The format: length of a JSON header, the header, the numbers."""
    data = memoryview(path.read_bytes())
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(bytes(data[8:end]))
    header.pop("__metadata__", None)
    found = {}
    for name, told in header.items():
        if told["dtype"] != "F32":
            raise ValueError(f"{name} is {told['dtype']}, not F32")
        first, last = told["data_offsets"]
        found[name] = memoryview(bytes(data[end + first : end + last])).cast("f")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", help="texts to answer")
    parser.add_argument("--lines", action="store_true", help="read one text a line from the standard input")
    parser.add_argument("--json", action="store_true", help="the whole answer, one JSON object a line")
    parser.add_argument("--why", action="store_true", help="the pieces of the text that spoke most for the answer")
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
    for text in texts:
        answer = model.predict([text])[0]
        told = (
            json.dumps({"text": text, **answer}, ensure_ascii=False)
            if chosen.json
            else "\t".join([*cells(answer), text])
        )
        sys.stdout.write(told + "\n")
        for piece, value in model.why(text) if chosen.why else []:
            sys.stdout.write(f"  {value:+.3f}  {piece!r}\n")


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
        for row in reader:
            told = cells(model.predict([row[column] or ""])[0])
            writer.writerow([*(_safe(row[name]) for name in names), *map(_safe, told)])
    sys.stderr.write(f"{out}\n")


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
