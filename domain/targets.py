"""Which Deployment a service is in an environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One Deployment in one environment, named the way people and the cluster name it."""

    environment: str
    service: str
    cluster: str
    namespace: str
    deployment: str
    container: str

    def __str__(self) -> str:
        return f"{self.service} in {self.environment}"
