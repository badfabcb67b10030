"""Kubernetes in our own words: what a Deployment is, ran and does now, and the four changes we make to it.

Rules about who may change what do not belong here; neither do retries over time: an error says whether they help.
The Kubernetes library (35 MiB, 0.2 s) is imported when a cluster is first spoken to, never by importing this package.
"""

from integrations.kubernetes.cluster import Cluster, open_cluster
from integrations.kubernetes.permissions import Permission
from integrations.kubernetes.settings import ClusterSettings, Eks

__all__ = ["Cluster", "ClusterSettings", "Eks", "Permission", "open_cluster"]
