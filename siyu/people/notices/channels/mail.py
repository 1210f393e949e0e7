"""E-mail through an SMTP server: ``smtp://user:password@host:587?from=shop@example.com``, ``smtps://`` for TLS from the start."""

import asyncio
import hashlib
import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

from siyu.people.notices.ports import Later, Letter, Never

_TIMEOUT_S = 3.0
"""For each step of the conversation."""


class Mail:
    """Sends letters by e-mail. A letter's Message-ID follows from its key, so a repetition is recognised as one."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or (465 if self._tls else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._from = parse_qs(parts.query)["from"][0]

    async def send(self, letter: Letter) -> None:
        """See ``Channel``."""
        if "@" not in letter.to or any(one.isspace() for one in letter.to):
            raise Never("no_address")
        await asyncio.to_thread(self._send, letter)

    def _send(self, letter: Letter) -> None:
        message = EmailMessage()
        message["From"], message["To"] = self._from, letter.to
        message["Subject"] = " ".join(letter.subject.split())
        digest = hashlib.sha256(f"{letter.brand_id}/{letter.key}".encode()).hexdigest()[:40]
        message["Message-ID"] = f"<{digest}@{self._from.rpartition('@')[2]}>"
        message.set_content(letter.text)
        try:
            with self._connected() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refusal:
            codes = [code for code, _ in refusal.recipients.values()]
            raise _judged(max(codes, default=0)) from None
        except smtplib.SMTPAuthenticationError:
            raise Later("mail_sign_in") from None
        except smtplib.SMTPResponseException as refusal:
            raise _judged(refusal.smtp_code) from None
        except (OSError, smtplib.SMTPException):
            raise Later("unreachable") from None

    def _connected(self) -> smtplib.SMTP:
        if self._tls:
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=_TIMEOUT_S, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_S)
            server.ehlo_or_helo_if_needed()
            if server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
            elif self._user:
                server.close()
                raise Later("mail_not_encrypted")  # a password is not said in clear
        if self._user:
            server.login(self._user, self._password)
        return server


def _judged(code: int) -> Later | Never:
    return Never(f"mail_{code}") if 500 <= code < 600 else Later(f"mail_{code}")
