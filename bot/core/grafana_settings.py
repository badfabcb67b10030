"""Settings of Grafana: the tokens of service accounts. Its addresses are in the catalogue."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from bot.core.settings_section import SettingsSection
from domain.catalogue.base import DNS_LABEL

_EnvironmentName = Annotated[str, Field(pattern=f"^{DNS_LABEL}$")]


class GrafanaSettings(SettingsSection):
    """``token``: of every Grafana that has none of its own in ``tokens``, by the name of the environment.

    Role Viewer finds dashboards; annotations need the permissions annotations:create, :write, :delete and :read for
    annotations of the organization.
    """

    token: SecretStr | None = None
    tokens: dict[_EnvironmentName, SecretStr] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_a_token(self) -> Self:
        if self.token is None and not self.tokens:
            raise ValueError("__TOKEN and __TOKENS__<ENVIRONMENT> are not set; one of them is needed")
        return self

    def token_of(self, environment: str) -> str:
        """The token for an environment's Grafana; empty where there is none."""
        token = self.tokens.get(environment, self.token)
        return token.get_secret_value() if token else ""
