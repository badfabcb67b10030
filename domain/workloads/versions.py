"""Which version did the person mean? Names of versions, matched against what a Deployment ran."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from domain.workloads.deployments import Revision

MIN_SHA_LENGTH = 6
"""Fewer characters of a SHA match too much to be trusted with production."""

_SHA = re.compile(r"[0-9a-f]{6,40}")
_BRANCH_SHA = re.compile(r"[A-Za-z0-9._-]+-(?P<sha>[0-9a-f]{7,40})")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Image:
    """``repository``, with ``tag`` or ``digest`` or both, as they stand in a pod template."""

    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def version(self) -> str:
        """The name that people use: the tag, else the digest's first twelve digits."""
        return self.tag or self.digest.removeprefix("sha256:")[:12]


def parse_image(reference: str) -> Image:
    """Split an image reference. A registry's port is not a tag."""
    name, _, digest = reference.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, ""
    return Image(repository, tag, digest)


def version_of(reference: str) -> str:
    """The version that an image reference names."""
    return parse_image(reference).version


def is_version(word: str) -> bool:
    """Whether the word can name a version at all: a tag, a SHA or a digest."""
    return bool(_TAG.fullmatch(word) or _DIGEST.fullmatch(word))


def image_matches(word: str, reference: str) -> bool:
    """Whether ``word`` names the version of this image: its tag, its digest, or the full or short SHA within either."""
    if not word:
        return False
    image = parse_image(reference)
    if word == image.tag or (image.digest and word in (image.digest, image.digest.removeprefix("sha256:"))):
        return True
    if not _SHA.fullmatch(word.lower()):
        return False
    sha = word.lower()
    return any(_same_commit(sha, known) for known in _shas(image))


def _shas(image: Image) -> list[str]:
    shas = []
    if image.digest:
        shas.append(image.digest.removeprefix("sha256:"))
    if _SHA.fullmatch(image.tag):
        shas.append(image.tag)
    elif match := _BRANCH_SHA.fullmatch(image.tag):
        shas.append(match["sha"])
    return shas


def _same_commit(word: str, known: str) -> bool:
    """A full SHA names a tag that carries only its first digits, and the other way round."""
    return known.startswith(word) or word.startswith(known)


def matching_revisions(word: str, revisions: Iterable[Revision]) -> tuple[Revision, ...]:
    """The revisions whose image the word names, newest first, one for each template; an exact tag beats a short SHA."""
    matched = [each for each in revisions if image_matches(word, each.image)]
    exact = [each for each in matched if parse_image(each.image).tag == word]
    return tuple(exact or matched)
