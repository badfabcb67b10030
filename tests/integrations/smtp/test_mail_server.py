"""Mail by a mail server: encrypted, logged in, and each refusal told apart."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.clock import SystemClock
from domain.errors import DeepechoError, Forbidden, PermanentError, TemporaryError, UnknownOutcome
from integrations.smtp import MailServer, Security, SmtpMail
from tests.harness.mail_server import PASSWORD, USERNAME, mail_server, self_signed
from tests.harness.page_messages import page_message

SENDER = "deepecho <deepecho@example.com>"
TO = "lee@example.com"


def mail(port: int, **changes: Any) -> SmtpMail:
    server = MailServer(host="127.0.0.1", port=port, security=Security.NONE, timeout_seconds=5.0)
    return SmtpMail(replace(server, **changes), SystemClock(), SENDER)


async def test_the_mail_is_encrypted_and_sent_by_who_logged_in(tmp_path: Path) -> None:
    context, authority = self_signed(tmp_path)
    async with mail_server(context, with_login=True) as server:
        way = mail(
            server.port,
            security=Security.STARTTLS,
            certificate_authorities=authority,
            username=USERNAME,
            password=PASSWORD,
            timeout_seconds=5.0,
        )
        receipt = await way.send(page_message(), TO)
        assert await way.ping() == "starttls, logged in as deepecho"

    (sent,) = server.mails
    assert (sent["To"], sent["Subject"]) == (TO, "P1 deep-echo-main: many errors in production")
    assert server.envelopes[0].mail_from == "deepecho@example.com"
    assert "- 12 % of requests fail since 03:02 UTC" in sent.get_content()
    assert receipt.reference == sent["Message-ID"]
    assert receipt.note == "OK queued as 4711"


async def test_a_server_without_encryption_gets_nothing() -> None:
    async with mail_server() as server:
        with pytest.raises(PermanentError, match="does not offer what the settings want"):
            await mail(server.port, security=Security.STARTTLS).send(page_message(), TO)
        assert server.envelopes == []


@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_a_certificate_that_is_not_trusted_gets_nothing(tmp_path: Path, wrong: str) -> None:
    context, authority = self_signed(tmp_path, "127.0.0.1" if wrong == "authority" else "mail.example.com")
    async with mail_server(context) as server:
        trusted = {} if wrong == "authority" else {"certificate_authorities": authority}
        with pytest.raises(PermanentError, match=r"The certificate of the mail server at .* is not trusted: "):
            await mail(server.port, security=Security.STARTTLS, timeout_seconds=5.0, **trusted).send(page_message(), TO)
        assert server.envelopes == []


async def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    context, authority = self_signed(tmp_path)
    async with mail_server(context, with_login=True) as server:
        way = mail(
            server.port,
            security=Security.STARTTLS,
            certificate_authorities=authority,
            username=USERNAME,
            password="hunter2hunter2",
            timeout_seconds=5.0,
        )
        with pytest.raises(Forbidden, match="did not let the bot connect: 535") as caught:
            await way.send(page_message(), TO)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(way.server)


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        ({"refuse_recipient": "550 No such user"}, PermanentError),
        ({"refuse_recipient": "450 Greylisted, come back later"}, TemporaryError),
        ({"refuse_data": "554 Looks like spam"}, PermanentError),
        ({"refuse_data": "452 Too much mail"}, TemporaryError),
        ({"refuse_data": "421 Going down"}, TemporaryError),
    ],
)
async def test_a_refusal_for_now_is_told_from_one_for_good(refusal: dict[str, str], error: type[DeepechoError]) -> None:
    async with mail_server() as server:
        for name, reply in refusal.items():
            setattr(server, name, reply)
        with pytest.raises(DeepechoError) as caught:
            await mail(server.port).send(page_message(), TO)
    assert type(caught.value) is error
    assert next(iter(refusal.values())) in str(caught.value)


async def test_a_server_that_says_nothing_at_first_had_no_mail() -> None:
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TemporaryError, match=r"Nothing was sent\.$") as caught:
            await mail(port, timeout_seconds=0.3).send(page_message(), TO)
        await gone.wait()
    assert not isinstance(caught.value, UnknownOutcome)


async def test_a_server_that_ends_within_the_greeting_had_no_mail() -> None:
    async def leave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(leave, "127.0.0.1", 0)
    async with server:
        with pytest.raises(TemporaryError, match=r"Nothing was sent\.$") as caught:
            await mail(server.sockets[0].getsockname()[1]).send(page_message(), TO)
    assert not isinstance(caught.value, UnknownOutcome)
