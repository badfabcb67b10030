"""The catalogue's section ``people``: the names by which rotations and policies call people, and how each is reached."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from domain.catalogue.base import ConfigModel


def _validate_user_id(value: str) -> str:
    if not re.fullmatch(r"[UW][A-Z0-9]{2,20}", value):
        raise ValueError("must be the id of a Slack user, such as U0123456789")
    return value


def _validate_phone(value: str) -> str:
    number = re.sub(r"[ ()./-]", "", value)
    if number and not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise ValueError("must be a number with its country, such as +49 30 1234567")
    return number


def _validate_email(value: str) -> str:
    if value and not re.fullmatch(r"[^@\s<>,;\"]{1,64}@[^@\s<>,;\"]{1,190}", value):
        raise ValueError("must be an e-mail address")
    return value


UserId = Annotated[str, AfterValidator(_validate_user_id)]
PhoneNumber = Annotated[str, AfterValidator(_validate_phone)]
EmailAddress = Annotated[str, AfterValidator(_validate_email)]


class PersonConfig(ConfigModel):
    """One person. ``phone`` is kept as E.164; what is empty cannot be used to reach them."""

    slack: UserId
    phone: PhoneNumber = ""
    email: EmailAddress = ""
    pagerduty: str = Field(default="", pattern=r"^([A-Z0-9]{4,20})?$")


def check_people(people: Mapping[str, PersonConfig]) -> None:
    """Raise ``ValueError`` if two people have one account: an answer of one would count as the other's."""
    for key in ("slack", "pagerduty"):
        seen: dict[str, str] = {}
        for name, person in people.items():
            account: str = getattr(person, key)
            if account and seen.setdefault(account, name) != name:
                raise ValueError(f"people: {seen[account]!r} and {name!r} have one {key} id")
