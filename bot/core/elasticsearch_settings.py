"""Settings of Elasticsearch and OpenSearch: accounts. Addresses are in the catalogue."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from bot.core.settings_section import SettingsSection
from domain.catalogue.base import DNS_LABEL

_EnvironmentName = Annotated[str, Field(pattern=f"^{DNS_LABEL}$")]


class ElasticsearchSettings(SettingsSection):
    """An API key, or a user with a password, for every log server; ``api_keys`` by the name of an environment go before.

    The account needs read and view_index_metadata on the indices with log lines, and nothing else.
    """

    api_key: SecretStr | None = None
    api_keys: dict[_EnvironmentName, SecretStr] = Field(default_factory=dict)
    username: str = ""
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _has_an_account(self) -> Self:
        if bool(self.username) != (self.password is not None):
            raise ValueError("__USERNAME and __PASSWORD belong together")
        if not (self.api_key or self.api_keys or self.username):
            raise ValueError("__API_KEY, __API_KEYS__<ENVIRONMENT> or __USERNAME is needed")
        return self

    def api_key_of(self, environment: str) -> str:
        """The API key for an environment's log server; empty where there is none."""
        key = self.api_keys.get(environment, self.api_key)
        return key.get_secret_value() if key else ""
