"""Image ids as nodes report them, and whether two of them are the same content. Pure.

An id holds one of three digests: of a manifest list (what containerd pulled by a tag of several platforms), of one platform's
manifest, or of the configuration (an image that was loaded, not pulled). Equal digests are the same content. Different ones are
different content only where they can be compared: the same sort, the same repository, a node of the same platform. A node lists
all names that it knows of one content: digests that stand there together are the same content.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import combinations

from domain.workloads.images import is_digest, parse_image, short_digest

_BARE_DIGEST_LENGTH = 64
"""Hex digits. CRI-O names an image without a repository by its id alone, without ``sha256:``."""


class Sameness(IntEnum):
    """Whether images are the same content, from the best to the worst: the worst of several counts."""

    SAME = 0
    UNKNOWN = 1
    DIFFERENT = 2


@dataclass(frozen=True, slots=True)
class ReportedImage:
    """An image id as a node reported it, and the platform of that node, such as ``linux/amd64 containerd``."""

    image_id: str
    platform: str = ""
    aliases: frozenset[str] | None = None
    """All digests of the same content that nodes know; empty if no node lists it, None if none was asked."""

    @property
    def digest(self) -> str:
        """The digest in the image id, empty where there is none."""
        name, _, digest = self._bare_id.rpartition("@")
        if not name and len(digest) == _BARE_DIGEST_LENGTH and is_digest(f"sha256:{digest}"):
            return f"sha256:{digest}"
        return digest if is_digest(digest) else ""

    @property
    def repository(self) -> str:
        """The full name of the repository; empty where the digest is that of a configuration."""
        name = self._bare_id.rpartition("@")[0]
        return parse_image(name).name if name else ""

    @property
    def _bare_id(self) -> str:
        """Without the scheme of dockershim and cri-dockerd: ``docker-pullable://`` and ``docker://``."""
        return self.image_id.rpartition("://")[2]

    def __str__(self) -> str:
        return f"…{short_digest(self.digest)}" if self.digest else self.image_id or "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningImage:
    """What a container of a ready pod runs: ``requested`` stands in the pod, ``reported`` is what its node says."""

    container: str
    requested: str
    reported: ReportedImage


def compare(one: ReportedImage, other: ReportedImage) -> Sameness:
    """Whether two images are the same content."""
    if not one.digest or not other.digest:
        return Sameness.UNKNOWN
    if one.digest == other.digest or one.digest in (other.aliases or ()) or other.digest in (one.aliases or ()):
        return Sameness.SAME
    comparable = one.platform == other.platform != "" and one.repository == other.repository
    # A node lists 50 images at most: of one that is not there it is not known which other names it has.
    is_listed = one.aliases != frozenset() != other.aliases
    return Sameness.DIFFERENT if comparable and is_listed else Sameness.UNKNOWN


def merge_aliases(groups: Iterable[Collection[str]]) -> tuple[frozenset[str], ...]:
    """Groups of digests, each of one content, from those that single nodes list: groups that share a digest are one."""
    merged: list[frozenset[str]] = []
    for group in groups:
        joined = frozenset(group).union(*(each for each in merged if not each.isdisjoint(group)))
        merged = [each for each in merged if each.isdisjoint(group)] + [joined]
    return tuple(merged)


def with_aliases(image: RunningImage, groups: Iterable[frozenset[str]]) -> RunningImage:
    """The image with all digests that nodes list for its content."""
    digest = image.reported.digest
    aliases = next((group for group in groups if digest in group), frozenset())
    return replace(image, reported=replace(image.reported, aliases=aliases))


def compare_all(images: Iterable[ReportedImage]) -> Sameness:
    """Whether all these are the same content: the worst of each two. One alone is the same, if it has a digest."""
    distinct = list(dict.fromkeys(images))
    alone = Sameness.SAME if all(each.digest for each in distinct) else Sameness.UNKNOWN
    return max((compare(one, other) for one, other in combinations(distinct, 2)), default=alone)


def compare_with_verified(images: Iterable[ReportedImage], verified: Iterable[ReportedImage]) -> Sameness:
    """Whether all these are content that was verified, as far as anything was."""
    known = list(verified)
    return max((_best(compare(each, one) for one in known) for each in images if known), default=Sameness.SAME)


def _best(results: Iterable[Sameness]) -> Sameness:
    """One equal digest proves the same content; without one, one that can be compared proves another content."""
    found = set(results)
    return Sameness.SAME if Sameness.SAME in found else max(found)


def is_requested(requested: str, wanted: str) -> bool:
    """Whether a pod asks for the image of its template, as far as their names tell.

    An admission webhook may have rewritten the repository (a mirror), and may have replaced the tag by its digest.
    """
    one, other = parse_image(requested), parse_image(wanted)
    if one.digest and other.digest:
        return one.digest == other.digest
    return one.effective_tag == other.effective_tag or not (one.effective_tag and other.effective_tag)
