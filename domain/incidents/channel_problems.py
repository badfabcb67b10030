"""What of an incident's channel could not be done, in sentences for the incident's card. Pure."""

from collections.abc import Sequence

from domain.incidents.channel import IncidentChannel, Step, StepFailure, StepKind
from domain.rich_text import Text, join, plain_text, sentence, without_ending

MIN_ATTEMPTS_TOLD = 3
"""A failure that passes is told after this many attempts, a few seconds: most have passed by then."""
_FAILED = {
    StepKind.NAME: "{} could not be created",
    StepKind.CREATE: "{} could not be created",
    StepKind.UNARCHIVE: "{} is archived and could not be brought back",
    StepKind.PURPOSE: "The purpose of {} could not be set",
    StepKind.TOPIC: "The topic of {} could not be set",
    StepKind.PIN: "The card could not be pinned in {}",
    StepKind.ARCHIVE: "{} could not be archived",
}
GOES_ON = ". The incident goes on here."


def problems(channel: IncidentChannel) -> tuple[Text, ...]:
    """One sentence for each thing that could not be done, with the reason; nothing is told twice."""
    permanent = [failure for failure in channel.failures if failure.permanent]
    reasons = dict.fromkeys((failure.step.kind, plain_text(failure.why)) for failure in permanent)
    groups = [[each for each in permanent if (each.step.kind, plain_text(each.why)) == reason] for reason in reasons]
    return (*_whole_channel(channel), *(_permanent(channel, group) for group in groups), *_waiting(channel))


def _whole_channel(channel: IncidentChannel) -> tuple[Text, ...]:
    if channel.is_gone:
        return (f"#{channel.name} was deleted, or deepecho was removed from it{GOES_ON}",)
    if channel.is_archived_by_hand and channel.was_unarchived:
        return (f"#{channel.name} was archived again by hand{GOES_ON}",)
    return ()


def _permanent(channel: IncidentChannel, failures: Sequence[StepFailure]) -> Text:
    kind, why = failures[0].step.kind, without_ending(failures[0].why, ".")
    ending = GOES_ON if kind in {StepKind.NAME, StepKind.CREATE, StepKind.UNARCHIVE} else "."
    return sentence(_what(channel, [failure.step for failure in failures]), ": ", why, ending)


def _waiting(channel: IncidentChannel) -> tuple[Text, ...]:
    """What is tried again, by the failure that came last."""
    temporary = [failure for failure in channel.failures if not failure.permanent]
    if not temporary or channel.attempts < MIN_ATTEMPTS_TOLD:
        return ()
    last = max(temporary, key=lambda failure: failure.at)
    return (sentence(_what(channel, [last.step]), ": ", without_ending(last.why, "."), ". deepecho keeps trying."),)


def _what(channel: IncidentChannel, steps: Sequence[Step]) -> Text:
    kind, name = steps[0].kind, f"#{channel.name or steps[0].text}"
    if kind is StepKind.INVITE:
        people = join(", ", (sentence(step.person) for step in steps))
        return sentence(people, f" could not be invited to {name}")
    if kind is StepKind.BOOKMARK:
        return f"{name} has no bookmark for {', '.join(step.bookmark.title for step in steps if step.bookmark)}"
    return _FAILED[kind].format(name)
