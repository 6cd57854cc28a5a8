"""Thirty files that mean harm, through the real page: nothing runs, nothing hangs, no traceback, and the picker is back."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path

import pytest

from core import projects

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCRIPTS = [
    "<script>window.__hurt = 1</script>",
    "<img src=x onerror='window.__hurt = 2'>",
    "<svg onload='window.__hurt = 3'></svg>",
    "'><iframe srcdoc='<script>parent.__hurt = 4</script>'></iframe>",
    "javascript:window.__hurt=5",
    "${window.__hurt = 6}",
    "{{constructor.constructor('window.__hurt = 7')()}}",
    '=HYPERLINK("http://127.0.0.1/?"&A1, "click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u202etxt.exe\u0000\ufeff",
]


def hostile_files(folder: Path) -> list[Path]:
    """Thirty, the same at every run: scripts in every place a name or a text can stand, broken bytes, lying endings, bombs."""
    chance = random.Random(3)
    made: list[Path] = []

    def write(name: str, content: bytes | str) -> None:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        made.append(path)

    for i, script in enumerate(SCRIPTS):  # as text, label, column name and file name
        cell = '"' + script.replace('"', '""') + '"'
        rows = "".join(f"{cell} {n},{cell if n % 2 else 'plain'}\n" for n in range(12))
        name = "".join(c if c.isalnum() else "_" for c in script)[:20]
        write(f"{i:02}_{name}.csv", f"{cell},label\n{rows}")
    write("<img src=x onerror=window.__hurt=8>.csv".replace("/", ""), "text,label\na b c,x\nd e f,y\n")
    write("page.html", "<html><script>window.__hurt = 9</script></html>")
    write("page.csv", "<!doctype html><html><body><script>window.__hurt = 10</script></body></html>")
    write("deep.json", "[" * 100_000)
    write("wide.json", json.dumps([{f"c{i}": i for i in range(5_000)}]))
    write("types.jsonl", '{"text": {"a": [1]}}\n{"text": null}\n[1, 2]\n"three"\n{"label": 1e999}\n')
    write("cut.json", '[{"text": "a", "label": "b"}, {"text": "c"')
    write("nul.csv", b"text,label\n" + b"\0" * 4096)
    write("field.csv", "text,label\n" + "x" * 3_000_000 + ",y\n")
    write("quote.csv", 'text,label\n"' + "never closed\n" * 5_000)
    for i in range(4):
        write(f"noise{i}.{('csv', 'xlsx', 'parquet', 'json')[i]}", chance.randbytes(20_000))
    write("lying.parquet", "text,label\na,b\n")
    bomb = folder / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 300_000_000)
    made.append(bomb)
    entities = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
    write("entities.xlsx", entities)
    write("columns.csv", ",".join(f"c{i}" for i in range(20_000)) + "\n" + ",".join("x" for _ in range(20_000)))
    write("nothing.txt", "")
    write("program.exe", b"MZ" + chance.randbytes(2_000))
    return made


def test_thirty_hostile_files_do_no_harm(page, open_tab, server, tmp_path: Path):
    files = hostile_files(tmp_path)
    assert len(files) >= 30
    for path in files:
        open_tab(page, of=projects.create(server.workspace, path.name[:30]))
        with page.expect_file_chooser() as chooser:
            page.locator("#page-data button.dt-drop").click()
        chooser.value.set_files(path)
        page.wait_for_selector("#page-data .dt-rows tbody tr, #page-data [role=alert]", timeout=60_000)
        said = page.locator("body").inner_text()
        assert "Traceback" not in said and 'File "' not in said, path.name
        assert page.evaluate("window.__hurt") is None, path.name
