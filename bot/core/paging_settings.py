"""Settings of the ways in which pages go out. A way without its section does not exist; policies that name it are refused."""

from email.utils import parseaddr
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bot.core.settings_section import SecureUrl, SettingsSection, is_local_host

DestinationName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""The name of a PagerDuty service or of a webhook; lower case, as environment variables are read."""
Region = Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$")]
"""A region of AWS, such as ``eu-central-1``."""
MIN_SECRET_LENGTH = 16


def _require_routing_key(key: SecretStr) -> SecretStr:
    value = key.get_secret_value()
    if len(value) != 32 or not value.isalnum() or not value.isascii():
        raise ValueError("must be an integration key of Events API v2: 32 letters and digits")
    return key


def _require_long_secret(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < MIN_SECRET_LENGTH:
        raise ValueError(f"must have at least {MIN_SECRET_LENGTH} characters: who guesses it can forge pages")
    return secret


def _require_address(value: str) -> str:
    _, address = parseaddr(value)
    user, _, host = address.rpartition("@")
    if not user or not host or not value.isprintable():
        raise ValueError("must be a mail address, such as deepecho@example.com or deepecho <deepecho@example.com>")
    return value


_RoutingKey = Annotated[SecretStr, AfterValidator(_require_routing_key)]
_LongSecret = Annotated[SecretStr, AfterValidator(_require_long_secret)]
_MailAddress = Annotated[str, AfterValidator(_require_address)]


class PagerDutySettings(SettingsSection):
    """``routing_keys``: the integration key (Events API v2) of each service, by a name of your own that policies use.

    ``api_token`` (REST) and ``user_email`` (in whose name it writes) are needed for acknowledgements that no webhook brought,
    for schedules and for `check`. ``webhook_secrets``: of each v3 subscription, given once when it is created.
    """

    routing_keys: dict[DestinationName, _RoutingKey] = Field(default_factory=dict)
    api_token: SecretStr | None = None
    user_email: _MailAddress | None = None
    webhook_secrets: dict[DestinationName, SecretStr] = Field(default_factory=dict)
    events_url: SecureUrl = "https://events.pagerduty.com"
    api_url: SecureUrl = "https://api.pagerduty.com"
    """Accounts of the EU region: https://events.eu.pagerduty.com and https://api.eu.pagerduty.com."""

    @model_validator(mode="after")
    def _can_do_something(self) -> Self:
        if not self.routing_keys and self.api_token is None:
            raise ValueError("__ROUTING_KEYS__<NAME> and __API_TOKEN are not set; one of them is needed")
        if self.api_token is not None and self.user_email is None:
            raise ValueError("__USER_EMAIL is not set: PagerDuty wants to know in whose name the token acts")
        return self


class SmsSettings(SettingsSection):
    """SMS by AWS SNS. Credentials come from where AWS's tools look for them: the pod's role, variables, a profile."""

    region: Region
    sender_id: str = Field(default="", pattern=r"^([A-Za-z0-9]{1,11})?$")
    """Shown as the sender, in countries that allow it; 11 letters and digits."""
    max_parts: int = Field(default=3, ge=1, le=10)
    """Parts of a longer SMS are paid one by one."""
    endpoint_url: SecureUrl | None = None


class SesSettings(SettingsSection):
    """Mail by AWS SES. The sender's address or domain has to be verified there."""

    region: Region
    sender: _MailAddress
    configuration_set: str = ""
    endpoint_url: SecureUrl | None = None


class SmtpSettings(SettingsSection):
    """Mail by a mail server. ``security``: ``starttls`` (port 587), ``tls`` from the first byte (465), none to this machine."""

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    sender: _MailAddress
    username: str = ""
    password: SecretStr | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"

    @model_validator(mode="after")
    def _hides_secrets(self) -> Self:
        if bool(self.username) != (self.password is not None):
            raise ValueError("__USERNAME and __PASSWORD belong together")
        if self.security == "none" and not is_local_host(self.host):
            raise ValueError("__SECURITY=none is for a mail server on this machine; pages would be readable on their way")
        return self


class PageWebhookSettings(SettingsSection):
    """Another system that takes pages. Each request is signed with ``secret``: ``docs/paging-webhook.md``."""

    url: SecureUrl
    secret: _LongSecret
