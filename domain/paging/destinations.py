"""Where pages go: phone numbers and mail addresses, as all ways understand them."""

import re
from collections.abc import Collection

from domain.errors import PermanentError
from domain.rich_text import Code, sentence

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_MAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
"""Letters of other scripts need SMTPUTF8, which few mail servers have."""


def is_phone_number(text: str) -> bool:
    """Whether it is a number in E.164: a plus, the country's code, at most 15 digits, nothing between them."""
    return _E164.fullmatch(text) is not None


def is_mail_address(text: str) -> bool:
    """Whether it is a bare address, without a name."""
    return _MAIL.fullmatch(text) is not None


def require_phone_number(text: str) -> str:
    """Raise ``PermanentError`` for what is no number in E.164."""
    if not is_phone_number(text):
        raise PermanentError(f"{shown(text)} is no phone number of the form +491701234567, so no SMS can go there.")
    return text


def require_mail_address(text: str) -> str:
    """Raise ``PermanentError`` for what is no mail address."""
    if not is_mail_address(text):
        raise PermanentError(f"{shown(text)} is no mail address, so no mail can go there.")
    return text


def choose_name(name: str, known: Collection[str], kind: str) -> str:
    """The name of a service or webhook of the settings; of a policy that names none, the only one there is.

    Raises ``PermanentError`` where it is not known.
    """
    if name in known:
        return name
    if not name and len(known) == 1:
        return next(iter(known))
    there = ", ".join(sorted(known)) or "none"
    what = sentence("There is no ", kind, " ", Code(name)) if name else f"The policy names no {kind}"
    raise PermanentError(sentence(what, f"; the settings have {there}."))


def shown(text: str) -> str:
    """What was given, for a sentence."""
    return f"“{text[:60]}”" if text else "Nothing"


def masked_number(number: str) -> str:
    """``+49…567``: enough to know whose it is. Whole numbers do not belong into channels and logs."""
    return f"{number[:3]}…{number[-3:]}"
