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

    @property
    def recreated_text(self) -> str:
        """What to say where another object has the name by now: its uid is not the one that was planned for."""
        return f"{self} was deleted and made anew in the meantime."
