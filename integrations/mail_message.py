"""A page as a mail, for whoever sends it."""

import hashlib
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from domain.paging.ways import PageAction, PageMessage
from domain.severities import Severity
from domain.text import shorten

MAX_SUBJECT_CHARACTERS = 200
_URGENT = {Severity.P0, Severity.P1}
_DOMAIN = "pages.deepecho.invalid"
"""Of message ids; the top-level domain is reserved, so that it is nobody's."""


def page_mail(message: PageMessage, sender: str, recipient: str, now: datetime) -> EmailMessage:
    """Write the message: a subject, the facts as plain text, the link. All mails of one page are one thread.

    The same message to the same recipient has the same ``Message-ID`` again, by which many mail programs show it once.
    """
    mail = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender)
    user, _, domain = address.rpartition("@")
    mail["From"] = Address(name, user, domain)
    mail["To"] = recipient
    mail["Subject"] = shorten(message.headline, MAX_SUBJECT_CHARACTERS)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = _message_id(message.identity, recipient)
    # The first mail of a thread need not exist: what names the same one belongs together.
    mail["References"] = mail["In-Reply-To"] = _message_id(message.dedup_key, recipient)
    mail["Auto-Submitted"] = "auto-generated"  # no out-of-office answers (RFC 3834)
    if message.severity in _URGENT and message.action is PageAction.TRIGGER:
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    mail.set_content(_body(message), cte="quoted-printable")  # a mail server may know ASCII only
    return mail


def _body(message: PageMessage) -> str:
    lines = [message.headline, "", *(f"- {fact}" for fact in message.facts)]
    if message.link:
        lines += ["", message.link]
    if message.is_test:
        lines += ["", "This is a test of the way in which pages reach you. Nothing is wrong."]
    return "\n".join(lines) + "\n"


def _message_id(what: str, recipient: str) -> str:
    digest = hashlib.sha256(f"{what}\n{recipient}".encode()).hexdigest()
    return f"<{digest[:32]}@{_DOMAIN}>"
