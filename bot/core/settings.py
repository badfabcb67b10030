"""Secrets and addresses, from environment variables or mounted files. Services, environments and roles are in the catalogue."""

import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bot.core.calendar_settings import CalendarSettings
from bot.core.elasticsearch_settings import ElasticsearchSettings
from bot.core.grafana_settings import GrafanaSettings
from bot.core.paging_settings import (
    DestinationName,
    PagerDutySettings,
    PageWebhookSettings,
    SesSettings,
    SmsSettings,
    SmtpSettings,
)
from bot.core.settings_section import SettingsSection, is_encrypted
from domain.catalogue.alerts import SOURCE_NAME
from domain.errors import DeepechoError
from domain.text import nearest
from runbooks.housekeeping import Retention

ENV_PREFIX = "DEEPECHO_"
SECRETS_DIR = f"{ENV_PREFIX}SECRETS_DIR"
_TEST_PREFIX = f"{ENV_PREFIX}TEST_"

Port = Annotated[int, Field(ge=0, le=65535)]
Days = Annotated[int, Field(ge=1, le=3650)]


class InvalidSettings(DeepechoError):
    """The settings are invalid. Each line names a variable; none shows a value."""


class SlackSettings(SettingsSection):
    """Access to Slack. ``mode``: ``socket`` connects to Slack; ``http`` lets Slack call us, which suits several replicas."""

    bot_token: SecretStr
    app_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    api_url: str = "https://slack.com/api/"
    mode: Literal["socket", "http"] = "socket"
    replicas: int = Field(default=1, ge=1, le=10)
    """Processes that share the app. Slack spreads payloads over all its connections, so a forgotten process swallows clicks."""

    @field_validator("api_url")
    @classmethod
    def _ends_with_slash(cls, url: str) -> str:
        if not is_encrypted(url):
            raise ValueError("must be an https address; tokens travel over it")
        return url if url.endswith("/") else f"{url}/"

    @model_validator(mode="after")
    def _mode_has_its_secret(self) -> Self:
        if self.mode == "socket" and self.app_token is None:
            raise ValueError("__APP_TOKEN is not set, and Socket Mode needs it")
        if self.mode == "http" and self.signing_secret is None:
            raise ValueError("__SIGNING_SECRET is not set, and Slack over HTTP needs it")
        return self


class HttpSettings(SettingsSection):
    """Where the HTTP server listens, and its limits. Port 0 takes any free port."""

    host: str = "127.0.0.1"
    port: Port = 8080
    management_host: str = ""
    """Of the port for health and metrics; empty: ``host``."""
    management_port: Port | None = None
    """Serves health and metrics in place of ``port``, which then serves only Slack and webhooks and may be published."""
    max_connections: int = Field(default=500, ge=10, le=10_000)
    max_connections_per_peer: int = Field(default=400, ge=1, le=10_000)
    """From one address. Behind a proxy all come from one, so that it must not be small there."""
    read_timeout: float = Field(default=10.0, ge=1, le=120)
    """Seconds for all headers of a request, and for its body."""
    keepalive_timeout: float = Field(default=75.0, ge=1, le=3600)
    """Seconds between two requests of a connection. More than the proxy's, or its next request meets a closed connection."""

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if self.management_port and self.management_port == self.port and self.management_host in ("", self.host):
            raise ValueError(f"__MANAGEMENT_PORT is the same as {ENV_PREFIX}HTTP__PORT; leave it out to serve everything there")
        return self


class LogSettings(SettingsSection):
    """``format``: JSON lines, or colours for a terminal; empty chooses by whether stderr is a terminal."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """At ``DEBUG`` the log tells each station of an operation, a message and an alert. In either case."""
    format: Literal["json", "console", ""] = ""

    @field_validator("level", mode="before")
    @classmethod
    def _in_capitals(cls, level: Any) -> Any:
        return level.upper() if isinstance(level, str) else level


class WebhookSettings(SettingsSection):
    """Bearer tokens of webhooks. A webhook without a token is not served.

    ``alertmanager_tokens``: one for each named source of alerts, by its name, which is the last part of its webhook's path.
    """

    alertmanager_token: SecretStr | None = None
    alertmanager_tokens: dict[Annotated[str, Field(pattern=f"^{SOURCE_NAME}$")], SecretStr] = Field(default_factory=dict)

    @property
    def tokens_by_source(self) -> Mapping[str, str]:
        """The token of each source of alerts; that of the path without a name under the empty name."""
        unnamed = {} if self.alertmanager_token is None else {"": self.alertmanager_token}
        return {name: token.get_secret_value() for name, token in (unnamed | self.alertmanager_tokens).items()}


class RetentionSettings(SettingsSection):
    """For how many days things are kept after their end; see ``runbooks.housekeeping.Retention``."""

    messages: Days = 30
    cards: Days = 365
    alerts: Days = 30
    incidents: Days = 365
    operations: Days = 365
    workflows: Days = 7
    images: Days = 365

    @property
    def periods(self) -> Retention:
        """The same as spans of time."""
        return Retention(**{name: timedelta(days=days) for name, days in self.model_dump().items()})


class Settings(BaseSettings):
    """All settings. ``bot.__main__`` makes them once, through ``load_settings``."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        secrets_nested_delimiter="__",
        secrets_dir_missing="error",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    slack: SlackSettings
    data_dir: Path = Path("data")
    database_url: SecretStr | None = None
    catalogue: Path = Path("deepecho.yaml")
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    webhooks: WebhookSettings = WebhookSettings()
    calendar: CalendarSettings = CalendarSettings()
    retention: RetentionSettings = RetentionSettings()
    grafana: GrafanaSettings | None = None
    elasticsearch: ElasticsearchSettings | None = None
    pagerduty: PagerDutySettings | None = None
    sms: SmsSettings | None = None
    ses: SesSettings | None = None
    smtp: SmtpSettings | None = None
    page_webhooks: dict[DestinationName, PageWebhookSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way_of_mail(self) -> Self:
        if self.ses is not None and self.smtp is not None:
            raise ValueError(f"{ENV_PREFIX}SES and {ENV_PREFIX}SMTP are both set: mail goes one way, choose it")
        return self

    @property
    def database(self) -> str:
        """The database URL, by default SQLite in the data folder. It may contain a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir / 'deepecho.sqlite'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment variables, then files. pydantic's default file source silently ignores nested names."""
        return init_settings, env_settings, NestedSecretsSettingsSource(file_secret_settings)


def load_settings() -> Settings:
    """Load the settings. Raises ``InvalidSettings``, which names every variable that is missing or wrong."""
    _refuse_unknown(os.environ)
    try:
        return Settings(_secrets_dir=os.environ.get(SECRETS_DIR) or None)
    except ValidationError as error:
        raise InvalidSettings("\n".join(_sentence(each) for each in error.errors(include_url=False))) from None
    except SettingsError as error:
        raise InvalidSettings(f"The settings cannot be read: {error}.") from None


def _refuse_unknown(environment: Iterable[str]) -> None:
    """A misspelt name would silently keep a default, for example another database."""
    known_names = {f"{ENV_PREFIX}{name}".upper() for name in Settings.model_fields} | {SECRETS_DIR}
    for name in sorted(each.upper() for each in environment):
        if name.startswith(ENV_PREFIX) and not name.startswith(_TEST_PREFIX) and name.split("__")[0] not in known_names:
            similar = nearest(name.split("__")[0].lower(), [each.lower() for each in known_names], max_results=1)
            hint = f" Did you mean {similar[0].upper()}?" if similar else ""
            raise InvalidSettings(f"{name} is not a setting.{hint}")


def _sentence(error: Mapping[str, Any]) -> str:
    name = ENV_PREFIX + "__".join(str(part) for part in error["loc"]).upper()
    match error["type"]:
        case "missing" if error["loc"] == ("slack",):
            return f"{name}__BOT_TOKEN is not set."
        case "missing":
            return f"{name} is not set."
        case "extra_forbidden":
            return f"{name} is not a setting."
        case "value_error":
            message = str(error["ctx"]["error"])
            if not error["loc"]:
                return f"{message}."
            return f"{name}{'' if message.startswith('__') else ' '}{message}."
        case _:
            return f"{name} is not valid: {error['msg'][:1].lower()}{error['msg'][1:]}."
