"""The sentence with which a verified operation ends, from what was verified of each service. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.operations.plans import ServiceChange
from domain.text import format_duration, join_and
from domain.workloads.update_strategies import KeptPods


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedService:
    """A service whose change was verified: how many pods run it, and what could not be told, in sentences."""

    change: ServiceChange
    pods: int
    remarks: tuple[str, ...] = ()
    kept: tuple[KeptPods, ...] = ()
    """The pods that its update strategy left at another template."""

    @property
    def name(self) -> str:
        """The service's name."""
        return self.change.target.service


def deployed_text(services: Sequence[VerifiedService]) -> str:
    """The outcome of a deploy or rollback: ``Verified: all 9 pods run main-abc1234.``"""
    running, idle = _by_pods(services)
    sentences = [_running_sentence(running)] if running else []
    sentences += [f"{each.change.after.label} is set; {_partial_sentence(each)}" for each in services if each.kept]
    sentences += [others_sentence(each.change) for each in services if each.change.staying]
    sentences += [f"{_versions(idle)} is set, and nothing runs it: {_have_no_pods(idle)}."] if idle else []
    return _with_remarks(sentences, services)


def restarted_text(services: Sequence[VerifiedService]) -> str:
    """The outcome of a restart: ``Verified: 3 new pods of web are ready.``"""
    running, idle = _by_pods(services)
    pods, names = sum(each.pods for each in running), ", ".join(each.name for each in running)
    new_pods = f"1 new pod of {names} is ready" if pods == 1 else f"{pods} new pods of {names} are ready"
    sentences = [f"Verified: {new_pods}."] if running else []
    sentences += [f"The restart is set; {_partial_sentence(each)}" for each in services if each.kept]
    sentences += [f"The restart is set, and nothing runs it: {_have_no_pods(idle)}."] if idle else []
    return _with_remarks(sentences, services)


def scaled_text(service: VerifiedService, duration: timedelta | None) -> str:
    """The outcome of a scaling: ``Verified: 5 pods are ready (there were 3).``"""
    before, wanted, pods = service.change.before.replicas, service.change.after.replicas, service.pods
    ready = f"no pod of {service.name} is left" if pods == 0 else "1 pod is ready" if pods == 1 else f"{pods} pods are ready"
    idle = ", and nothing runs it" if pods == 0 else ""
    sentences = [f"Verified: {ready} (there were {before}){idle}."]
    sentences += [] if pods == wanted else [f"{wanted} were asked for; something else has set another number since."]
    sentences += ["Its rollout stays paused."] if service.change.paused else []
    sentences += [f"In {format_duration(duration)} it goes back to {before}."] if duration else []
    return _with_remarks(sentences, [service])


def others_sentence(change: ServiceChange) -> str:
    """Which containers run something else than the version, after the change."""
    others = join_and([f"{each.name} runs {each.image}" for each in change.staying])
    return f"Not every container of {change.target.service} runs {change.after.label}: {others}."


def _by_pods(services: Sequence[VerifiedService]) -> tuple[list[VerifiedService], list[VerifiedService]]:
    whole = [each for each in services if not each.kept]
    return [each for each in whole if each.pods], [each for each in whole if not each.pods]


def _partial_sentence(service: VerifiedService) -> str:
    """What is set and how many pods have it; the others by name, with what they run and why."""
    total, strategy = service.pods + sum(each.count for each in service.kept), service.change.strategy
    verified = ", verified" if service.pods else ""
    have = f"{service.pods} of {total} pods of {service.name} {'has' if service.pods == 1 else 'have'} it{verified}"
    kept = join_and([f"{each.names} {'keeps' if each.count == 1 else 'keep'} {each.version}" for each in service.kept])
    them = "it" if total - service.pods == 1 else "them"
    until = f" until somebody deletes {them}" if strategy.on_delete else ""
    return f"{have}. {kept[0].upper()}{kept[1:]}{until}: {strategy.reason}."


def _running_sentence(running: Sequence[VerifiedService]) -> str:
    pods, is_mixed = sum(each.pods for each in running), any(each.change.staying for each in running)
    who = "the pod runs" if pods == 1 else f"{'' if is_mixed else 'all '}{pods} pods run"
    return f"Verified: {who} {_versions(running)}{_where(running)}."


def _where(running: Sequence[VerifiedService]) -> str:
    """The verified containers of services that have more than one; else empty."""
    several = [each for each in running if len(each.change.containers) > 1 or each.change.staying]
    if len(running) == 1 and several:
        return f" in {join_and(several[0].change.containers)}"
    return f" ({'; '.join(f'{each.name} in {join_and(each.change.containers)}' for each in several)})" if several else ""


def _versions(services: Sequence[VerifiedService]) -> str:
    return " and ".join(dict.fromkeys(each.change.after.label for each in services))


def _have_no_pods(services: Sequence[VerifiedService]) -> str:
    return f"{join_and([each.name for each in services])} {'has' if len(services) == 1 else 'have'} 0 pods"


def _with_remarks(sentences: Sequence[str], services: Sequence[VerifiedService]) -> str:
    return " ".join([*sentences, *(remark for each in services for remark in each.remarks)])
