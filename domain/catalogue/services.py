"""The catalogue's section ``services``: what runs each service, and where its names differ by environment."""

from typing import Self

from pydantic import Field, model_validator

from domain.catalogue.base import ConfigModel, DnsLabel
from domain.label_regex import compile_label_regex
from domain.targets import Target, WorkloadKind


class _Named(ConfigModel):
    """The name of a workload under the key of its kind."""

    deployment: DnsLabel | None = None
    statefulset: DnsLabel | None = None
    daemonset: DnsLabel | None = None

    @property
    def workloads(self) -> list[tuple[WorkloadKind, str]]:
        """The kind and the name of each key that is there: one at most, once it is validated."""
        names = {
            WorkloadKind.DEPLOYMENT: self.deployment,
            WorkloadKind.STATEFUL_SET: self.statefulset,
            WorkloadKind.DAEMON_SET: self.daemonset,
        }
        return [(kind, name) for kind, name in names.items() if name is not None]


class Placement(_Named):
    """What differs in one environment: the workload's name, its namespace, its container. What is left out is as everywhere."""

    namespace: DnsLabel | None = None
    container: DnsLabel | None = None

    @model_validator(mode="after")
    def _differs(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say what differs: deployment, statefulset, daemonset, namespace or container")
        if len(self.workloads) > 1:
            raise ValueError("say one of deployment, statefulset and daemonset")
        return self


class Service(_Named):
    """One Deployment, StatefulSet or DaemonSet that people name.

    ``tag_pattern`` says which tags may be deployed without having run here.

    ``environments`` says where its names differ, as those of Helm releases do. ``dashboard`` is the uid of its Grafana
    dashboard; ``depends_on`` names services whose changes can break this one. ``jaeger_service`` is its name in traces, where
    that is another.
    """

    container: DnsLabel
    image: str
    tag_pattern: str = r"^[A-Za-z0-9._-]+-[0-9a-f]{7}$"
    aliases: tuple[DnsLabel, ...] = ()
    team: str = ""
    dashboard: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,40}$")
    jaeger_service: str = Field(default="", max_length=200)
    depends_on: tuple[str, ...] = ()
    environments: dict[DnsLabel, Placement] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if len(self.workloads) != 1:
            raise ValueError("say exactly one of deployment, statefulset and daemonset")
        return self

    @model_validator(mode="after")
    def _pattern_compiles(self) -> Self:
        try:
            compile_label_regex(self.tag_pattern)
        except ValueError as error:
            raise ValueError(f"tag_pattern is not a regular expression that can be used: {error}") from error
        return self

    def target(self, environment: str, service: str, cluster: str, namespace: str) -> Target:
        """The workload in an environment, whose own namespace is ``namespace``. ``service`` is the name of this one."""
        here = self.environments.get(environment)
        kind, name = ((here and here.workloads) or self.workloads)[0]
        container = (here and here.container) or self.container
        return Target(environment, service, cluster, (here and here.namespace) or namespace, name, container, kind)
