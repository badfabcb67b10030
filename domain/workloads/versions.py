"""Names of versions: the images and revisions that a word from a person matches."""

import re
from collections.abc import Iterable

from domain.workloads.deployments import Revision
from domain.workloads.images import Image, parse_image

MIN_SHA_LENGTH = 6
"""Characters. A shorter SHA matches too many versions to be safe."""

_HEX = re.compile(r"[0-9a-f]{6,40}")
_FULL_SHA_LENGTH = 40
_ENDS_LIKE_A_SHA = re.compile(r"(?:.*[-._:])?g?(?P<sha>[0-9a-f]{6,64})")
"""Also ``v1.2-5-gabc1234``, as ``git describe`` writes it, and ``sha256:…``."""
_BRANCH_SHA = re.compile(r"[A-Za-z0-9._-]+-(?P<sha>[0-9a-f]{7,40})")


def image_matches(word: str, reference: str) -> bool:
    """Whether ``word`` names this image's version: by its tag, by its digest, or by a full or short SHA in one of them."""
    if not word:
        return False
    image = parse_image(reference)
    if word == image.effective_tag or (image.digest and word in (image.digest, _hex(image.digest))):
        return True
    if not _HEX.fullmatch(word.lower()):
        return False
    sha = word.lower()
    return any(_same_commit(sha, known) for known in _shas(image))


def image_resembles(word: str, reference: str) -> bool:
    """Whether ``word`` may be meant for this image: enough to ask for, too little to choose it.

    Both have something like a SHA, and one is the beginning of the other: ``deadbee`` and ``main-deadbeef``.
    """
    typed, image = _ENDS_LIKE_A_SHA.fullmatch(word.lower()), parse_image(reference)
    parts = map(_ENDS_LIKE_A_SHA.fullmatch, (*re.split(r"[-._]", image.tag.lower()), _hex(image.digest)))
    return typed is not None and any(_begins_alike(typed["sha"], part["sha"]) for part in parts if part)


def _begins_alike(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _shas(image: Image) -> list[str]:
    shas = []
    if image.digest:
        shas.append(_hex(image.digest))
    if _HEX.fullmatch(image.tag) and _is_sha(image.tag):
        shas.append(image.tag)
    elif match := _BRANCH_SHA.fullmatch(image.tag):
        shas.append(match["sha"])
    return shas


def _hex(digest: str) -> str:
    return digest.rpartition(":")[2]


def _same_commit(word: str, known: str) -> bool:
    """Whether both are one commit or digest: equal, or one the beginning of the other where both are SHAs.

    Numbers, dates (``20261123``) and words (``facade``) consist of hexadecimal digits too. They name only what equals them.
    """
    shorter, longer = sorted((word, known), key=len)
    if not longer.startswith(shorter):
        return False
    # The first seven digits of 4 % of all commits are decimal. Beside a full SHA they are no coincidence.
    return shorter == longer or (_is_sha(longer) and (_is_sha(shorter) or len(longer) >= _FULL_SHA_LENGTH))


def _is_sha(text: str) -> bool:
    """Whether this is certainly a SHA or digest and neither a number nor a word: by its digits, or by its length."""
    return len(text) >= _FULL_SHA_LENGTH or (any(map(str.isdigit, text)) and any(map(str.isalpha, text)))


def matching_revisions(word: str, revisions: Iterable[Revision]) -> tuple[Revision, ...]:
    """The revisions whose image the word names, in the given order. An exact tag has precedence over a short SHA."""
    matched = [each for each in revisions if image_matches(word, each.image)]
    exact = [each for each in matched if parse_image(each.image).effective_tag == word]
    return tuple(exact or matched)
