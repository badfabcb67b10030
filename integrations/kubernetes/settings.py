"""Settings of a cluster: address, credentials and time limits."""

from dataclasses import dataclass
from pathlib import Path

SERVICE_ACCOUNT_DIRECTORY = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Eks:
    """An EKS cluster, accessed with AWS credentials from the environment.

    ``certificate_authority`` is base64, as ``aws eks describe-cluster`` prints it. Without it or ``endpoint``, AWS is asked.
    """

    cluster: str
    region: str
    endpoint: str = ""
    certificate_authority: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """One cluster: exactly one of ``in_cluster``, ``kubeconfig`` and ``eks``. Times are seconds."""

    name: str
    in_cluster: bool = False
    kubeconfig: str = ""
    """A file, or several joined by ``:`` as in ``$KUBECONFIG``."""
    context: str = ""
    """Empty: the kubeconfig's current context."""
    eks: Eks | None = None
    connect_timeout: float = 5
    total_timeout: float = 30
    watch_timeout: int = 240
    """Duration of one watch on the server; below the five minutes after which etcd compaction drops old versions."""
    watch_idle_timeout: float = 30
    """A watch without data for so long is resumed: its connection may be dead, and resuming loses no event."""
    rights_patience: float = 60
    """How long the refusal of a right that was held a moment ago may pass: a starting API server refuses what it allows."""
    unreadable_patience: float = 10
    """How long answers may come that no API server gives, such as a proxy's page while it restarts."""
    argocd_namespace: str = "argocd"
    service_account: Path = SERVICE_ACCOUNT_DIRECTORY
    """The directory of token and certificate, for ``in_cluster``."""

    def __post_init__(self) -> None:
        auth_methods = [self.in_cluster, bool(self.kubeconfig), self.eks is not None]
        if sum(auth_methods) != 1:
            raise ValueError(f"cluster {self.name}: set exactly one of in_cluster, kubeconfig and eks")
