"""Delivery by a webhook: one POST, signed if there is a secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from blackboard.board.message_delivery.delivery_queue import FailedAttempt
from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.settings.sink_sections import WebhookSection
from blackboard.sinks.message_formats import FORMS
from blackboard.system import webhook_requests
from blackboard.system.media_types import JSON_TYPE

GONE = 410


def deliver(
    webhook: WebhookSection, message: OutboxMessage, now: datetime, seconds: float, environ: Mapping[str, str]
) -> FailedAttempt | None:
    """Post a message, and return the failed attempt if the receiver refuses it; None if the receiver accepts it.

    Raises:
        ConfigurationError: The file of a secret cannot be read.
        WorkError: The receiver cannot be reached, or a secret is missing.
        ValueError: A secret is not valid.
    """
    url = webhook.url or webhook.required_secret(webhook.url_env or "", environ)
    endpoint = webhook.check_url(url)
    payload, target = FORMS[webhook.body](message, endpoint.target)
    body = json.dumps(payload, ensure_ascii=False).encode()
    headers = {"Content-Type": f"{JSON_TYPE}; charset=utf-8"}
    if webhook.secret_env is None:
        headers |= webhook_requests.identity_headers(message.message_id, now)
    else:
        headers |= webhook_requests.signature_headers(
            webhook.required_secret(webhook.secret_env, environ), message.message_id, now, body
        )
    if webhook.token_env is not None:
        headers["Authorization"] = f"Bearer {webhook.required_secret(webhook.token_env, environ)}"
    endpoint = replace(endpoint, target=target)
    response = webhook_requests.post(endpoint, body, headers, webhook.private_networks, seconds)
    if response.is_success:
        return None
    problem = f"{endpoint.host} answered with status {response.status}"
    return FailedAttempt(problem, response.retry_after(now), response.status == GONE)
