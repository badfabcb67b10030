"""Whether the pods of a change run the content that was asked for, from what nodes report. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.operations.plans import ServiceChange, Verb
from domain.text import join_and
from domain.workloads.image_ids import ReportedImage, RunningImage, Sameness, compare_all, compare_with_verified, is_requested
from domain.workloads.images import DEFAULT_TAG, parse_image


@dataclass(frozen=True, slots=True)
class ImageVerdict:
    """A ``problem`` if the pods do not run what was asked for; else ``remarks`` on what is different or cannot be told."""

    problem: str = ""
    remarks: tuple[str, ...] = ()


def verify_images(
    verb: Verb, change: ServiceChange, running: Iterable[RunningImage], verified: Sequence[ReportedImage]
) -> ImageVerdict:
    """Judge the images of the containers that run the version. ``verified`` is what that version ran as before.

    A scaling asks for a number of pods only, so that it has no problem with their images.
    """
    own = [each for each in running if each.container in change.own_containers]
    problem = _other_request(change, own) or _different_content(own)
    if problem:
        return ImageVerdict(remarks=(problem,)) if verb is Verb.SCALE else ImageVerdict(problem=problem)
    if _is_pinned(change, own):
        return ImageVerdict()
    reported = [each.reported for each in own]
    if own and parse_image(change.after.image).digest:
        return ImageVerdict(remarks=(_unpinned(change, own),))
    if own and compare_all(reported) is Sameness.UNKNOWN:
        return ImageVerdict(remarks=(_untold(reported),))
    return _compared_with_last(verb, change, reported, verified)


def _compared_with_last(
    verb: Verb, change: ServiceChange, reported: Sequence[ReportedImage], verified: Sequence[ReportedImage]
) -> ImageVerdict:
    now, then = _join_ids(reported), _join_ids(verified)
    match compare_with_verified(reported, verified):
        case Sameness.DIFFERENT if _restores_content(verb, change):
            return ImageVerdict(problem=f"The pods run {now}, but this version was {then} when it was last verified.")
        case Sameness.DIFFERENT:
            return ImageVerdict(remarks=(f"{change.after.version} is {now} now; it was {then} when it was last verified.",))
        case Sameness.UNKNOWN if verb in (Verb.DEPLOY, Verb.ROLLBACK):
            names = f"nodes named it {then} then and name it {now} now"
            return ImageVerdict(remarks=(f"Whether that is the content that was verified before cannot be told: {names}.",))
        case _:
            return ImageVerdict()


def _other_request(change: ServiceChange, own: Iterable[RunningImage]) -> str:
    """The problem of a pod that asks for another version than its template: its image can be changed in the pod itself."""
    other = next((each for each in own if not is_requested(each.requested, change.after.image)), None)
    return "" if other is None else f"In a pod {other.container} is set to {other.requested}, not to {change.after.image}."


def _different_content(own: Iterable[RunningImage]) -> str:
    reported = [each.reported for each in own]
    if compare_all(reported) is not Sameness.DIFFERENT:
        return ""
    return f"The pods run {len(_ids(reported))} different images under one name: {', '.join(_ids(reported))}."


def _is_pinned(change: ServiceChange, own: Iterable[RunningImage]) -> bool:
    """Whether a digest decides what runs: a runtime starts nothing else, however its node names it afterwards."""
    digest = parse_image(change.after.image).digest
    return bool(digest) and all(digest in (parse_image(each.requested).digest, each.reported.digest) for each in own)


def _restores_content(verb: Verb, change: ServiceChange) -> bool:
    """Whether the change brings back what ran before: a rollback to another image, whose tag is not meant to move."""
    image = parse_image(change.after.image)
    return verb is Verb.ROLLBACK and change.before.image != change.after.image and image.effective_tag != DEFAULT_TAG


def _untold(reported: Sequence[ReportedImage]) -> str:
    named = f"nodes name it {_join_ids(reported)}" if all(each.digest for each in reported) else "not every node reports a digest"
    return f"Whether all of them run the same content cannot be told: {named}."


def _unpinned(change: ServiceChange, own: Iterable[RunningImage]) -> str:
    """A pod asks for a tag where its template has a digest, and its node names another digest."""
    wanted, requested = change.after.image, join_and(sorted({each.requested for each in own}))
    named = _join_ids([each.reported for each in own])
    return f"Whether that is {wanted} cannot be told: the pods ask for {requested}, and nodes name it {named}."


def _ids(reported: Iterable[ReportedImage]) -> list[str]:
    return sorted({str(each) for each in reported})


def _join_ids(reported: Iterable[ReportedImage]) -> str:
    return join_and(_ids(reported))
