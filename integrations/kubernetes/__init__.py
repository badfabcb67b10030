"""Kubernetes client: reads Deployments, their history and pods, and applies the bot's changes to them.

Permissions and retries belong to the callers; the type of an error tells whether a retry can help.
The Kubernetes library (35 MiB, 0.2 s) is imported by the first request to a cluster, not by importing this package.
"""

from integrations.kubernetes.cluster import Cluster, Credential, open_cluster
from integrations.kubernetes.permissions import Permission
from integrations.kubernetes.settings import ClusterSettings, Eks

__all__ = ["Cluster", "ClusterSettings", "Credential", "Eks", "Permission", "open_cluster"]
