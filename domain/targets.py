"""The workload that runs a service in an environment."""

from dataclasses import dataclass
from enum import StrEnum


class WorkloadKind(StrEnum):
    """The kinds of workload that a service can be, as Kubernetes names them."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"


@dataclass(frozen=True, slots=True)
class Target:
    """One workload in one environment, under the names of the catalogue and of the cluster."""

    environment: str
    service: str
    cluster: str
    namespace: str
    deployment: str
    """The name of the workload, whichever its kind."""
    container: str
    kind: WorkloadKind = WorkloadKind.DEPLOYMENT

    def __str__(self) -> str:
        return f"{self.service} in {self.environment}"

    @property
    def recreated_text(self) -> str:
        """What to say where another object has the name by now: its uid is not the one that was planned for."""
        return f"{self} was deleted and made anew in the meantime."
