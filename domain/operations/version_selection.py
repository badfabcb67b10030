"""Finds the version that a word from a person means, for each service. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC

from domain.catalogue.services import Service
from domain.errors import Refused, UsageError
from domain.label_regex import compile_label_regex
from domain.operations.version_choices import VersionChoice, VersionChoices
from domain.rich_text import Code, CommandMention, Text, join, sentence
from domain.workloads.containers import containers_with_image, service_containers
from domain.workloads.deployments import Revision, Workload
from domain.workloads.images import is_version, parse_image, version_of
from domain.workloads.revisions import earlier_revisions, is_same, previous_revision, revision_name, revision_number_in
from domain.workloads.versions import MIN_SHA_LENGTH, image_resembles, matching_revisions

LAST = "last"
MAX_CHOICES = 20
MAX_SIMILAR_CHOICES = 5


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


def select_version(word: str, workloads: Sequence[Workload], *, image_only: bool = False) -> VersionSelection:
    """Select the version that ``word`` means among those that ran.

    ``last`` is the newest earlier revision that differs in more than a restart, ``#12`` the revision with this number. With
    ``image_only`` (a deploy) revisions with the same image are the same. Raises ``AmbiguousVersion``, or ``Refused`` if every
    service runs it already or there is no earlier version.
    """
    number = revision_number_in(word)
    if number is not None:
        return _select_revision(number, workloads, image_only=image_only)
    if word.lower() == LAST:
        return _select_last(workloads, image_only=image_only)
    return _select_named(word, workloads, image_only=image_only)


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


def rollback_candidates(workloads: Sequence[Workload], *, image_only: bool = False) -> tuple[VersionChoice, ...]:
    """What these services ran before, newest first: each version once, and by its number what a version does not tell apart."""
    by_version: dict[str, list[tuple[Workload, Revision]]] = {}
    numbered: list[VersionChoice] = []
    for workload in workloads:
        taken = {version_of(workload.image)}
        for revision in earlier_revisions(workload, image_only=image_only):
            version = version_of(revision.image)
            if version in taken:
                numbered.append(_choice([(workload, revision)], number=revision.number))
            else:
                taken.add(version)
                by_version.setdefault(version, []).append((workload, revision))
    choices = [*map(_choice, by_version.values()), *numbered]
    return tuple(sorted(choices, key=lambda choice: choice.created_at, reverse=True))


def _choice(ran: Sequence[tuple[Workload, Revision]], number: int = 0) -> VersionChoice:
    newest = max((revision for _, revision in ran), key=lambda revision: revision.created_at)
    return VersionChoice(
        version=version_of(newest.image),
        image=newest.image,
        services=tuple(workload.target.service for workload, _ in ran),
        created_at=newest.created_at,
        revision=number,
    )


def unknown_version(word: str, workloads: Sequence[Workload], *, deploy: bool = False) -> AmbiguousVersion:
    """The error for an unknown version, with the versions that can be chosen."""
    where = workloads[0].target.environment
    candidates = rollback_candidates(workloads, image_only=deploy)
    similar = tuple(each for each in candidates if image_resembles(word, each.image))
    choices = similar[:MAX_SIMILAR_CHOICES] or candidates[:MAX_CHOICES]
    services = ", ".join(each.target.service for each in workloads)
    problem = f"No version “{word}” is known of {services} in {where}. Nothing was changed."
    if 0 < len(word) < MIN_SHA_LENGTH and re.fullmatch(r"[0-9a-f]*[a-f][0-9a-f]*", word.lower()):
        problem = f"“{word}” is too short: a SHA needs at least {MIN_SHA_LENGTH} characters. Nothing was changed."
    hint = _unknown_version_hint(word, workloads, has_choices=bool(choices), deploy=deploy)
    more = len(similar or candidates) - len(choices)
    return AmbiguousVersion(
        VersionChoices(sentence=problem, hint=hint, environment=where, similar=bool(similar), choices=choices, more=more)
    )


def _unknown_version_hint(word: str, workloads: Sequence[Workload], *, has_choices: bool, deploy: bool) -> Text:
    running = {version_of(each.image): None for each in workloads if image_resembles(word, each.image)}
    lines: list[Text] = [f"{version} resembles it, and runs there already." for version in running]
    if re.fullmatch(r"[0-9]{1,5}", word):
        lines.append(sentence("A revision is named ", Code(revision_name(int(word))), "."))
    elif re.fullmatch(r"#[CG][A-Z0-9]{6,}", word):
        lines.append(sentence("Slack made a channel of it. A revision can also be named ", Code("rev:12"), "."))
    if deploy:
        lines.append(sentence("A version that has not run there is named by its whole tag, like ", Code("main-abc1234"), "."))
    if len(workloads) == 1 or not has_choices:
        lines += _history_began(workloads)
    if not has_choices:
        lines.append("Nothing else is in their history.")
    return join(" ", lines)


def _select_revision(number: int, workloads: Sequence[Workload], *, image_only: bool = False) -> VersionSelection:
    """Select the revision with this number, of one service. Raises ``AmbiguousVersion`` or ``Refused``."""
    if len(workloads) > 1:
        names, example = [each.target.service for each in workloads], workloads[0].target
        hint = sentence("Name the service, like ", Code(f"{revision_name(number)} {example.service}"), ".")
        raise UsageError(f"Every service counts its own revisions: {_join_and(names)} are meant here. Nothing was changed.", hint)
    (workload,) = workloads
    revision = next((each for each in workload.revisions if each.number == number and each.image), None)
    if revision is None:
        raise unknown_version(revision_name(number), workloads, deploy=image_only)
    if is_same(revision, workload, image_only=image_only) and not (image_only and _has_lagging_containers(workload)):
        raise _same_revision(revision, workload)
    return VersionSelection((SelectedVersion(workload=workload, image=revision.image, revision=revision),))


def _same_revision(revision: Revision, workload: Workload) -> Refused:
    """The refusal of a revision that would change nothing."""
    target, name, version = workload.target, revision_name(revision.number), version_of(revision.image)
    if revision.number == workload.revision:
        return Refused(f"{target} already runs {version}, revision {name}. Nothing was changed.")
    if revision.content_hash == workload.content_hash:
        return Refused(f"Between revision {name} of {target} and what runs lies only a restart. Nothing was changed.")
    rollback = CommandMention(f"rollback {target.environment} {name} {target.service}")
    refusal = f"{target} already runs {version}, and a deploy sets only the image. Nothing was changed. "
    return Refused(sentence(refusal, rollback, " puts back the whole template."))


def _select_last(workloads: Sequence[Workload], *, image_only: bool) -> VersionSelection:
    """Select for each service its previous revision, if they all have the same version."""
    previous = [(workload, previous_revision(workload, image_only=image_only)) for workload in workloads]
    found = [(workload, revision) for workload, revision in previous if revision is not None]
    versions = list(dict.fromkeys(version_of(revision.image) for _, revision in found))
    if not found:
        names = _join_and([each.target.service for each in workloads])
        refusal = f"There is no earlier version of {names} to go back to. Nothing was changed."
        raise Refused(" ".join([refusal, *_history_began(workloads)]))
    if len(versions) > 1:
        problem = "The last version is not the same for every service."
        raise _ambiguous_version(problem, versions, workloads, image_only=image_only)
    first = [workload.target.service for workload, revision in previous if revision is None]
    left_out = _left_out_text(first, "has no earlier version", "have no earlier version")
    selected = (SelectedVersion(workload=workload, image=revision.image, revision=revision) for workload, revision in found)
    return VersionSelection(tuple(selected), (left_out,) if left_out else ())


def _select_named(word: str, workloads: Sequence[Workload], *, image_only: bool) -> VersionSelection:
    matched = _all_matching_revisions(word, workloads)
    versions = list(dict.fromkeys(version_of(each.image) for each in matched))
    if not versions:
        raise unknown_version(word, workloads, deploy=image_only)
    if len(versions) > 1:
        raise _ambiguous_version(f"“{word}” could be {_join_or(versions)}.", versions, workloads, image_only=image_only)
    images = {each.image for each in matched}
    history = [(workload, [each for each in workload.revisions if each.image in images]) for workload in workloads]
    selection, running = _newest_of(versions[0], history, image_only=image_only)
    if selection.selected:
        return selection
    where = workloads[0].target.environment
    problem = f"{_join_and(running)} in {where} already run{'s' if len(running) == 1 else ''} {versions[0]}."
    if any(each.version in versions for each in rollback_candidates(workloads, image_only=image_only)):
        raise _ambiguous_version(f"{problem} It ran before with another template.", versions, workloads, image_only=image_only)
    raise Refused(f"{problem} Nothing was changed.")


def _all_matching_revisions(word: str, workloads: Sequence[Workload]) -> list[Revision]:
    """The matching revisions of all services. An exact tag in one has precedence over a short SHA in another."""
    matching = [each for workload in workloads for each in matching_revisions(word, workload.revisions)]
    return [each for each in matching if parse_image(each.image).effective_tag == word] or matching


def _newest_of(
    version: str, history: Sequence[tuple[Workload, Sequence[Revision]]], *, image_only: bool
) -> tuple[VersionSelection, tuple[str, ...]]:
    """Each service's newest revision of the version, and the services that run the version already."""
    selected, never_ran, running = [], [], []
    for workload, revisions in history:
        name = workload.target.service
        if not revisions:
            never_ran.append(name)
        elif workload.image in {each.image for each in revisions} and not (image_only and _has_lagging_containers(workload)):
            running.append(name)
        else:
            newest = max(revisions, key=lambda each: each.number)
            templates = len({each.content_hash for each in revisions})
            selected.append(SelectedVersion(workload=workload, image=newest.image, revision=newest, templates=templates))
    left_out = [
        _left_out_text(running, f"already runs {version}", f"already run {version}"),
        _left_out_text(never_ran, f"never ran {version}", f"never ran {version}"),
    ]
    return VersionSelection(tuple(selected), tuple(each for each in left_out if each)), tuple(running)


def _has_lagging_containers(workload: Workload) -> bool:
    """Whether another container with the service's image has another version of it: a deploy of the same version moves that."""
    own = containers_with_image(workload.template, workload.target.container, (workload.image,))
    return service_containers(workload.template, own, workload.image).moved != own


def _left_out_text(names: Sequence[str], does: str, do: str) -> str:
    """Why these services are left as they are, in one line; empty without services."""
    if not names:
        return ""
    one = len(names) == 1
    return f"{_join_and(names)} {does if one else do}; {'it is left as it is' if one else 'they are left as they are'}."


def _ambiguous_version(
    problem: str, versions: Sequence[str], workloads: Sequence[Workload], *, image_only: bool
) -> AmbiguousVersion:
    choices = [each for each in rollback_candidates(workloads, image_only=image_only) if each.version in versions]
    hint = "Say which one, by its number." if all(each.revision for each in choices) else "Say which one, with its whole name."
    return AmbiguousVersion(
        VersionChoices(
            sentence=f"{problem} Nothing was changed.",
            hint=hint,
            environment=workloads[0].target.environment,
            ambiguous=True,
            choices=tuple(choices[:MAX_CHOICES]),
            more=len(choices[MAX_CHOICES:]),
        )
    )


def _looks_like_a_tag(word: str, service: Service) -> bool:
    return is_version(word) and compile_label_regex(service.tag_pattern).matches(word)


def _history_began(workloads: Sequence[Workload]) -> list[str]:
    """Since when there is a history of these workloads, where it still begins with the first revision.

    A workload that was deleted and made anew has no revision from before.
    """
    return [
        f"{each.target.service} was made in the cluster on {each.created_at.astimezone(UTC):%d %b %Y, %H:%M} UTC; "
        "nothing from before is in its history."
        for each in workloads
        if any(revision.number == 1 for revision in each.revisions)
    ]


def _join_or(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _join_and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
