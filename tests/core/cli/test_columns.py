"""How columns are named on the command line."""

from __future__ import annotations

import pytest

from core.cli.inputs import columns_named

NAMES = ["Subject", "body", "a,b"]


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        (" subject ", "Subject"),
        ("subject, body", ["Subject", "body"]),
        ("A,B", "a,b"),
        ("nothing", "nothing"),
        ("{Subject}, then {body}", "{Subject}, then {body}"),
        (r"{Subject}\n{body}", "{Subject}\n{body}"),
    ],
)
def test_a_column_several_or_a_template(wanted, meant):
    assert columns_named(NAMES, wanted) == meant
