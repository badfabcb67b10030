"""The revisions of a workload: which one is the last, how they are told apart, and how a person names one. Pure."""

import re
from collections.abc import Iterator

from domain.workloads.deployments import Revision, Workload
from domain.workloads.images import version_of

_REVISION = re.compile(r"(?:#|rev:)(?P<number>[0-9]{1,9})", re.IGNORECASE)
"""``rev:12`` is for where Slack makes a channel of ``#12``. No tag contains a colon or begins with a hash sign."""


def revision_number_in(word: str) -> int | None:
    """The number in ``#12`` or ``rev:12``; None for the name of a version."""
    match = _REVISION.fullmatch(word)
    return int(match["number"]) if match else None


def revision_name(number: int) -> str:
    """The name of a revision, such as ``#12``."""
    return f"#{number}"


def is_same(revision: Revision, workload: Workload, *, image_only: bool = False) -> bool:
    """Whether the revision is what the workload asks for now, apart from a restart; with ``image_only`` its image alone."""
    return revision.image == workload.image if image_only else revision.content_hash == workload.content_hash


def earlier_revisions(workload: Workload, *, image_only: bool = False) -> Iterator[Revision]:
    """The revisions to which something goes back, newest first: of those that differ only in a restart the newest."""
    seen: set[str] = set()
    for revision in sorted(workload.revisions, key=_number, reverse=True):
        key = revision.image if image_only else revision.content_hash
        if revision.image and key not in seen and not is_same(revision, workload, image_only=image_only):
            seen.add(key)
            yield revision


def previous_revision(workload: Workload, *, image_only: bool = False) -> Revision | None:
    """The newest earlier revision that differs in more than a restart; with ``image_only`` in its image."""
    # Until its controller has recorded the present template, all of them are earlier, and the number is that of the one before.
    is_recorded = any(each.template_hash == workload.template_hash for each in workload.revisions)
    earlier = earlier_revisions(workload, image_only=image_only)
    return next((each for each in earlier if not is_recorded or each.number < workload.revision), None)


def needs_number(revision: Revision, workload: Workload) -> bool:
    """Whether its version does not select this revision, because a newer one has the same version and another template."""
    version = version_of(revision.image)
    newer = (each for each in workload.revisions if each.number > revision.number)
    return any(version_of(each.image) == version and each.content_hash != revision.content_hash for each in newer)


def name_in_commands(revision: Revision, workload: Workload) -> str:
    """The word by which a command selects exactly this revision: its version, or else its number."""
    return revision_name(revision.number) if needs_number(revision, workload) else version_of(revision.image)


def _number(revision: Revision) -> int:
    return revision.number
