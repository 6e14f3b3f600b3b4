"""A code page is recognized by the words that it gives, and Unicode by its byte order marks and zeros."""

from __future__ import annotations

import codecs
import random

import pytest

from blackboard.system.encoding_detection import UnicodeForm, find_code_page, find_unicode_form

TEXTS = [
    ("cp1250", "Paweł Nowak, chciałbym umówić się na spotkanie w piątek"),
    ("cp1250", "Michał"),
    ("cp1250", "Łukasz Wiśniewski"),
    ("cp1250", "Dobrý den, měli bychom zájem o schůzku příští týden"),
    ("cp1250", "Jiří Dvořák"),
    ("cp1250", "Kovačić"),
    ("cp1250", "Jó napot, időpontot szeretnék kérni jövő hétre"),
    ("cp1250", "Bună ziua, aş dori o întâlnire în Bucureşti"),
    ("iso8859-2", "chciałbym umówić się w piątek po śniadaniu"),
    ("cp1252", "Jürgen Müller, Straße 5, Köln"),
    ("cp1252", "naïve café"),
    ("cp1252", "Müller, Muñoz, Sørensen, Hélène, Åkesson, François, João, Škoda"),
    ("cp1252", "Preis 500 € – „Angebot“ für 20 m² … ©"),
    ("cp1252", "l’équipe à Genève, première, succès, où, œuvre"),
    ("cp1252", "reuniões, não, você, perché, città, mañana, blåbær"),
    ("mac-roman", "Jürgen Müller, Straße 5, Köln"),
    ("cp850", "schöne Grüße aus München"),
    ("cp1251", "Иван Петров, хотел бы встречу"),
    ("cp1253", "Θα ήθελα μια συνάντηση"),
    ("cp1254", "Ayşe Yılmaz, görüşmek istiyorum, İstanbul"),
    ("cp1255", "שלום אני רוצה פגישה"),
    ("cp1257", "Jānis Bērziņš, Rīga"),
]  # fmt: skip


@pytest.mark.parametrize(("code_page", "text"), TEXTS)
def test_the_words_of_a_text_tell_its_code_page(code_page: str, text: str) -> None:
    assert find_code_page(text.encode(code_page)) == code_page


@pytest.mark.parametrize("encoding", ["shift_jis", "euc-jp", "koi8-r", "cp866"])
def test_a_text_of_no_known_words_has_no_code_page(encoding: str) -> None:
    texts = {
        "koi8-r": "Здравствуйте, Иван",
        "cp866": "Иван и Мария",
    }
    text = texts.get(encoding, "打ち合わせをお願いします")
    assert find_code_page(text.encode(encoding)) is None


def test_bytes_at_random_have_no_code_page() -> None:
    assert find_code_page(random.Random(3).randbytes(20_000)) is None
    assert find_code_page(b"plain") is None


def test_a_word_in_several_alphabets_has_no_code_page() -> None:
    assert find_code_page("дом".encode("cp1251")) is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
def test_a_mark_tells_the_unicode_encoding(encoding: str) -> None:
    mark = "﻿".encode(encoding)
    assert find_unicode_form(mark + "Kühn".encode(encoding)) == UnicodeForm(encoding, mark)


def test_zeros_tell_utf_16_without_a_mark() -> None:
    assert find_unicode_form("room,Kühn\n".encode("utf-16-le")) == UnicodeForm("utf-16-le")
    assert find_unicode_form("room,Kühn\n".encode("utf-16-be")) == UnicodeForm("utf-16-be")
    assert find_unicode_form(b"room\x00,x") is None
    assert find_unicode_form(b"room,K\xfchn") is None
    assert find_unicode_form(codecs.BOM_UTF16_LE) == UnicodeForm("utf-16-le", codecs.BOM_UTF16_LE)
