"""All spellings of one person are one subject."""

from __future__ import annotations

from pathlib import Path

import pytest

from blackboard.board import Blackboard, Deposit
from lead_desk.contact_addresses import fold_address
from lead_desk.desk_marks import Lead


@pytest.mark.parametrize(
    ("spellings", "folded"),
    [
        (("Ada@Hafen.example", "ADA@HAFEN.EXAMPLE", "Ada B <ada@hafen.example>", "mailto:ada@hafen.example."), None),
        (("bo@XN--MNCHEN-3YA.example", "Bo@M\u00dcNCHEN.example"), "bo@m\u00fcnchen.example"),
        (
            ("+49 (0)30 99999-101", "0049 30 99999 101", "tel:+49-30-99999.101", "p:+493099999101"),
            "+493099999101",
        ),
        (
            (
                "ada@hafen.example (work)",
                "'Ada@Hafen.example'",
                "\u200bada@hafen.example,",
                "MAILTO:ada@hafen.example?subject=hi",
                "ada@hafen\u3002example",
            ),
            None,
        ),
        (("stra\u00dfe@x.example", "Stra\u00dfe@X.example"), "stra\u00dfe@x.example"),
        (
            (
                "Tel. +49 30 99999101",
                "Phone: +49 30 99999 101 (mobile)",
                "whatsapp:+493099999101",
                "'+49 30 99999-101",
                "+\u0664\u0669 30 99999101",
            ),
            "+493099999101",
        ),
        (("tel:+493099999101;ext=12", "+49 30 99999101 x12"), "+493099999101x12"),
        (("(0047) 22 99 99 01", "+47 22999901"), "+4722999901"),
        (("555.0134 ext. 12", "555-0134 x12"), "5550134x12"),
        (("030 99999 04", "030/9999904"), "0309999904"),
    ],
)
def test_spellings_of_one_person_fold_to_one_text(spellings: tuple[str, ...], folded: str | None) -> None:
    assert {fold_address(text) for text in spellings} == {folded or "ada@hafen.example"}
    assert all(fold_address(fold_address(text)) == fold_address(text) for text in spellings)


@pytest.mark.parametrize(
    "text",
    [
        "lead/4711",
        "2026-11-20",
        "Ada Brandt",
        "12345",
        "a@b@c",
        "a@x.example; b@x.example",
        "192.168.10.20",
        "\u00a0",
        "0,30999E+11",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert fold_address(text) == text


def test_the_board_stores_the_one_spelling_also_for_a_kind_by_name(tmp_path: Path) -> None:
    with Blackboard.open(f"sqlite:///{tmp_path / 'b.db'}", author="webform") as board:
        board.deposit(Lead(subject="Ada@Hafen.example", message="hello"))
        board.deposit_many([Deposit("lead", "ADA@hafen.example", {"message": "again"})])
        assert [mark.subject for mark in board.marks(Lead)] == ["ada@hafen.example"] * 2
        assert board.forget("ada@hafen.example").live == 2
