"""Names of versions: image references, and the revisions that a word from a person matches."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from domain.workloads.deployments import Revision

MIN_SHA_LENGTH = 6
"""Characters. A shorter SHA matches too many versions to be safe."""

_SHA = re.compile(r"[0-9a-f]{6,40}")
_BRANCH_SHA = re.compile(r"[A-Za-z0-9._-]+-(?P<sha>[0-9a-f]{7,40})")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference of a pod template: ``repository``, with ``tag`` or ``digest`` or both."""

    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def version(self) -> str:
        """The name for people: the tag, or else the first twelve digits of the digest."""
        return self.tag or self.digest.removeprefix("sha256:")[:12]


def parse_image(reference: str) -> Image:
    """Parse an image reference."""
    name, _, digest = reference.partition("@")
    repository, colon, tag = name.rpartition(":")
    # With a slash after the colon, the colon belongs to the registry's port: ``registry:5000/app``.
    if not colon or "/" in tag:
        repository, tag = name, ""
    return Image(repository, tag, digest)


def version_of(reference: str) -> str:
    """The version in an image reference."""
    return parse_image(reference).version


def is_version(word: str) -> bool:
    """Whether the word has the form of a tag, a SHA or a digest."""
    return bool(_TAG.fullmatch(word) or _DIGEST.fullmatch(word))


def image_matches(word: str, reference: str) -> bool:
    """Whether ``word`` names this image's version: by its tag, by its digest, or by a full or short SHA in one of them."""
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
    """Whether one SHA is the beginning of the other: a tag contains only the first digits of a full SHA."""
    return known.startswith(word) or word.startswith(known)


def matching_revisions(word: str, revisions: Iterable[Revision]) -> tuple[Revision, ...]:
    """The revisions whose image the word names, in the given order. An exact tag has precedence over a short SHA."""
    matched = [each for each in revisions if image_matches(word, each.image)]
    exact = [each for each in matched if parse_image(each.image).tag == word]
    return tuple(exact or matched)
