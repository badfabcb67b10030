"""A real mail server (aiosmtpd) on loopback that keeps what it gets and refuses what it is told to."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USERNAME, PASSWORD = "deepecho", "mail-password"


@dataclass
class RunningMailServer:
    """``refuse_recipient`` and ``refuse_data``: a reply such as ``550 No such user``, in place of taking it."""

    port: int = 0
    refuse_recipient: str = ""
    refuse_data: str = ""
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        """What arrived, parsed."""
        return [message_from_bytes(_content(each), policy=default) for each in self.envelopes]

    async def handle_RCPT(self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuse_data:
            return self.refuse_data
        self.envelopes.append(envelope)
        return "250 OK queued as 4711"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        self.logins.append(login.login.decode())
        is_right = (login.login, login.password) == (USERNAME.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)


def _content(envelope: Envelope) -> bytes:
    assert isinstance(envelope.content, bytes)
    return envelope.content


@asynccontextmanager
async def mail_server(certificate: ssl.SSLContext | None = None, *, with_login: bool = False) -> AsyncIterator[RunningMailServer]:
    """With a ``certificate``, STARTTLS is offered and nothing is taken without it."""
    running = RunningMailServer()

    def protocol() -> SMTP:
        return SMTP(
            running,
            hostname="mail.test",
            tls_context=certificate,
            require_starttls=certificate is not None,
            authenticator=running.authenticate if with_login else None,
            auth_required=with_login,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        await asyncio.sleep(0)


def self_signed(folder: Path, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, str]:
    """A server's TLS context for an address or a name, and its certificate in PEM, to be trusted or not."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    kind = x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([kind]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "mail.pem"
    file.write_bytes(private + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, pem.decode()
