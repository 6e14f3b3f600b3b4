"""Every text can be stored, and is parsed as the answer or refused in one clear sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from blackboard.llm.answer_parser import Reply, Usage, parse_answer
from blackboard.llm.call_failures import Unusable
from tests.llm.conftest import Verdict

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def message(text: str = "", **changes: Any) -> str:
    whole = {
        "type": "message",
        "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": None},
    }
    return json.dumps({**whole, **changes})


def reason(raw: str, answer: type[BaseModel] = Verdict) -> str:
    with pytest.raises(Unusable) as raised:
        parse_answer(raw, answer)
    assert "\n" not in str(raised.value)
    str(raised.value).encode("utf-8")
    return raised.value.reason


def survives(raw: str) -> None:
    """Parse a text, and check that only `Unusable` is raised and that the reply can be stored."""
    reply = Reply.of(raw)
    assert reply.raw == raw
    for word in (reply.model, reply.stop_reason):
        assert word is None or word.encode("utf-8") is not None
    try:
        parse_answer(raw, Verdict)
    except Unusable as failure:
        str(failure).encode("utf-8")


def test_thinking_blocks_are_skipped() -> None:
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": '{"verdict":"bad",'}]
    raw = message(content=[*content, {"type": "text", "text": '"score":0}'}])
    assert parse_answer(raw, Verdict) == Verdict(verdict="bad", score=0)
    assert Reply.of(raw).usage == Usage(7, 3)


def test_a_field_that_does_not_fit_is_named() -> None:
    with pytest.raises(Unusable, match=r"does not fit Verdict: verdict: .*; score: ") as raised:
        parse_answer(message('{"verdict": "maybe", "score": 2}'), Verdict)
    assert raised.value.reason == "mismatch"


def test_each_unusable_answer_has_its_reason() -> None:
    assert reason(message("no json")) == "junk"
    assert reason(message("  ")) == "junk"
    assert reason(message(content=None)) == "no_message"
    assert reason("[]") == "no_message"
    assert reason(message('{"verdict": "\\ud800"}')) == "junk"
    assert reason(message("{}")) == "mismatch"
    assert reason(message("{}", stop_reason="refusal", stop_details={"category": "bio"})) == "refusal"
    assert reason(message("{}", stop_reason="max_tokens")) == "max_tokens"
    assert reason(message("{}", stop_reason="model_context_window_exceeded")) == "context_window"


def test_invalid_usage_is_unknown_and_not_zero() -> None:
    odd: list[Any] = [None, [], {}, {"output_tokens": -1}, {"output_tokens": 1.5}, {"output_tokens": True}]
    for usage in odd:
        assert Reply.of(message(usage=usage)).usage is None
    assert Reply.of(message(usage={"output_tokens": 1 << 70})).usage is None


@given(st.text(st.characters()) | st.binary().map(lambda junk: junk.decode("utf-8", "replace")))
def test_every_text_is_a_reply(raw: str) -> None:
    survives(raw)


@given(JSON)
def test_every_json_is_a_reply(value: Any) -> None:
    survives(json.dumps(value))


@given(JSON, JSON, JSON, JSON, JSON)
def test_a_message_with_arbitrary_fields_is_a_reply(text: Any, content: Any, stop: Any, usage: Any, model: Any) -> None:
    survives(message(content=content, stop_reason=stop, usage=usage, model=model))
    survives(message(content=[{"type": "text", "text": text}], stop_details=stop, stop_reason="refusal"))
    survives(message(json.dumps(text), usage=usage))


@pytest.mark.parametrize("raw", ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000, message("[" * 100_000)])
def test_text_that_exhausts_a_parser_is_junk(raw: str) -> None:
    survives(raw)
    assert reason(raw) in ("junk", "no_message")


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"verdict": "bad", "score": 0}\n```',
        '```\r\n{"verdict": "bad", "score": 0}\r\n```',
        'Here is the verdict:\n\n``` json\n{"verdict": "bad", "score": 0}\n```\nAsk me for more.',
        '```json {"verdict": "bad", "score": 0} ```',
        '```json\n{"verdict": "bad", "score": 0}',
        'As you asked (see {id} and [note]): {"verdict": "bad", "score": 0}',
        '{"verdict": "bad", "score": 0}\nI hope that {this} helps [really].',
        '[1] says: {"verdict": "bad", "score": 0} [2, 3]',
        '```\n# note\n```\n```json\n{"verdict": "bad", "score": 0}\n```',
        '<think>{perhaps}</think>{"verdict": "bad", "score": 0}',
        'Here it is:\n{"verdict": "bad", "score": 0}\nI hope that this helps.',
        '{"verdict": "bad", "score": 0}\n\n(The lead is not clear.)',
    ],
)
def test_json_in_fences_or_between_words_is_read(text: str) -> None:
    assert parse_answer(message(text), Verdict) == Verdict(verdict="bad", score=0)


def test_fences_inside_of_json_are_left_alone() -> None:
    text = '{"verdict": "```bad``` {or} good", "score": 0}'
    assert reason(message(text)) == "mismatch"


def test_two_fenced_blocks_are_not_an_answer() -> None:
    block = '```json\n{"verdict": "bad", "score": 0}\n```\n'
    assert reason(message(block + block)) == "junk"


def test_a_part_of_a_broken_answer_is_not_an_answer() -> None:
    with pytest.raises(Unusable) as caught:
        parse_answer(message('{"all": [{"verdict": "bad", "score": 0}, {"verdict"'), Verdict)
    assert caught.value.reason == "junk"


def test_a_byte_order_mark_before_the_message_is_skipped() -> None:
    raw = "\ufeff" + message('{"verdict": "bad", "score": 0}')
    assert Reply.of(raw).is_message
    assert parse_answer(raw, Verdict).score == 0
