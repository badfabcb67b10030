"""The catalogue's section ``services``: what runs each service, and where its names differ by environment."""

from typing import Self

from pydantic import Field, model_validator

from domain.catalogue.base import ConfigModel, DnsLabel
from domain.label_regex import compile_label_regex


class Placement(ConfigModel):
    """What differs in one environment: the Deployment's name, its namespace, its container. What is left out is as everywhere."""

    deployment: DnsLabel | None = None
    namespace: DnsLabel | None = None
    container: DnsLabel | None = None

    @model_validator(mode="after")
    def _differs(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say what differs: deployment, namespace or container")
        return self


class Service(ConfigModel):
    """One Deployment that people name. ``tag_pattern`` says which tags may be deployed without having run here.

    ``environments`` says where its names differ, as those of Helm releases do. ``dashboard`` is the uid of its Grafana
    dashboard; ``depends_on`` names services whose changes can break this one.
    """

    deployment: DnsLabel
    container: DnsLabel
    image: str
    tag_pattern: str = r"^[A-Za-z0-9._-]+-[0-9a-f]{7}$"
    aliases: tuple[DnsLabel, ...] = ()
    team: str = ""
    dashboard: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,40}$")
    depends_on: tuple[str, ...] = ()
    environments: dict[DnsLabel, Placement] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _pattern_compiles(self) -> Self:
        try:
            compile_label_regex(self.tag_pattern)
        except ValueError as error:
            raise ValueError(f"tag_pattern is not a regular expression that can be used: {error}") from error
        return self

    def placement(self, environment: str, namespace: str) -> tuple[str, str, str]:
        """Namespace, Deployment and container in an environment, whose own namespace is ``namespace``."""
        here = self.environments.get(environment)
        if here is None:
            return namespace, self.deployment, self.container
        return here.namespace or namespace, here.deployment or self.deployment, here.container or self.container
