"""A stand-in Kubernetes cluster for the sandbox and for tests: kubectl and client libraries talk to it as to a real one.

It keeps everything in memory, runs no containers, listens on loopback, and really rolls out: Deployments make ReplicaSets,
ReplicaSets make pods, pods become ready, fail to pull or crash, as their image's tag asks.
"""

from sandbox.cluster.access import ADMIN_TOKEN, EXPIRED_TOKEN, VIEWER_TOKEN
from sandbox.cluster.cluster import StandInCluster
from sandbox.cluster.control import ClusterFault, RecordedRequest
from sandbox.cluster.model import FAST, HUMAN, Pace
from sandbox.cluster.pods import image_id, node
from sandbox.cluster.seed import CONTEXTS, platform

__all__ = [
    "ADMIN_TOKEN",
    "CONTEXTS",
    "EXPIRED_TOKEN",
    "FAST",
    "HUMAN",
    "VIEWER_TOKEN",
    "ClusterFault",
    "Pace",
    "RecordedRequest",
    "StandInCluster",
    "image_id",
    "node",
    "platform",
]
