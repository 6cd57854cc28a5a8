"""Personal data in texts: published numbers are found, what only looks like them is not."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from core.data import personal


def kinds(text: str) -> list[tuple[str, str]]:
    return [(hit.kind, text[hit.start : hit.end]) for hit in personal.find(text)]


@pytest.mark.parametrize(
    "number",
    [
        "4111 1111 1111 1111",  # test numbers that card schemes publish
        "5500-0000-0000-0004",
        "378282246310005",
        "6011000990139424",
        "3530111333300000",
    ],
)
def test_test_numbers_of_the_card_schemes_are_found_and_with_another_digit_they_are_not(number: str) -> None:
    assert kinds(f"paid with {number} today") == [("card", number)]
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert "card" not in [kind for kind, _ in kinds(f"paid with {wrong} today")]


def test_the_example_of_the_luhn_check() -> None:
    assert personal.luhn("79927398713")
    assert not any(personal.luhn(f"7992739871{d}") for d in "012456789")


@pytest.mark.parametrize(
    "account",
    [
        "GB82 WEST 1234 5698 7654 32",
        "DE89370400440532013000",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NO93 8601 1117 947",
    ],
)
def test_examples_of_the_iban_registry_are_found(account: str) -> None:
    assert kinds(f"to {account}, please") == [("iban", account)]
    turned = account[:-2] + account[-1] + account[-2]
    assert account[-1] == account[-2] or kinds(f"to {turned}, please") == []


def test_a_word_in_capitals_behind_an_account_is_none_of_it() -> None:
    assert kinds("DE89 3704 0044 0532 0130 00 KTO") == [("iban", "DE89 3704 0044 0532 0130 00")]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("11010519491231002X", "id"),  # GB 11643
        ("12345678Z", "id"),  # DNI
        ("X1234567L", "id"),  # NIE
        ("RSSMRA85T10A562S", "id"),  # codice fiscale
        ("2 55 08 14 168 025 38", "id"),  # NIR
        ("111.444.777-35", "id"),  # CPF
        ("44051401359", "id"),  # PESEL
    ],
)
def test_published_examples_of_national_ids_are_found_and_a_slip_is_not(number: str, kind: str) -> None:
    assert kinds(f"my number {number} as asked") == [(kind, number)]
    digit = next(i for i in reversed(range(len(number) - 1)) if number[i].isdigit())
    wrong = number[:digit] + str((int(number[digit]) + 1) % 10) + number[digit + 1 :]
    assert ("id", wrong) not in kinds(f"my number {wrong} as asked")


def test_a_chinese_id_is_found_beside_chinese_characters() -> None:
    assert kinds("身份证号11010519491231002X，谢谢") == [("id", "11010519491231002X")]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("reach me at +44 20 7946 0958 tonight", "+44 20 7946 0958"),
        ("(212) 555-0123 or later", "(212) 555-0123"),
        ("Please call 09061743811 from a landline", "09061743811"),
        ("Tel.: 030 12345678", "030 12345678"),
        ("请拨打13812345678联系我", "13812345678"),
        ("客服热线：010-51236699", "010-51236699"),
        ("appelle le 01 23 45 67 89", "01 23 45 67 89"),
    ],
)
def test_phone_numbers(text: str, number: str) -> None:
    assert kinds(text) == [("phone", number)]


@pytest.mark.parametrize(
    "text",
    [
        "version 2.14.3.1 came out on 2023-10-12 at 12:30:45",
        "my order 4003600000000014 has not come",
        "订单号 13812345678 还没到",
        "it cost 1,299.00 instead of 1.299,00 euros",
        "tracking number 00340434161094015902",
        "ISBN 978-3-16-148410-0",
        "between 10.12.2023 and 11.12.2023",
        "the score was 3-2, 21-19, 15-21",
        "invoice no. 212-555-0123",
        "see 127.0.0.1 and chapter 1.2.3.4",
        "open 192.168.0.1 in the browser",
        "std::vector<int> a::b",
        "I paid 0123456789 points",
        "wait 5 to 10 minutes, 24/7, since 1999",
        "me@home and you@work",
    ],
)
def test_versions_dates_prices_and_orders_are_no_personal_data(text: str) -> None:
    assert kinds(text) == []


def test_network_addresses_are_told_from_versions() -> None:
    assert kinds("logged in from 203.0.113.77, again") == [("network", "203.0.113.77")]
    assert kinds("from 2001:db8:85a3:8d3:1319:8a2e:370:7348 too") == [
        ("network", "2001:db8:85a3:8d3:1319:8a2e:370:7348")
    ]
    assert kinds("firmware 203.0.113.77") == []


def test_masks_are_plain_words_in_the_language_of_the_texts() -> None:
    assert personal.masked("mail ann@example.org, call +44 20 7946 0958") == "mail [mail address], call [phone number]"
    assert personal.masked("请打13812345678", "zh") == "请打[电话号码]"


def test_nothing_is_found_twice_once_it_is_masked() -> None:
    text = "ann@example.org 4111 1111 1111 1111 GB82 WEST 1234 5698 7654 32 +44 20 7946 0958 203.0.113.77 12345678Z"
    assert [kind for kind, _ in kinds(text)] == ["email", "card", "iban", "phone", "network", "id"]
    assert kinds(personal.masked(text)) == []


def test_banking77_speaks_of_cards_and_numbers_but_holds_none(data_dir: Path) -> None:
    with (data_dir / "banking77/train.csv").open(encoding="utf-8", newline="") as file:
        assert [kinds(row["text"]) for row in csv.DictReader(file) if personal.find(row["text"])] == []
