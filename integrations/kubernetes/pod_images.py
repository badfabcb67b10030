"""The images of running containers, as their nodes report them."""

from collections.abc import Iterable, Iterator

from domain.errors import Forbidden, NotFound, TemporaryError
from domain.workloads.image_ids import ReportedImage, RunningImage, merge_aliases
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.resources import NODES, Json

MAX_NODES_READ = 30
"""Nodes read for one answer. Above it a node counts as a platform of its own, which is the cautious answer."""
_CONTAINER_LISTS = (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses"))


async def running_images(client: KubernetesClient, pods: Iterable[Json]) -> tuple[RunningImage, ...]:
    """What each container and init container of these pods runs, each distinct image once."""
    pods = list(pods)
    platforms = await _platforms(client, {node_of(pod) for pod in pods})
    return tuple(dict.fromkeys(image for pod in pods for image in _images_of(pod, platforms[node_of(pod)])))


async def image_aliases(client: KubernetesClient, nodes: Iterable[str]) -> tuple[frozenset[str], ...] | None:
    """Groups of digests that these nodes list as names of one content. None without the right to read nodes."""
    groups: list[set[str]] = []
    for node in list(nodes)[:MAX_NODES_READ] if client.may_read_nodes else []:
        try:
            found = await client.get(NODES, "", node)
        except Forbidden:
            client.may_read_nodes = False
            break
        except (NotFound, TemporaryError):
            continue
        groups += [_digests_in(each.get("names") or []) for each in (found.get("status") or {}).get("images") or []]
    return merge_aliases(filter(None, groups)) if client.may_read_nodes else None


def _digests_in(names: Iterable[str]) -> set[str]:
    return {ReportedImage(name).digest for name in names} - {""}


def _images_of(pod: Json, platform: str) -> Iterator[RunningImage]:
    spec, status = pod["spec"], pod.get("status") or {}
    for containers, statuses in _CONTAINER_LISTS:
        image_ids = {each["name"]: str(each.get("imageID") or "") for each in status.get(statuses) or []}
        for container in spec.get(containers) or []:
            name = container["name"]
            reported = ReportedImage(image_ids.get(name, ""), platform)
            yield RunningImage(container=name, requested=str(container.get("image", "")), reported=reported)


def node_of(pod: Json) -> str:
    """The name of the pod's node; empty until it has one."""
    return str(pod["spec"].get("nodeName") or "")


async def _platforms(client: KubernetesClient, nodes: set[str]) -> dict[str, str]:
    """The platform of each node, such as ``linux/amd64 containerd``.

    A node that cannot be read, for want of a right or because it is gone, is a platform of its own: images on one node can always
    be compared.
    """
    unread = sorted(nodes - client.node_platforms.keys() - {""}) if client.may_read_nodes else []
    for node in unread[:MAX_NODES_READ]:
        try:
            client.node_platforms[node] = _platform_of(await client.get(NODES, "", node))
        except NotFound:
            client.node_platforms[node] = _own_platform(node)
        except Forbidden:
            client.may_read_nodes = False
            break
        except TemporaryError:
            break
    return {node: client.node_platforms.get(node) or _own_platform(node) for node in nodes}


def _own_platform(node: str) -> str:
    return f"node {node}" if node else ""


def _platform_of(node: Json) -> str:
    info = (node.get("status") or {}).get("nodeInfo") or {}
    runtime = str(info.get("containerRuntimeVersion", "")).partition("://")[0]
    return f"{info.get('operatingSystem', '')}/{info.get('architecture', '')} {runtime}"
