"""Finds the version that a word from a person means, for each service. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.catalogue.catalogue import Service
from domain.errors import Refused, UsageError
from domain.label_regex import compile_label_regex
from domain.operations.version_choices import VersionChoice, VersionChoices
from domain.rich_text import Code, Text, sentence
from domain.workloads.deployments import Revision, Workload
from domain.workloads.images import is_version, parse_image, version_of
from domain.workloads.versions import MIN_SHA_LENGTH, matching_revisions

LAST = "last"
MAX_CHOICES = 20


class AmbiguousVersion(UsageError):
    """The word names no version, or several. ``choices`` are those that it may mean."""

    def __init__(self, choices: VersionChoices) -> None:
        super().__init__(choices.sentence, choices.hint)
        self.choices = choices


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedVersion:
    """The version that one service will run. ``revision`` is None if it has not run there."""

    workload: Workload
    image: str
    revision: Revision | None
    templates: int = 1
    """The number of different templates that this version ran with; ``revision`` has the newest."""

    @property
    def service(self) -> str:
        """The service's name."""
        return self.workload.target.service


@dataclass(frozen=True, slots=True)
class VersionSelection:
    """The selected versions, and in words why other services are left out."""

    selected: tuple[SelectedVersion, ...]
    left_out: tuple[str, ...] = ()

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """The Deployments that will change."""
        return tuple(each.workload for each in self.selected)


def select_version(word: str, workloads: Sequence[Workload]) -> VersionSelection:
    """Select the version that ``word`` means among those that ran. ``last`` means the one before the present one.

    Raises ``AmbiguousVersion``, or ``Refused`` if every service runs it already or there is no earlier version.
    """
    last = word.lower() == LAST
    matched = (
        [previous for workload in workloads if (previous := _previous_version(workload))]
        if last
        else _all_matching_revisions(word, workloads)
    )
    versions = list(dict.fromkeys(version_of(each.image) for each in matched))
    if not versions and last:
        names = _join_and([each.target.service for each in workloads])
        raise Refused(f"There is no earlier version of {names} to go back to. Nothing was changed.")
    if not versions:
        raise unknown_version(word, workloads)
    if len(versions) > 1:
        problem = "The last version is not the same for every service." if last else f"“{word}” could be {_join_or(versions)}."
        raise _ambiguous_version(problem, versions, workloads)
    images = {each.image for each in matched}
    history = [(workload, [each for each in workload.revisions if each.image in images]) for workload in workloads]
    return _select(versions[0], history)


def select_unseen_version(word: str, offers: Iterable[tuple[Workload, Service]]) -> VersionSelection:
    """Select a version that has not run, for the services whose tag pattern it fits. Empty if it fits none."""
    offered = list(offers)
    matching = [(workload, service) for workload, service in offered if _looks_like_a_tag(word, service)]
    others = [workload.target.service for workload, _ in offered if workload not in [fit for fit, _ in matching]]
    selected = [
        SelectedVersion(workload=workload, image=str(parse_image(service.image).with_version(word)), revision=None)
        for workload, service in matching
    ]
    return VersionSelection(
        tuple(selected), tuple(f"{name} has no versions named like {word}; it is left as it is." for name in others)
    )


def rollback_candidates(workloads: Sequence[Workload]) -> tuple[VersionChoice, ...]:
    """The versions that these services ran before, newest first."""
    newest: dict[str, Revision] = {}
    services: dict[str, list[str]] = {}
    for workload in workloads:
        for revision in workload.revisions:
            if not revision.image or revision.image == workload.image:
                continue
            version = version_of(revision.image)
            if workload.target.service not in services.setdefault(version, []):
                services[version].append(workload.target.service)
            if version not in newest or newest[version].created_at < revision.created_at:
                newest[version] = revision
    ordered = sorted(newest.items(), key=lambda newest_revision: newest_revision[1].created_at, reverse=True)
    return tuple(
        VersionChoice(
            version=version, image=newest_revision.image, services=tuple(services[version]), created_at=newest_revision.created_at
        )
        for version, newest_revision in ordered
    )


def unknown_version(word: str, workloads: Sequence[Workload], *, deploy: bool = False) -> AmbiguousVersion:
    """The error for an unknown version, with the versions that can be chosen."""
    where = workloads[0].target.environment
    choices = rollback_candidates(workloads)[:MAX_CHOICES]
    services = ", ".join(each.target.service for each in workloads)
    problem = f"No version “{word}” is known of {services} in {where}. Nothing was changed."
    if 0 < len(word) < MIN_SHA_LENGTH and re.fullmatch(r"[0-9a-f]+", word.lower()):
        problem = f"“{word}” is too short: a SHA needs at least {MIN_SHA_LENGTH} characters. Nothing was changed."
    hint: Text = "" if choices else "Nothing else is in their history."
    if deploy:
        by_tag = ("A version that has not run there is named by its whole tag, like ", Code("main-abc1234"), ".")
        hint = sentence(*by_tag, f" {hint}" if hint else "")
    return AmbiguousVersion(VersionChoices(sentence=problem, hint=hint, environment=where, choices=choices))


def _previous_version(workload: Workload) -> Revision | None:
    """The revision before the present one with another image: a restart leaves an earlier revision with the same image."""
    others = (each for each in workload.revisions if each.image and each.image != workload.image)
    earlier = (each for each in others if each.number < workload.revision)
    return max(earlier, key=lambda each: each.number, default=None)


def _all_matching_revisions(word: str, workloads: Sequence[Workload]) -> list[Revision]:
    """The matching revisions of all services. An exact tag in one has precedence over a short SHA in another."""
    matching = [each for workload in workloads for each in matching_revisions(word, workload.revisions)]
    return [each for each in matching if parse_image(each.image).effective_tag == word] or matching


def _select(version: str, history: Sequence[tuple[Workload, Sequence[Revision]]]) -> VersionSelection:
    selected, never_ran, running = [], [], []
    for workload, revisions in history:
        name = workload.target.service
        if not revisions:
            never_ran.append(name)
        elif workload.image in {each.image for each in revisions}:
            running.append(name)
        else:
            newest = max(revisions, key=lambda each: each.number)
            templates = len({each.template_hash for each in revisions})
            selected.append(SelectedVersion(workload=workload, image=newest.image, revision=newest, templates=templates))
    if not selected:
        where = history[0][0].target.environment
        raise Refused(
            f"{_join_and(running)} in {where} already run{'s' if len(running) == 1 else ''} {version}. Nothing was changed."
        )
    left_out = [
        _left_out_text(running, "already runs", "already run", version),
        _left_out_text(never_ran, "never ran", "never ran", version),
    ]
    return VersionSelection(tuple(selected), tuple(each for each in left_out if each))


def _left_out_text(names: Sequence[str], does: str, do: str, version: str) -> str:
    """Why these services are left as they are, in one line; empty without services."""
    if not names:
        return ""
    one = len(names) == 1
    return f"{_join_and(names)} {does if one else do} {version}; {'it is left as it is' if one else 'they are left as they are'}."


def _ambiguous_version(problem: str, versions: Sequence[str], workloads: Sequence[Workload]) -> AmbiguousVersion:
    choices = tuple(each for each in rollback_candidates(workloads) if each.version in versions)
    return AmbiguousVersion(
        VersionChoices(
            sentence=f"{problem} Nothing was changed.",
            hint="Say which one, with its whole name.",
            environment=workloads[0].target.environment,
            ambiguous=True,
            choices=choices[:MAX_CHOICES],
        )
    )


def _looks_like_a_tag(word: str, service: Service) -> bool:
    return is_version(word) and compile_label_regex(service.tag_pattern).matches(word)


def _join_or(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _join_and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
