"""The calls of the Data tab, with real files and the real jobs behind them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from core import projects
from core.errors import DataError, Missing
from core.workspace import Workspace, new_id, write_json
from webui.calls import Here, plain
from webui.studio import LOCAL, Limits, Studio
from webui.tabs import data

MAIL = "message,topic\nWhere is my parcel?,Delivery\nMoney back please,Refund\nWhere is it?,Delivery\n,Refund\n"


@pytest.fixture
def here(workspace: Workspace):
    studio = Studio(workspace.home)
    yield Here(studio, workspace, "en", projects.create(workspace, "Mail").id)
    studio.close()


def uploaded(here: Here, text: str | bytes, name: str = "mail.csv") -> str:
    """What the upload route leaves behind."""
    upload = new_id("upload")
    folder = here.workspace.folder / "uploads" / upload
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(text.encode() if isinstance(text, str) else text)
    write_json(folder / "upload.json", {"format": 1, "file": "file", "name": name, "size": 1})
    return upload


def ended(here: Here, started: dict[str, Any]) -> dict[str, Any]:
    return plain(here.jobs.wait(started["id"], timeout=60), "en")


def loaded(here: Here, text: str | bytes = MAIL, name: str = "mail.csv", **choice: Any) -> dict[str, Any]:
    end = ended(here, data.load(here, upload=uploaded(here, text, name), **choice))
    assert end["state"] == "done", end
    return plain(data.state(here), "en")


def test_an_empty_project_offers_the_examples_of_its_language_first(here: Here):
    told = plain(data.state(here), "en")
    assert told["empty"] and told["private"] and told["limit"] == LOCAL.upload_bytes
    assert [e["id"] for e in told["examples"]] == ["bike-shop-mail", "cafe-notes-zh"]
    here.language = "zh"
    assert data.state(here)["examples"][0]["id"] == "cafe-notes-zh"


def test_every_example_holds_as_many_rows_and_labels_as_it_says(here: Here):
    for example in data.state(here)["examples"]:
        here.project_id = projects.create(here.workspace, example["id"]).id
        assert ended(here, data.example(here, example=example["id"]))["state"] == "done"
        counts = data.state(here)["counts"]
        assert (counts["rows"], len(counts["labels"])) == (example["rows"], example["labels"])


def test_an_unknown_example_is_missing(here: Here):
    with pytest.raises(Missing):
        data.example(here, example="../../etc/passwd")


def test_a_file_says_how_it_was_read_and_what_each_column_is(here: Here):
    told = loaded(here)
    (one,) = told["imports"]
    assert one["said"] == "4 rows. Read as UTF-8, comma between columns, names in the first row."
    assert told["roles"]["text"]["column"] == "message" and told["roles"]["text"]["reason"]
    assert told["roles"]["label"]["column"] == "topic"
    assert {label["name"]: label["count"] for label in told["counts"]["labels"]} == {"Delivery": 2, "Refund": 1}
    assert sorted(label["colour"] for label in told["counts"]["labels"]) == [0, 1]


def test_an_upload_is_used_up_and_its_source_kept_beside_the_data(here: Here):
    loaded(here)
    assert not list((here.workspace.folder / "uploads").iterdir())
    assert (here.project.data / "sources" / "1").read_text() == MAIL


def test_what_is_no_table_fails_with_words_and_changes_nothing(here: Here):
    end = ended(here, data.load(here, upload=uploaded(here, b"\x89PNG\r\n\x1a\n" + bytes(200), "holiday.png")))
    assert end["state"] == "failed"
    assert end["error"]["message"] == "holiday.png is a picture, not a table."
    assert "Nothing was changed" in end["error"]["fix"]
    assert data.state(here)["empty"] and not list((here.workspace.folder / "uploads").iterdir())


def test_a_demo_takes_only_so_many_rows(here: Here):
    here.studio.limits = Limits(upload_bytes=1_000_000, rows=2)
    end = ended(here, data.load(here, upload=uploaded(here, MAIL)))
    assert end["state"] == "failed" and "up to 2 rows" in end["error"]["message"]
    assert data.state(here)["empty"]


def test_a_file_can_be_looked_at_and_read_in_another_way(here: Here):
    loaded(here, "a;b\nthe first text;x\nthe second text;y\n".encode("utf-16"), "odd.csv")
    file = data.state(here)["imports"][0]["id"]
    sample = data.inspect(here, file=file, how={"delimiter": ",", "header": False})
    assert plain(sample, "en")["columns"] == ["column 1"]
    assert ended(here, data.reread(here, file=file, how={"delimiter": ",", "header": False}))["state"] == "done"
    told = data.state(here)
    assert told["counts"]["rows"] == 3 and told["imports"][0]["rereadable"]
    assert [p.name for p in (here.project.data / "sources").iterdir()] == [str(told["imports"][0]["id"])]


def test_a_way_of_reading_that_fails_leaves_the_old_reading(here: Here):
    loaded(here, b"text\n" + bytes([0xFF, 0xFE, 0x80]) + b" words\n")
    file = data.state(here)["imports"][0]["id"]
    before = data.state(here)["version"]
    with pytest.raises(Exception, match="no way to read"):
        data.inspect(here, file=file, how={"encoding": "klingon"})
    end = ended(here, data.reread(here, file=file, how={"kind": "json"}))
    assert end["state"] == "failed" and data.state(here)["version"] == before


def test_a_second_file_can_be_the_test(here: Here):
    told = loaded(here)
    told = loaded(here, "message,topic\nA new one,Delivery\nAnother,Refund\n", "later.csv", split="test")
    assert told["counts"]["test"] == 2 and [one["split"] for one in told["imports"]] == [None, "test"]
    data.use(here, file=told["imports"][1]["id"], split="validation")
    assert data.state(here)["counts"]["validation"] == 2
    data.remove(here, file=told["imports"][1]["id"])
    assert len(data.state(here)["imports"]) == 1 and not (here.project.data / "sources" / "2").exists()


def test_labels_by_hand_stay_with_equal_texts_when_a_file_is_replaced(here: Here):
    loaded(here)
    row = data.rows(here)["rows"][0]
    other = next(one["id"] for one in data.state(here)["counts"]["labels"] if one["name"] == "Refund")
    data.relabel(here, row=row["id"], label=other)
    told = loaded(here, "message,topic\nBrand new,Delivery\n" + MAIL.split("\n", 1)[1], replace=True)
    assert told["counts"]["rows"] == 5
    found = {r["text"]: r["label"]["name"] for r in data.rows(here)["rows"] if r["label"]}
    assert found["Where is my parcel?"] == "Refund" and found["Where is it?"] == "Delivery"


def test_a_label_given_in_the_table_can_be_taken_back(here: Here):
    loaded(here)
    row = data.rows(here)["rows"][0]
    back = data.relabel(here, row=row["id"], label=None)["back"]
    assert data.rows(here, label="none")["total"] == 1
    data.take_back(here, back=json.loads(json.dumps(back)))
    assert data.rows(here)["rows"][0]["label"]["name"] == "Delivery" and data.rows(here, label="none")["total"] == 0


def test_rows_are_searched_filtered_and_paged_on_the_server(here: Here):
    loaded(here, "text,label\n" + "".join(f"number {i},{'ab'[i % 2]}\n" for i in range(120)))
    assert [r["n"] for r in data.rows(here, start=100)["rows"]] == list(range(101, 121))
    assert data.rows(here, search="NUMBER 11")["total"] == 11
    label = str(data.state(here)["counts"]["labels"][0]["id"])
    assert data.rows(here, label=label)["total"] == 60
    assert sum(data.rows(here, split=s)["total"] for s in ("train", "validation", "test")) == 120
    data.exclude(here, rows=["1:0", "1:1"])
    assert data.rows(here, split="out")["total"] == 2
    assert len(data.rows(here, count=10_000)["rows"]) == 120


def test_a_row_can_be_left_out_moved_and_put_back(here: Here):
    loaded(here)
    group = data.move(here, rows=["1:0"], split="test")["group"]
    assert data.rows(here)["rows"][0]["split"] == "test"
    data.undo(here, group=group)
    assert data.rows(here)["rows"][0]["split"] == "train"
    data.exclude(here, rows=["1:0"])
    data.restore(here, rows=["1:0"])
    assert data.state(here)["counts"]["excluded"] == 0


def test_a_finding_is_mended_and_undone(here: Here):
    loaded(here)
    empty = next(f for f in data.findings(here)["findings"] if f["code"] == "empty")
    assert empty["rows"] == 1 and data.rows(here, only="finding:" + empty["id"])["total"] == 1
    group = data.fix(here, finding=empty["id"], fix=empty["fixes"][0]["id"])["group"]
    done = next(f for f in data.findings(here)["findings"] if f["code"] == "empty")
    assert done["done"] == group
    data.undo(here, group=group)
    assert next(f for f in data.findings(here)["findings"] if f["code"] == "empty")["done"] is None


def many(n: int = 2_500) -> str:
    """More rows than are measured at once, two of them near-equal, one with a mail address."""
    words = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon".split()
    texts = [" ".join(words[(i * k + k) % 20] for k in range(3, 9)) + f" {i} row{i}" for i in range(n)]
    long = "where is the parcel with the green bell that was promised for last week"
    texts += [long, long + " already", "write to ann@example.org"]
    return "text,label\n" + "".join(f"{text},{'ab'[i % 2]}\n" for i, text in enumerate(texts))


def test_what_takes_a_while_comes_from_a_job_and_is_kept(here: Here):
    loaded(here, many())
    told = plain(data.findings(here), "en")
    assert told["looking"]["state"] in ("waiting", "running")
    assert not any(f["code"] == "personal" for f in told["findings"])
    assert data.findings(here)["looking"]["id"] == told["looking"]["id"], "joined, not begun twice"
    with pytest.raises(DataError, match="still looking"):
        data.report(here, form="html")
    assert ended(here, told["looking"])["state"] == "done"
    told = plain(data.findings(here), "en")
    assert told["looking"] is None
    personal = next(f for f in told["findings"] if f["code"] == "personal")
    assert personal["examples"][0][0]["pieces"][1] == ["[mail address]", True]
    assert (personal["rows"], [fix["title"] for fix in personal["fixes"]]) == (1, ["Mask them"])
    near = next(f for f in told["findings"] if f["code"].startswith("near_"))
    assert [len(example) for example in near["examples"]] == [2]
    assert data.rows(here, only="finding:" + near["id"])["total"] == 2


def test_a_finding_of_texts_that_have_changed_is_not_mended_blindly(here: Here):
    loaded(here, many())
    ended(here, data.findings(here)["looking"])
    here.dataset.change_cell("1:0", "text", "another text")
    with pytest.raises(Missing, match="mended already, or the data has changed"):
        data.fix(here, finding="personal", fix="mask")


@pytest.mark.parametrize(("form", "sign"), [("html", "<!doctype html>"), ("md", "# ")])
def test_the_data_report_is_a_file_in_the_language_of_the_page(here: Here, form: str, sign: str):
    loaded(here)
    here.language = "zh"
    url = data.report(here, form=form)["url"]
    offer = here.studio.take(url.rsplit("/", 1)[-1])
    assert offer.name.endswith(f"-data.{form}")
    text = offer.path.read_text(encoding="utf-8")
    assert text.startswith(sign) and "数据里有什么" in text and "mail.csv" in text
    with pytest.raises(Missing):
        data.report(here, form="../../etc")


def test_shares_are_the_persons_and_out_of_range_is_said(here: Here):
    loaded(here, "text,label\n" + "".join(f"number {i},{'ab'[i % 2]}\n" for i in range(100)))
    data.shares(here, validation=0.2, test=0.3, seed=3)
    counts = data.state(here)["counts"]
    assert (counts["train"], counts["validation"], counts["test"]) == (50, 20, 30)
    with pytest.raises(Exception, match="too little to learn from"):
        data.shares(here, validation=0.5, test=0.5, seed=3)


def test_a_split_column_leaves_no_shares_to_set(here: Here):
    loaded(
        here,
        "text,label,split\n" + "".join(f"n {i},{'ab'[i % 2]},{('train', 'dev', 'test')[i % 3]}\n" for i in range(30)),
    )
    told = data.state(here)
    assert told["roles"]["split"]["column"] == "split" and not told["plan"]["shares"]
    data.roles(here, roles={"split": None})
    assert data.state(here)["plan"]["shares"]


def test_facts_speak_of_characters_where_words_are_not_set_apart(here: Here, data_dir: Path):
    source = data_dir / "messy" / "DERIVED_waimai_gb18030_crlf.csv"
    upload = uploaded(here, source.read_bytes(), source.name)
    assert ended(here, data.load(here, upload=upload))["state"] == "done"
    told = plain(data.facts(here), "en")
    assert told["unit"] == "characters" and told["language"] == "Chinese" and told["most"] > told["mean"] > 5
    assert sum(b["count"] for b in told["histogram"]) > 10_000


def test_one_import_at_a_time_is_known_to_every_window(here: Here):
    """The state names the job, so that a reload or a second window can follow it."""
    big = "text\n" + "a line of words\n" * 400_000
    started = data.load(here, upload=uploaded(here, big))
    seen = data.state(here)["job"]
    assert seen and seen["id"] == started["id"]
    data.cancel(here, job=started["id"])
    assert ended(here, started)["state"] == "cancelled"
    assert data.state(here)["empty"] and data.state(here)["job"] is None


def test_the_hub_is_refused_in_plain_words_for_what_is_no_name(here: Here):
    end = ended(here, data.hub(here, name="../etc; rm -rf"))
    assert end["state"] == "failed" and "is no name of a hub data set" in end["error"]["message"]


def test_a_source_that_is_gone_cannot_be_read_again(here: Here):
    loaded(here)
    shutil.rmtree(here.project.data / "sources")
    assert not data.state(here)["imports"][0]["rereadable"]
    with pytest.raises(Missing, match="not kept"):
        data.inspect(here, file=1, how={})
