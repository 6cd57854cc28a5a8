"""Many people label one data set at once, over HTTP as the page does: is every label there, once, and are the figures of agreement right?

    python tests/benchmarks/labellers.py [--people 30] [--seconds 120] [--rows 9000] [--pause 0.5] [--json FILE]

A real server with a login, a project that one person shares with the others, and a client for each: it fetches its texts, answers them one by
one or a few at a time, now and then takes an answer back, and now and then sends a batch again as if the server's answer had been lost.
Every answer has an id of its own. Afterwards the log is read: each answer the server has said to have saved must stand there once, with its
person, row and label, and nothing else. What is in force and the agreement that the page shows are computed a second time here, from what the
clients know. Ends with an error if anything is off. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import itertools
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from page import Calls, served  # noqa: E402

from core import projects, sharing, users  # noqa: E402
from core.data import votes  # noqa: E402
from core.data.dataset import Dataset  # noqa: E402
from core.data.team import Team  # noqa: E402
from core.workspace import Workspace  # noqa: E402

LABELS = ("delivery", "refund", "damage", "praise", "invoice", "login", "price", "other")
PASSWORD = "a password of nobody"
RIGHT = 0.8  # how often a person gives the text's own label
BACK, AGAIN = 0.04, 0.05  # how often an answer is taken back, a batch sent twice
FETCHED = 20  # texts a call


@dataclass
class Said:
    """What one client knows: (client, seq) -> (row, label), of answers and of those among them that were taken back, once saved."""

    who: str
    saved: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    back: set[tuple[str, int]] = field(default_factory=set)
    sent: int = 0
    times: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    dealt: set[str] = field(default_factory=set)  # rows it was given to label
    until: float = 0.0  # when its last answer was saved


def main() -> None:
    options = arguments()
    names = [f"person{i:02}" for i in range(options.people)]
    with tempfile.TemporaryDirectory() as folder:
        auth = Path(folder) / "users"
        for name in ["owner", *names]:
            users.add(auth, name, PASSWORD)
        workspace = Workspace.open(Path(folder) / "home", "owner")
        project = prepared(workspace, options.rows, names, Path(folder))
        with served(workspace.home, "--auth", str(auth)) as address:
            said = labelled(address, sharing.address("owner", project), names, options)
            told = logged_in(address, "owner", project.id)("label", "team_state")
        found = checked(project, said, told, options)
    show(found, options)
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1), encoding="utf-8")
    sys.exit(1 if found["wrong"] else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=30, help="who label at once (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=120.0, help="for how long (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=9000, help="texts in the data set (default: %(default)s)")
    parser.add_argument(
        "--pause", type=float, default=0.5, help="seconds a person thinks, on average (default: %(default)s)"
    )
    parser.add_argument("--json", help="also write the figures to this file")
    return parser.parse_args()


def prepared(workspace: Workspace, rows: int, names: list[str], folder: Path) -> projects.Project:
    """Texts without labels, shared with everybody; 3 of 10 texts go to three people."""
    file = folder / "mail.csv"
    file.write_text("text\n" + "".join(f"letter number {i} about {LABELS[i % len(LABELS)]}\n" for i in range(rows)))
    project = projects.create(workspace, "Benchmark")
    data = Dataset.open(project.data)
    data.add(file, file.name)
    for name in LABELS:
        data.labels.create(name)
    votes.set_team(data, Team("overlap", tuple(names), share=0.3, times=3))
    sharing.share(project, names)
    data.close()
    return project


# --- the people ---


def logged_in(address: str, name: str, project: str) -> Calls:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    form = urllib.parse.urlencode({"username": name, "password": PASSWORD}).encode()
    opener.open(f"{address}/login", form, timeout=60).close()
    return Calls(address, project, opener)


def labelled(address: str, project: str, names: list[str], options: argparse.Namespace) -> list[Said]:
    """All of them at once, from the same moment on."""
    calls = {name: logged_in(address, name, project) for name in names}
    said = [Said(name) for name in names]
    end = time.monotonic() + options.seconds
    busy = [threading.Thread(target=labels, args=(calls[one.who], one, end, options.pause)) for one in said]
    for one in busy:
        one.start()
    for one in busy:
        one.join()
    for one in said:
        one.until -= end - options.seconds
    return said


def labels(calls: Calls, said: Said, end: float, pause: float) -> None:
    draw, client, seq = random.Random(said.who), f"client-{said.who}", itertools.count(1)
    ids = {one["name"]: one["id"] for one in timed(said, "the labels", calls, "state")["labels"]}
    after: str | None = None
    waiting: list[dict[str, Any]] = []
    while time.monotonic() < end:
        page = timed(said, "the next texts", calls, "texts", count=FETCHED, after=after)
        if not page or not page["rows"]:
            break
        after = page["rows"][-1]["id"]
        said.dealt.update(row["id"] for row in page["rows"])
        for row in page["rows"]:
            time.sleep(draw.expovariate(1 / pause) if pause else 0)
            if time.monotonic() > end:
                break
            own = row["text"].rsplit(" ", 1)[1]
            label = ids[own if draw.random() < RIGHT else draw.choice(LABELS)]
            entry = {"row": row["id"], "label": label, "client": client, "seq": next(seq), "seconds": round(pause, 1)}
            waiting.append(entry)
            if draw.random() < BACK:
                taken = {"client": client, "seq": entry["seq"]}
                waiting.append(
                    {"row": row["id"], "label": None, "client": client, "seq": next(seq), "takes_back": taken}
                )
            if draw.random() < 0.8:
                waiting = send(calls, said, waiting, draw.random() < AGAIN)
    send(calls, said, waiting, False)
    said.until = time.monotonic()


def send(calls: Calls, said: Said, entries: list[dict[str, Any]], again: bool) -> list[dict[str, Any]]:
    """One batch; what was not saved is sent with the next. `again`: as if the first answer of the server had been lost."""
    if not entries:
        return []
    for _ in range(2 if again else 1):
        answer = timed(said, "an answer saved", calls, "put", project=calls.project, entries=entries)
    if answer is None:
        return entries
    saved = set(answer["saved"])
    for entry in entries:
        if entry["seq"] not in saved:
            said.errors.append(f"refused: {answer['refused'][:1]}")
        elif "takes_back" in entry:
            said.back.add((entry["client"], entry["takes_back"]["seq"]))
        else:
            said.sent += 1
            said.saved[entry["client"], entry["seq"]] = (entry["row"], entry["label"])
    return []


def timed(said: Said, what: str, calls: Calls, name: str, **args: Any) -> Any:
    began = time.perf_counter()
    try:
        return calls("label", name, **args)
    except Exception as error:
        said.errors.append(f"{name}: {type(error).__name__}: {error}"[:200])
        return None
    finally:
        said.times.setdefault(what, []).append(1000 * (time.perf_counter() - began))


# --- what is there afterwards ---


def checked(
    project: projects.Project, said: list[Said], told: dict[str, Any], options: argparse.Namespace
) -> dict[str, Any]:
    """Everything that is compared, and `wrong`: sentences about what is off."""
    with sqlite3.connect(project.data / "log.sqlite") as db:
        log = db.execute("SELECT who, client, client_seq, row, label, undone, seq FROM answers ORDER BY seq").fetchall()
        force = dict(db.execute("SELECT row & 1099511627775, label FROM in_force WHERE seq IS NOT NULL"))
    expected = {(one.who, *key): given for one in said for key, given in one.saved.items()}
    there = Counter((who, client, seq) for who, client, seq, *_ in log)
    stands = {(who, client, seq): (f"1:{row & (1 << 40) - 1}", label) for who, client, seq, row, label, *_ in log}
    back = {(one.who, *key) for one in said for key in one.back}
    counts = {
        "sent": sum(one.sent for one in said),
        "in the log": len(log),
        "lost": sum(key not in there for key in expected),
        "doubled": sum(n - 1 for n in there.values()),
        "not sent by anybody": sum(key not in expected for key in there),
        "another row or label": sum(key in stands and stands[key] != given for key, given in expected.items()),
        "taken back": len(back),
        "taken back, but in force": sum(
            not undone for who, client, seq, _, _, undone, _ in log if (who, client, seq) in back
        ),
        "undone, but never taken back": sum(
            bool(undone) for who, client, seq, _, _, undone, _ in log if (who, client, seq) not in back
        ),
        "errors": sum(len(one.errors) for one in said),
        "answers to texts of others": sum(given[0] not in one.dealt for one in said for given in one.saved.values()),
    }
    last = last_answers(expected, back, log)
    majority = {row: won for row, answers in last.items() if (won := most(answers)) is not None}
    counts["rows in force not as the majority"] = sum(force.get(r) != majority.get(r) for r in {*force, *majority})
    figures = {one["name"]: one["value"] for one in told["agreement"]["figures"]}
    own = {"alpha": alpha(last), "cohen": cohen(last), "fleiss": fleiss(last)}
    wrong = [f"{name}: {n}" for name, n in counts.items() if n and name not in ("sent", "in the log", "taken back")]
    wrong += [
        f"{name}: the page says {figures.get(name)}, computed here {value}"
        for name, value in own.items()
        if abs((figures.get(name) or 9) - value) > 1e-9
    ]
    done = {one["who"]: one["done"] for one in told["people"]}
    by_person = Counter(who for answers in last.values() for who in answers)
    wrong += [
        f"rows of {one.who}: the page says {done.get(one.who)}, sent {by_person[one.who]}"
        for one in said
        if done.get(one.who) != by_person[one.who]
    ]
    return {
        "people": options.people,
        "seconds": options.seconds,
        "labelled for": [round(min(one.until for one in said), 1), round(max(one.until for one in said), 1)],
        "counts": counts,
        "agreement": {name: {"page": figures.get(name), "here": value} for name, value in own.items()},
        "rows with two answers or more": told["agreement"]["rows"],
        "milliseconds": latencies(said),
        "wrong": wrong,
        "first errors": [text for one in said for text in one.errors][:5],
    }


def last_answers(expected: dict[Any, Any], back: set[Any], log: list[Any]) -> dict[int, dict[str, int]]:
    """row -> person -> label, by what the clients know; the log only tells the order."""
    found: dict[int, dict[str, int]] = {}
    for who, client, seq, *_ in log:
        if (who, client, seq) in expected and (who, client, seq) not in back:
            row, label = expected[who, client, seq]
            found.setdefault(int(row.partition(":")[2]), {})[who] = label
    return found


def most(answers: dict[str, int]) -> int | None:
    ranked = Counter(answers.values()).most_common()
    return None if len(ranked) > 1 and ranked[0][1] == ranked[1][1] else ranked[0][0]


def alpha(rows: dict[int, dict[str, int]]) -> float:
    """From the definition: all ordered pairs within rows against all ordered pairs of all answers."""
    kept = [list(row.values()) for row in rows.values() if len(row) > 1]
    n = sum(map(len, kept))
    observed = sum((a != b) / (len(row) - 1) for row in kept for a, b in itertools.permutations(row, 2)) / n
    total = Counter(value for row in kept for value in row)
    return 1 - observed / (1 - sum(k * (k - 1) for k in total.values()) / (n * (n - 1)))


def cohen(rows: dict[int, dict[str, int]]) -> float:
    """The mean over pairs of people for whom it is defined."""
    pairs: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row in rows.values():
        for a, b in itertools.combinations(sorted(row), 2):
            pairs.setdefault((a, b), []).append((row[a], row[b]))
    found = []
    for given in pairs.values():
        same = statistics.fmean(a == b for a, b in given)
        chance = sum(
            statistics.fmean(a == k for a, _ in given) * statistics.fmean(b == k for _, b in given)
            for k in {x for two in given for x in two}
        )
        if chance < 1 - 1e-12:
            found.append((same - chance) / (1 - chance))
    return statistics.fmean(found)


def fleiss(rows: dict[int, dict[str, int]]) -> float:
    kept = [list(row.values()) for row in rows.values() if len(row) > 1]
    agreed = statistics.fmean(statistics.fmean(a == b for a, b in itertools.permutations(row, 2)) for row in kept)
    total = Counter(value for row in kept for value in row)
    chance = sum((k / sum(total.values())) ** 2 for k in total.values())
    return (agreed - chance) / (1 - chance)


def latencies(said: list[Said]) -> dict[str, dict[str, float]]:
    found = {}
    for what in sorted({what for one in said for what in one.times}):
        times = sorted(ms for one in said for ms in one.times.get(what, ()))
        found[what] = {
            "n": len(times),
            "p50": statistics.median(times),
            "p95": times[int(0.95 * (len(times) - 1))],
            "max": times[-1],
        }
    return found


def show(found: dict[str, Any], options: argparse.Namespace) -> None:
    print(
        f"{os.cpu_count()} cores, {options.people} people for {options.seconds:.0f} s, {options.rows} texts, {options.pause} s a text"
    )
    print("  each labelled for {} to {} s".format(*found["labelled for"]))
    for name, n in found["counts"].items():
        print(f"  {name:34}{n:>8}")
    print(f"  {'rows with two answers or more':34}{found['rows with two answers or more']:>8}")
    for name, two in found["agreement"].items():
        print(f"  {name:10} the page {two['page']:.6f}   computed here {two['here']:.6f}")
    print(f"  {'':34}{'n':>8}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}")
    for name, one in found["milliseconds"].items():
        print(f"  {name:34}{one['n']:>8}{one['p50']:>9.1f}{one['p95']:>9.1f}{one['max']:>9.1f}")
    print("nothing is off" if not found["wrong"] else "WRONG: " + "; ".join(found["wrong"][:10]))
    for error in found["first errors"]:
        print("  ", error)


if __name__ == "__main__":
    main()
