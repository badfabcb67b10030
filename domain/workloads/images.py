"""Image references as pod templates write them: ``[registry[:port]/]path[:tag][@digest]``. The only place that reads them."""

import re
from dataclasses import dataclass, replace

DEFAULT_TAG = "latest"
"""The tag that every container runtime takes where a reference has neither tag nor digest."""
UNKNOWN_VERSION = "an unknown version"
"""The version of an empty reference: of a template that no longer has the service's container."""
SHORT_DIGEST_LENGTH = 12
"""Hex digits, as ``docker images`` shows them."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
# The defaults of the reference grammar of distribution (`ParseNormalizedNamed`), which all runtimes follow.
_DOCKER_HUB = "docker.io"
_DOCKER_HUB_ALIASES = frozenset({_DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_DOCKER_HUB_NAMESPACE = "library"
_HTTPS_PORT = ":443"


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference of a pod template: ``repository`` as it is written, with ``tag`` or ``digest``, both or none."""

    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def effective_tag(self) -> str:
        """The tag that a runtime resolves: ``latest`` where there is neither tag nor digest. Empty where only a digest counts."""
        return self.tag or ("" if self.digest or not self.repository else DEFAULT_TAG)

    @property
    def version(self) -> str:
        """The name for people, never empty: the tag, or else the first twelve digits of the digest."""
        return self.effective_tag or short_digest(self.digest) or UNKNOWN_VERSION

    @property
    def name(self) -> str:
        """The repository in full, ``registry/path``: two references of one repository have one name."""
        registry, path = _split_registry(self.repository)
        if registry == _DOCKER_HUB and "/" not in path:
            path = f"{_DOCKER_HUB_NAMESPACE}/{path}"
        return f"{registry}/{path}"

    @property
    def base_name(self) -> str:
        """The last part of the repository: ``shop`` of ``ghcr.io/acme/shop``."""
        return self.repository.rpartition("/")[2]

    def is_same_version(self, other: "Image") -> bool:
        """Whether both name the same version, in whichever repository: by their digests where both have one, else by tag."""
        if self.digest and other.digest:
            return self.digest == other.digest
        return self.digest == other.digest and self.effective_tag == other.effective_tag

    def still_asks_for(self, wanted: "Image") -> bool:
        """Whether this is ``wanted`` as an admission webhook may have rewritten it: from a mirror, or with its tag's digest."""
        return self.effective_tag == wanted.effective_tag and wanted.digest in ("", self.digest)

    def with_version(self, version: str) -> "Image":
        """The reference to another version of this repository: ``version`` is a tag, or a digest such as ``sha256:…``."""
        return replace(self, tag="", digest=version) if is_digest(version) else replace(self, tag=version, digest="")


def parse_image(reference: str) -> Image:
    """Parse an image reference. Never fails: what is no reference has an odd repository."""
    name, _, digest = reference.partition("@")
    repository, colon, tag = name.rpartition(":")
    # With a slash after the colon, the colon belongs to the registry's port: ``registry:5000/app``.
    if not colon or "/" in tag:
        repository, tag = name, ""
    return Image(repository, tag, digest)


def version_of(reference: str) -> str:
    """The version in an image reference, never empty."""
    return parse_image(reference).version


def is_digest(word: str) -> bool:
    """Whether the word is a digest with its algorithm, such as ``sha256:…``."""
    return _DIGEST.fullmatch(word) is not None


def is_version(word: str) -> bool:
    """Whether the word has the form of a tag, a SHA or a digest."""
    return bool(_TAG.fullmatch(word)) or is_digest(word)


def short_digest(digest: str) -> str:
    """The first twelve hex digits of a digest, without its algorithm."""
    return digest.rpartition(":")[2][:SHORT_DIGEST_LENGTH]


def _split_registry(repository: str) -> tuple[str, str]:
    """Registry and path. The first part is a registry if it has a dot, a port or a capital, or is ``localhost``."""
    first, slash, rest = repository.partition("/")
    if not slash or not (any(char in ".:" for char in first) or first == "localhost" or first != first.lower()):
        return _DOCKER_HUB, repository
    registry = first.lower().removesuffix(_HTTPS_PORT)
    return (_DOCKER_HUB if registry in _DOCKER_HUB_ALIASES else registry), rest
