"""One mail over one connection. What happened before the end of the mail was not sent; what is lost after it may have been."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from email.utils import parseaddr
from enum import StrEnum
from typing import TYPE_CHECKING

from domain.clock import Clock
from domain.errors import DeepechoError, Forbidden, PermanentError, TemporaryError, UnknownOutcome
from domain.paging.destinations import require_mail_address
from domain.paging.ways import Handover, PageMessage, Receipt, RetryRule
from domain.redaction import redact
from integrations.mail_message import page_mail

if TYPE_CHECKING:
    from aiosmtplib import SMTP

TIMEOUT_SECONDS = 7.0
"""For everything up to the mail itself, and again for the mail: both within the 15 s that one attempt to page has."""
RETRIES = RetryRule(attempts=3, initial_seconds=5.0, maximum_seconds=60.0)
"""A 4xx of a mail server (greylisting, too many at once) is often over within a minute."""
_MAX_REPLY_LENGTH = 200


class Security(StrEnum):
    """How the connection is encrypted."""

    STARTTLS = "starttls"
    """Encrypted by a command, without which nothing is said. Port 587."""
    TLS = "tls"
    """Encrypted from the first byte. Port 465."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where and how. ``certificate_authorities``: PEM, in place of those of the machine; empty for those."""

    host: str
    port: int = 587
    username: str = ""
    password: str = ""
    security: Security = Security.STARTTLS
    certificate_authorities: str = ""
    timeout_seconds: float = TIMEOUT_SECONDS

    @property
    def name(self) -> str:
        return f"mail server at {self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"MailServer({self.name})"


class SmtpMail:
    """Sends from one address."""

    name = "email"
    mirrors = False
    repeats_safely = False
    retries = RETRIES

    def __init__(self, server: MailServer, clock: Clock, sender: str) -> None:
        self.server, self._clock, self._sender = server, clock, sender

    async def send(self, message: PageMessage, destination: str) -> Receipt:
        """``destination`` is a mail address."""
        recipient = require_mail_address(destination)
        mail = page_mail(message, self._sender, recipient, self._clock.now())
        async with self._connection() as client:
            async with self._before_data(client):
                with _translate_errors(self.server, "take the mail"):
                    await client.mail(parseaddr(self._sender)[1])
                    await client.rcpt(recipient)
            with _translate_errors(self.server, "take the mail", after_data=True):
                response = await client.data(mail.as_bytes())
        return Receipt(Handover.ACCEPTED, str(mail["Message-ID"]), _one_line(response.message))

    async def ping(self) -> str:
        """Connect, encrypt and log in, as for a mail; the words say what was done. Raises as ``send`` does."""
        async with self._connection() as client, self._before_data(client):
            logged_in = f"logged in as {self.server.username}" if self.server.username else "no login"
            return f"{self.server.security.value}, {logged_in}"

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["SMTP"]:
        import aiosmtplib

        server = self.server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security is Security.TLS,
            start_tls=server.security is Security.STARTTLS,
            timeout=server.timeout_seconds,
            local_hostname=parseaddr(self._sender)[1].rpartition("@")[2],  # else the name is looked up, which may take long
            tls_context=_tls_context(server),
        )
        try:
            yield client
            await _say_goodbye(client)
        finally:
            client.close()

    @asynccontextmanager
    async def _before_data(self, client: "SMTP") -> AsyncIterator[None]:
        """Connect and log in, then what is inside; all of it within the time limit."""
        server = self.server
        try:
            async with asyncio.timeout(server.timeout_seconds):
                with _translate_errors(server, "let the bot connect"):
                    await client.connect()
                    if server.username:
                        await client.login(server.username, server.password)
                yield
        except TimeoutError as error:
            raise TemporaryError(
                f"The {server.name} did not answer within {server.timeout_seconds:g} s. Nothing was sent."
            ) from error


async def _say_goodbye(client: "SMTP") -> None:
    """The mail is with the server: how it takes the farewell changes nothing."""
    import aiosmtplib

    try:
        await client.quit(timeout=1)
    except (aiosmtplib.SMTPException, OSError):
        return


def _tls_context(server: MailServer) -> ssl.SSLContext | None:
    if server.security is Security.NONE:
        return None
    return ssl.create_default_context(cadata=server.certificate_authorities or None)


@contextmanager
def _translate_errors(server: MailServer, action: str, *, after_data: bool = False) -> Iterator[None]:
    """``after_data``: from the word DATA on, a lost answer leaves open whether the server has the mail."""
    import aiosmtplib

    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        raise _error_for_reply(server, action, error.code, error.message) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _error_for_failure(server, error, after_data=after_data) from error


def _error_for_reply(server: MailServer, action: str, code: int, text: str) -> DeepechoError:
    sentence = f"The {server.name} did not {action}: {code} {_one_line(text)}"
    if 400 <= code < 500:
        return TemporaryError(sentence)
    return Forbidden(sentence) if code in (530, 534, 535, 538) else PermanentError(sentence)


def _error_for_failure(server: MailServer, error: Exception, *, after_data: bool) -> DeepechoError:
    import aiosmtplib

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return PermanentError(f"The certificate of the {server.name} is not trusted: {cause.verify_message}.")
        cause = cause.__cause__ or cause.__context__
    # The library has no class of its own for a server without STARTTLS.
    if isinstance(error, aiosmtplib.SMTPNotSupported) or type(error) is aiosmtplib.SMTPException:
        return PermanentError(f"The {server.name} does not offer what the settings want: {_one_line(error.message).rstrip('.')}.")
    if after_data:
        return UnknownOutcome(f"The {server.name} did not say whether it took the mail: it may or may not have been sent.")
    if isinstance(error, aiosmtplib.SMTPConnectError):
        return TemporaryError(f"The {server.name} cannot be reached. Nothing was sent.")
    return TemporaryError(f"The {server.name} broke the connection. Nothing was sent.")


def _one_line(text: str) -> str:
    """A reply may have several lines, and repeats what we sent."""
    return redact(" ".join(text.split()))[:_MAX_REPLY_LENGTH]
