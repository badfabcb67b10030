"""Which of the images that were once verified may still be chosen for a rollback. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime

from domain.workloads.images import parse_image

KEPT_IMAGES = 200
"""Images of each repository that are kept however old they are. A workload keeps ten revisions unless
``revisionHistoryLimit`` says otherwise, and services and environments may share a repository."""


def forgettable_images(last_seen: Mapping[str, datetime], before: datetime, needed: Collection[str]) -> tuple[str, ...]:
    """Image references that were verified before this time, are not ``needed``, and not among the last of their repository."""
    newest_first = sorted(last_seen, key=lambda image: last_seen[image], reverse=True)
    count_by_repository: dict[str, int] = {}
    forgettable = []
    for image in newest_first:
        repository = parse_image(image).name
        count_by_repository[repository] = count = count_by_repository.get(repository, 0) + 1
        if count > KEPT_IMAGES and last_seen[image] < before and image not in needed:
            forgettable.append(image)
    return tuple(forgettable)
