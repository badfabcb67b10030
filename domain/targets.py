"""The Deployment that runs a service in an environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One Deployment in one environment, under the names of the catalogue and of the cluster."""

    environment: str
    service: str
    cluster: str
    namespace: str
    deployment: str
    container: str

    def __str__(self) -> str:
        return f"{self.service} in {self.environment}"
