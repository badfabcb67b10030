"""Whether the changes of an incident still stand: what the pods of each changed service run now. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.incidents.incident import Incident
from domain.incidents.proof import Evidence, Finding, ProofPart
from domain.operations.operation import OperationRecord, State
from domain.operations.plans import ServiceChange, Verb
from domain.rich_text import Code, Text, Timestamp, join, sentence
from domain.workloads.deployments import Workload
from domain.workloads.images import parse_image, version_of
from domain.workloads.pod_counts import PodCounts, describe_pods


@dataclass(frozen=True, slots=True)
class StandingChange:
    """The last change of one service that an operation of the incident made with success."""

    operation: OperationRecord
    change: ServiceChange

    @property
    def service(self) -> str:
        """The service's name."""
        return self.change.target.service


@dataclass(frozen=True, slots=True)
class ServiceProof:
    """The evidence about one service, and how many ready pods run which version if its change stands."""

    evidence: Evidence
    pods: int = 0
    version: str = ""


def standing_changes(operations: Iterable[OperationRecord]) -> tuple[StandingChange, ...]:
    """The last successful change of each service, by the time at which its operation ended."""
    last: dict[object, StandingChange] = {}
    ended = [each for each in operations if each.state is State.SUCCEEDED]
    for operation in sorted(ended, key=lambda each: each.ended_at or each.requested_at):
        for change in operation.plan.changes:
            last[change.target] = StandingChange(operation, change)
    return tuple(sorted(last.values(), key=lambda each: (each.change.target.environment, each.service)))


def judge_change(standing: StandingChange, workload: Workload, pods: PodCounts, at: datetime) -> ServiceProof:
    """Compare what runs with what the operation left behind."""
    name = standing.service
    if workload.uid != standing.change.uid:
        return ServiceProof(_refuted(standing, f"{name} was made anew", standing.change.target.recreated_text))
    if changed := _changed_since(standing, workload, pods, at):
        return ServiceProof(_refuted(standing, f"{name} was changed since", changed))
    if unready := _not_ready(standing, workload, pods):
        # An autoscaler that adds pods, or a node that goes, makes a few of them unready for a while.
        return ServiceProof(_refuted(standing, unready, f"{unready}; it has {describe_pods(pods)}.", may_pass=True))
    version = standing.change.after.version
    counted = f"{pods.ready} pod{' runs' if pods.ready == 1 else 's run'} {version}"
    detail = sentence(f"{name}: {counted}, as ", _operation_text(standing), " left it.", *_remarks(standing, workload, at))
    return ServiceProof(Evidence(finding=Finding.SHOWN, brief="", detail=detail), pods.ready, version)


def cannot_see(standing: StandingChange, why: Text, *, may_pass: bool) -> ServiceProof:
    """The evidence about a service whose cluster does not tell."""
    text = sentence(f"What {standing.service} runs is not known: ", why)
    brief = f"what {standing.service} runs"
    return ServiceProof(Evidence(finding=Finding.UNKNOWN, brief=brief, detail=text, may_pass=may_pass))


def is_gone(standing: StandingChange, why: Text) -> ServiceProof:
    """The evidence about a service that no longer exists."""
    return ServiceProof(_refuted(standing, f"{standing.service} no longer exists", why))


def unfinished_operations(incident: Incident) -> list[Evidence]:
    """The evidence about operations of the incident that have not ended, so that what stands may change."""
    return [
        Evidence(
            finding=Finding.UNKNOWN,
            brief=sentence("the outcome of ", Code(each.operation_id)),
            detail=sentence(f"{each.title} (", Code(each.operation_id), ") has not ended: ", each.state, "."),
            may_pass=True,
        )
        for each in incident.operations
        if not each.ended
    ]


def changes_part(services: Sequence[ServiceProof], unfinished: Sequence[Evidence]) -> ProofPart:
    """All services; the headline counts the pods of all whose change stands, by version."""
    standing = [each for each in services if each.evidence.finding is Finding.SHOWN]
    by_version: dict[str, int] = {}
    for each in standing:
        if each.pods:
            by_version[each.version] = by_version.get(each.version, 0) + each.pods
    everything = "all " if len(standing) == len(services) else ""
    counted = [_running_text(everything, pods, version) for version, pods in by_version.items()]
    evidence = [each.evidence for each in services]
    if counted:
        first = evidence.index(standing[0].evidence)
        evidence[first] = Evidence(finding=Finding.SHOWN, brief=join(", ", counted), detail=evidence[first].detail)
    return ProofPart("service", (*evidence, *unfinished))


def _running_text(everything: str, pods: int, version: str) -> str:
    return f"the pod runs {version}" if pods == 1 else f"{everything}{pods} pods run {version}"


def _changed_since(standing: StandingChange, workload: Workload, pods: PodCounts, at: datetime) -> Text:
    """Who changed what since; empty if the change stands."""
    after, name = standing.change.after, standing.service
    if not parse_image(workload.image).still_asks_for(parse_image(after.image)):
        text = sentence(f"{name} now asks for {version_of(workload.image)}, not for {after.version}", _by(standing, workload))
        return sentence(text, f"; it has {describe_pods(pods)}.")
    if standing.operation.verb is Verb.SCALE and workload.autoscaler is None:
        wanted = standing.change.before.replicas if _is_taken_back(standing, at) else after.replicas
        if workload.replicas != wanted:
            return f"{name} is set to {_pods(workload.replicas)}, not to {wanted}: somebody else changed it since."
    if not _has_its_template(standing, workload):
        return sentence(
            f"{name} still asks for {after.version}, but its template was changed since", _by(standing, workload), "."
        )
    return ""


def _has_its_template(standing: StandingChange, workload: Workload) -> bool:
    """Whether the template is the operation's, or differs by a restart or by what an admission webhook put into it at once."""
    wanted = standing.change.after.template_hash
    if workload.template_hash == wanted or workload.template_set_by == standing.operation.id:
        return True
    # The revision of that template and the present one differ in nothing but when they were restarted.
    set_then = next((each for each in workload.revisions if each.template_hash == wanted), None)
    return set_then is not None and set_then.content_hash == workload.content_hash


def _by(standing: StandingChange, workload: Workload) -> Text:
    """By which operation; somebody else if none is known."""
    known = workload.template_set_by
    return sentence(" (", Code(known), ")") if known and known != standing.operation.id else ": somebody else changed it"


def _not_ready(standing: StandingChange, workload: Workload, pods: PodCounts) -> str:
    """``only 2 of 3 pods of web are ready``; empty if all run the version that was set."""
    name, desired = standing.service, workload.replicas
    if desired == 0:
        is_meant = standing.operation.verb is Verb.SCALE and standing.change.after.replicas == 0
        return "" if is_meant else f"{name} is set to 0 pods, and nothing runs it"
    if pods.ready < desired:
        return f"only {pods.ready} of {_pods(desired)} of {name} {'is' if pods.ready == 1 else 'are'} ready"
    earlier = sum(group.total for group in pods.earlier)
    return f"{_pods(earlier)} of {name} still run{'s' if earlier == 1 else ''} what was before" if earlier else ""


def _remarks(standing: StandingChange, workload: Workload, at: datetime) -> list[Text]:
    remarks: list[Text] = []
    if workload.template_hash != standing.change.after.template_hash and standing.operation.verb is not Verb.RESTART:
        remarks.append(" It was restarted since, or an admission webhook altered its template.")
    if (ends_at := _ends_at(standing)) is not None and not _is_taken_back(standing, at):
        before = _pods(standing.change.before.replicas)
        remarks.append(sentence(f" It goes back to {before} at about ", Timestamp(ends_at), "."))
    return remarks


def _ends_at(standing: StandingChange) -> datetime | None:
    """When a scaling for some time is taken back; None for what stays."""
    operation = standing.operation
    began_at = operation.progress_of(standing.service).started_at if operation.progress else None
    return None if operation.duration is None else (began_at or operation.requested_at) + operation.duration


def _is_taken_back(standing: StandingChange, at: datetime) -> bool:
    ends_at = _ends_at(standing)
    return ends_at is not None and ends_at <= at


def _operation_text(standing: StandingChange) -> Text:
    return sentence(f"{standing.operation.verb.value} ", Code(standing.operation.id))


def _refuted(standing: StandingChange, brief: Text, detail: Text, *, may_pass: bool = False) -> Evidence:
    text = sentence("After ", _operation_text(standing), ": ", detail)
    return Evidence(finding=Finding.REFUTED, brief=brief, detail=text, may_pass=may_pass)


def _pods(number: int) -> str:
    return f"{number} pod{'' if number == 1 else 's'}"
