"""`serve_model` answers by a function, as the Messages API does."""

from __future__ import annotations

import pytest
from anthropic import Anthropic, InternalServerError
from pydantic import BaseModel

from blackboard.testing import serve_model


class Sum(BaseModel):
    sum: int


def ask(client: Anthropic, data: str) -> Sum | None:
    message = client.messages.parse(
        model="claude-sonnet-5-5",
        max_tokens=100,
        messages=[{"role": "user", "content": data}],
        output_format=Sum,
    )
    assert message.usage.input_tokens > message.usage.output_tokens > 0
    return message.parsed_output


def test_a_function_answers_and_a_call_is_refused() -> None:
    with (
        serve_model(lambda data: Sum(sum=sum(data)), overloaded_every=3) as variables,
        Anthropic(
            api_key=variables["ANTHROPIC_API_KEY"], base_url=variables["ANTHROPIC_BASE_URL"], max_retries=0
        ) as client,
    ):
        assert ask(client, "[1, 2]") == Sum(sum=3)
        assert ask(client, "[3, 4]") == Sum(sum=7)
        with pytest.raises(InternalServerError, match="Overloaded"):
            ask(client, "[5]")
        assert ask(client, "[5]") == Sum(sum=5)
