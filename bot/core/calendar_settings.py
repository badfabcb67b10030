"""Settings of the calendars of on-call, which programs read at signed addresses."""

from typing import Annotated, Self

from pydantic import AfterValidator, SecretStr, model_validator

from bot.core.settings_section import SecureUrl, SettingsSection
from domain.oncall.calendar import CalendarLinks

MIN_SECRET_LENGTH = 32


def _require_long_secret(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < MIN_SECRET_LENGTH:
        raise ValueError(f"must have at least {MIN_SECRET_LENGTH} characters: who guesses it can read every calendar")
    return secret


_LongSecret = Annotated[SecretStr, AfterValidator(_require_long_secret)]


class CalendarSettings(SettingsSection):
    """``public_url`` is where calendar programs reach the bot. ``secret`` signs addresses; without it there are no calendars.

    ``previous_secret`` is still accepted: while people fetch their new addresses after ``secret`` was replaced.
    """

    secret: _LongSecret | None = None
    previous_secret: _LongSecret | None = None
    public_url: SecureUrl | None = None

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.secret is None) != (self.public_url is None):
            raise ValueError("__SECRET and __PUBLIC_URL go together; one of them is not set")
        if self.previous_secret is not None and self.secret is None:
            raise ValueError("__PREVIOUS_SECRET is set without __SECRET")
        return self

    @property
    def links(self) -> CalendarLinks:
        """What signs addresses and knows them again; without secrets it knows none."""
        secrets = [each for each in (self.secret, self.previous_secret) if each is not None]
        return CalendarLinks(self.public_url or "", tuple(each.get_secret_value().encode() for each in secrets))
