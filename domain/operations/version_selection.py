"""Which version of which services did the person mean? Pure: from a word and what ran to what will run."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.catalogue.catalogue import Service
from domain.errors import Refused, UsageError
from domain.operations.version_choices import VersionChoice, VersionChoices
from domain.workloads.deployments import Revision, Workload
from domain.workloads.versions import SHORTEST_SHA, candidates, is_version, parse_image, version_of

LAST = "last"
MOST_CHOICES = 20


class VersionUnclear(UsageError):
    """The word names no version, or several; ``choices`` are those that can be meant."""

    def __init__(self, choices: VersionChoices) -> None:
        super().__init__(choices.sentence, choices.hint)
        self.choices = choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What one service will run. ``revision`` is None for a version that has not run there."""

    workload: Workload
    image: str
    revision: Revision | None
    templates: int = 1
    """How many different templates this version ran with; ``revision`` is the newest."""

    @property
    def service(self) -> str:
        """The service's name."""
        return self.workload.target.service


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and in words what was left out."""

    chosen: tuple[Chosen, ...]
    left_out: tuple[str, ...] = ()

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """The Deployments that will change."""
        return tuple(each.workload for each in self.chosen)


def choose(word: str, workloads: Sequence[Workload]) -> Choice:
    """What ran and is meant by ``word``. Raises ``VersionUnclear``, or ``Refused`` where it runs already."""
    last = word.lower() == LAST
    matched = [each for one in workloads if (each := _before(one))] if last else _matched(word, workloads)
    versions = list(dict.fromkeys(version_of(each.image) for each in matched))
    if not versions and last:
        names = _and([each.target.service for each in workloads])
        raise Refused(f"There is no earlier version of {names} to go back to. Nothing was changed.")
    if not versions:
        raise unknown(word, workloads)
    if len(versions) > 1:
        said = "The last version is not the same for every service." if last else f"“{word}” could be {_either(versions)}."
        raise _ambiguous(said, versions, workloads)
    meant = {each.image for each in matched}
    return _chosen(versions[0], [(each, [one for one in each.revisions if one.image in meant]) for each in workloads])


def choose_unseen(word: str, offers: Iterable[tuple[Workload, Service]]) -> Choice:
    """A version that has not run, for the services whose tags look like that. Empty where none do."""
    offered = list(offers)
    fits = [(workload, service) for workload, service in offered if _looks_like_a_tag(word, service)]
    others = [workload.target.service for workload, _ in offered if workload not in [fit for fit, _ in fits]]
    chosen = [Chosen(workload=workload, image=f"{service.image}:{word}", revision=None) for workload, service in fits]
    return Choice(tuple(chosen), tuple(f"{name} has no versions named like {word}; it is left as it is." for name in others))


def can_run(workloads: Sequence[Workload]) -> tuple[VersionChoice, ...]:
    """The versions that these services ran and do not all run now, newest first."""
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
    ordered = sorted(newest.items(), key=lambda each: each[1].created_at, reverse=True)
    return tuple(
        VersionChoice(version=version, image=each.image, services=tuple(services[version]), created_at=each.created_at)
        for version, each in ordered
    )


def unknown(word: str, workloads: Sequence[Workload], *, deploy: bool = False) -> VersionUnclear:
    """The complaint about a version that nobody knows, with those that can be chosen."""
    where = workloads[0].target.environment
    choices = can_run(workloads)[:MOST_CHOICES]
    services = ", ".join(each.target.service for each in workloads)
    sentence = f"No version “{word}” is known of {services} in {where}. Nothing was changed."
    if 0 < len(word) < SHORTEST_SHA and re.fullmatch(r"[0-9a-f]+", word.lower()):
        sentence = f"“{word}” is too short: a SHA needs at least {SHORTEST_SHA} characters. Nothing was changed."
    hint = "" if choices else "Nothing else is in their history."
    if deploy:
        hint = f"A version that has not run there is named by its whole tag, like `main-abc1234`. {hint}".strip()
    return VersionUnclear(VersionChoices(sentence=sentence, hint=hint, environment=where, choices=choices))


def _before(workload: Workload) -> Revision | None:
    """What ran last before what runs: never the same image, which a restart leaves as an earlier revision."""
    others = (each for each in workload.revisions if each.image and each.image != workload.image)
    earlier = (each for each in others if each.number < workload.revision)
    return max(earlier, key=lambda each: each.number, default=None)


def _matched(word: str, workloads: Sequence[Workload]) -> list[Revision]:
    """Over all services: an exact tag in one of them beats a short SHA in another."""
    found = [each for workload in workloads for each in candidates(word, workload.revisions)]
    return [each for each in found if parse_image(each.image).tag == word] or found


def _chosen(version: str, ran: Sequence[tuple[Workload, Sequence[Revision]]]) -> Choice:
    chosen, never, running = [], [], []
    for workload, revisions in ran:
        name = workload.target.service
        if not revisions:
            never.append(name)
        elif workload.image in {each.image for each in revisions}:
            running.append(name)
        else:
            newest = max(revisions, key=lambda each: each.number)
            templates = len({each.template_hash for each in revisions})
            chosen.append(Chosen(workload=workload, image=newest.image, revision=newest, templates=templates))
    if not chosen:
        where = ran[0][0].target.environment
        raise Refused(f"{_and(running)} in {where} already run{'s' if len(running) == 1 else ''} {version}. Nothing was changed.")
    left_out = [_left_out(running, "already runs", "already run", version), _left_out(never, "never ran", "never ran", version)]
    return Choice(tuple(chosen), tuple(each for each in left_out if each))


def _left_out(names: Sequence[str], does: str, do: str, version: str) -> str:
    """Why some services stay as they are, in one line; empty where there are none."""
    if not names:
        return ""
    one = len(names) == 1
    return f"{_and(names)} {does if one else do} {version}; {'it is left as it is' if one else 'they are left as they are'}."


def _ambiguous(sentence: str, versions: Sequence[str], workloads: Sequence[Workload]) -> VersionUnclear:
    choices = tuple(each for each in can_run(workloads) if each.version in versions)
    return VersionUnclear(
        VersionChoices(
            sentence=f"{sentence} Nothing was changed.",
            hint="Say which one, with its whole name.",
            environment=workloads[0].target.environment,
            ambiguous=True,
            choices=choices[:MOST_CHOICES],
        )
    )


def _looks_like_a_tag(word: str, service: Service) -> bool:
    return is_version(word) and re.fullmatch(service.tag_pattern, word) is not None


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
