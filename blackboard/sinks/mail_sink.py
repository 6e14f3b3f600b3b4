"""Delivery by mail: one connection to an SMTP server, encrypted unless the server is in a private network."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from blackboard.board.message_delivery.delivery_queue import FailedAttempt
from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.errors import WorkError
from blackboard.settings.sink_sections import MailSection
from blackboard.sinks.message_formats import text_of
from blackboard.system.call_deadline import CallDeadline
from blackboard.system.outbound_addresses import connect_to_host


def deliver(
    mail: MailSection, message: OutboxMessage, now: datetime, seconds: float, environ: Mapping[str, str]
) -> FailedAttempt | None:
    """Send a message, and return why that failed; None if the server has accepted it.

    Raises:
        ConfigurationError: The file of the password cannot be read.
        WorkError: The server cannot be reached, its address was not checked, or the password is missing.
    """
    password = None if mail.password_env is None else mail.required_secret(mail.password_env, environ)
    is_accepted = False
    with CallDeadline(seconds) as deadline:
        try:
            with _Smtp(mail, seconds, deadline) as server:
                if mail.encryption == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if mail.user is not None and password is not None:
                    server.login(mail.user, password)
                # If some receivers are refused, there is no error: the others have the mail, and a repetition would
                # send it to them again.
                server.send_message(_mail(mail, message, now), mail.sender, list(mail.to))
                is_accepted = True
        except (OSError, smtplib.SMTPException) as error:
            if not is_accepted:  # after the acceptance, only QUIT can fail
                late = f"{mail.server} did not answer within {seconds:g} s"
                return FailedAttempt(late if deadline.is_over else _problem(mail, error))
    return None


class _Smtp(smtplib.SMTP):
    """A client that connects only to a checked address, and whose connection ends at a deadline."""

    def __init__(self, mail: MailSection, seconds: float, deadline: CallDeadline) -> None:
        self._mail, self._deadline = mail, deadline
        self._is_checked = False
        super().__init__(mail.server, mail.port_or_default, socket.gethostname(), seconds)
        if not self._is_checked:  # a version of Python that connects in another way
            self.close()
            raise WorkError(
                "this version of Python cannot check the address before it connects, so nothing was sent; "
                "use one of the tested versions, Python 3.11 to 3.14"
            )

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        is_clear = self._mail.encryption == "none"
        connection = connect_to_host(host, port, self._mail.private_networks, needs_private=is_clear)
        self._deadline.watch(connection)
        connection.settimeout(timeout)
        self._is_checked = True
        if self._mail.encryption == "tls":
            return ssl.create_default_context().wrap_socket(connection, server_hostname=host)
        return connection


def _mail(mail: MailSection, message: OutboxMessage, now: datetime) -> EmailMessage:
    """Return the mail. Line ends are left out of the title, because the library refuses line ends in headers."""
    result = EmailMessage(policy=SMTP)
    result["Subject"] = "".join(sign for sign in message.title if sign.isprintable())
    result["From"] = mail.sender
    result["To"] = ", ".join(mail.to)
    result["Date"] = format_datetime(now)
    result["Message-ID"] = f"<{message.message_id}@{mail.sender.rpartition('@')[2]}>"
    result["Auto-Submitted"] = "auto-generated"
    result.set_content(f"{text_of(message) or message.title}\n")
    return result


def _problem(mail: MailSection, error: Exception) -> str:
    """Return a description of an error, without the text that the server wrote."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{mail.server} answered with code {error.smtp_code}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"{mail.server} refused all receivers"
    return f"{mail.server}: {getattr(error, 'strerror', None) or type(error).__name__}"
