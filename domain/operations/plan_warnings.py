"""Changes that are refused because they would not last, and warnings for the person who approves. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from domain.errors import Refused
from domain.operations.outcomes import others_sentence
from domain.operations.plans import ServiceChange, Verb
from domain.operations.version_selection import SelectedVersion
from domain.rich_text import Code, Part, Text, sentence
from domain.targets import WorkloadKind
from domain.text import join_and
from domain.workloads.deployments import ConfigChange, Owner, OwnerKind, Revision, Workload
from domain.workloads.images import version_of
from domain.workloads.revisions import revision_name
from domain.workloads.versions import image_resembles


def refuse_impossible_change(workload: Workload, verb: Verb) -> None:
    """Raise ``Refused`` if the change would not start or would be reverted. The text names a way that works."""
    target, owner = workload.target, workload.owner
    if owner.reverts and owner.kind in _ADVICE:
        advice = _ADVICE[owner.kind](workload, verb)
        raise Refused(
            sentence(
                f"{target} belongs to {_OWNER_NAMES[owner.kind]} ({owner.name}), which puts every change back within seconds. ",
                "Nothing was changed. ",
                advice,
            )
        )
    if verb is Verb.SCALE and target.kind is WorkloadKind.DAEMON_SET:
        refusal = f"{target} is a DaemonSet: it has one pod on each node that it selects, and no number of pods to set."
        raise Refused(f"{refusal} Nothing was changed. Its node selector and the labels of nodes decide.")
    if verb is Verb.RESTART and workload.replicas and not workload.strategy.reached(workload.replicas):
        raise Refused(_unreached_restart(workload))
    if workload.paused and verb is not Verb.SCALE:
        refusal = f"The rollout of {target} is paused, so nothing new would start. Nothing was changed. When it may go on: "
        resume = Code(f"kubectl --namespace {target.namespace} rollout resume deployment/{target.deployment}")
        raise Refused(sentence(refusal, resume, ", then ask again."))


def _unreached_restart(workload: Workload) -> Text:
    """A restart that reaches no pod would only mark the template."""
    strategy, target = workload.strategy, workload.target
    refusal = f"A restart of {target} would replace no pod: {strategy.reason}. Nothing was changed."
    if not strategy.on_delete:
        return f"{refusal} Lower the partition first."
    delete = Code(f"kubectl --namespace {target.namespace} delete pod <name>")
    return sentence(f"{refusal} Delete its pods one after the other: ", delete, ".")


def change_warnings(workloads: Iterable[Workload], verb: Verb) -> tuple[str, ...]:
    """Warnings about zero replicas, owners and autoscalers of these Deployments, one line for those that share an owner."""
    workloads = tuple(workloads)
    idle_warnings = _idle_warnings(workloads, verb)
    lines, names_by_owner = [], dict[Owner, list[str]]()
    for workload in workloads:
        name, autoscaler = workload.target.service, workload.autoscaler
        names_by_owner.setdefault(workload.owner, []).append(name)
        if autoscaler and verb is Verb.SCALE:
            limits = f"between {autoscaler.min_replicas} and {autoscaler.max_replicas}"
            lines.append(f"{name} is autoscaled {limits}: its autoscaler may soon change the number again.")
        elif autoscaler and verb is not Verb.RESTART:
            lines.append(
                f"{name} is autoscaled {autoscaler.min_replicas} to {autoscaler.max_replicas}; its number of pods is left alone."
            )
    stuck = () if verb is Verb.SCALE else _stuck_pod_warnings(workloads)
    if verb is Verb.RESTART:
        return (*idle_warnings, *stuck)
    return (
        *idle_warnings,
        *stuck,
        *(_overwrite_warning(owner, names) for owner, names in names_by_owner.items() if owner.kind is not OwnerKind.NOBODY),
        *lines,
    )


def container_warnings(changes: Iterable[ServiceChange]) -> tuple[str, ...]:
    """One warning for each service of which a container will run another version."""
    return tuple(others_sentence(change) for change in changes if change.staying)


def _idle_warnings(workloads: Iterable[Workload], verb: Verb) -> tuple[str, ...]:
    """One warning for the services without pods, unless their number is what changes."""
    names = [each.target.service for each in workloads if each.replicas == 0]
    if not names or verb is Verb.SCALE:
        return ()
    what = "there is no pod to restart" if verb is Verb.RESTART else "this sets the version, and nothing runs it"
    daemon_sets = [each for each in workloads if each.replicas == 0 and each.target.kind is WorkloadKind.DAEMON_SET]
    until = "until it selects a node" if len(daemon_sets) == len(names) else "until something scales it up"
    return (f"{join_and(names)} {'has' if len(names) == 1 else 'have'} 0 pods: {what} {until}.",)


def _stuck_pod_warnings(workloads: Iterable[Workload]) -> tuple[str, ...]:
    """One warning for each workload that waits for pods which are not ready now."""
    return tuple(
        f"{workload.ready} of {workload.replicas} pods of {workload.target.service} are ready, {_WAITING[workload.target.kind]}"
        for workload in workloads
        if workload.target.kind in _WAITING and workload.ready < workload.replicas and not workload.strategy.on_delete
    )


_WAITING = {
    WorkloadKind.STATEFUL_SET: (
        "and a StatefulSet waits for each: one that never becomes ready has to be deleted by hand before this can go on."
    ),
    WorkloadKind.DAEMON_SET: "and this ends only when the pod on every node is: one on a node that is down holds it up.",
}


def unseen_version_warnings(selected: Iterable[SelectedVersion]) -> tuple[str, ...]:
    """One warning for each version that has not run here."""
    unseen: dict[str, list[Workload]] = {}
    for each in selected:
        if each.revision is None:
            unseen.setdefault(version_of(each.image), []).append(each.workload)
    return tuple(
        f"{version} was never seen here: whether its image exists shows when the first pod starts."
        + _resembling(version, workloads)
        for version, workloads in unseen.items()
    )


def _resembling(version: str, workloads: Iterable[Workload]) -> str:
    """The newest version that ran here and that this one may be a misspelling of; empty without one."""
    revisions = [each for workload in workloads for each in workload.revisions if image_resembles(version, each.image)]
    newest = max(revisions, key=lambda each: each.created_at, default=None)
    return f" {version_of(newest.image)}, which ran here, resembles it." if newest else ""


def template_warnings(selected: Iterable[SelectedVersion]) -> tuple[str, ...]:
    """One warning for each version that ran with several templates: it names the one that is restored."""
    return tuple(
        f"{version.service} ran {version_of(version.image)} with {version.templates} different templates; "
        f"this takes the newest, {revision_name(version.revision.number)}."
        for version in selected
        if version.revision is not None and version.templates > 1
    )


def config_warnings(changed: Mapping[str, Iterable[ConfigChange]]) -> tuple[str, ...]:
    """One warning for each ConfigMap or Secret that changed after a version ran. ``changed`` is by version."""
    lines: dict[tuple[str, str], str] = {}
    for version, objects in changed.items():
        for config in objects:
            lines.setdefault(
                (config.kind, config.name),
                f"{config.kind} {config.name} changed after {version} ran ({config.changed_at.astimezone(UTC):%d %b %H:%M} UTC); "
                "a rollback does not restore it.",
            )
    return tuple(lines.values())


def ran_until(revision: Revision, workload: Workload) -> datetime:
    """A time not later than the end of the revision: when the next one was created, or else when it was created itself.

    A ReplicaSet that is activated again keeps its creation time, so the next number can be older than this one.
    """
    later = [each for each in workload.revisions if each.number > revision.number]
    after = min(later, key=lambda each: each.number, default=None)
    return max(revision.created_at, after.created_at) if after else revision.created_at


def _overwrite_warning(owner: Owner, names: Sequence[str]) -> str:
    who = f"{', '.join(names)} belong{'s' if len(names) == 1 else ''} to {_OWNER_NAMES[owner.kind]}"
    if owner.kind is OwnerKind.HELM:
        return f"{who}: the next helm upgrade of release {owner.name} overwrites this."
    return f"{who} ({owner.name}): the next sync overwrites this."


def _argo_cd_advice(workload: Workload, verb: Verb) -> Text:
    app, deployment = workload.owner.name, workload.target.deployment
    set_image, sync, set_manual = (
        f"argocd app {each}" for each in (f"set {app}", f"sync {app}", f"set {app} --sync-policy none")
    )
    history, roll_back = f"argocd app history {app}", f"argocd app rollback {app} <id>"
    restart = f"argocd app actions run {app} restart --kind {workload.target.kind} --resource-name {deployment}"
    parts: dict[Verb, tuple[Part, ...]] = {
        Verb.DEPLOY: ("Change the image in its Git repository, or: ", Code(set_image), " and ", Code(sync), "."),
        Verb.ROLLBACK: (
            *("Revert the commit in its Git repository, or: ", Code(set_manual), ", then "),
            *(Code(history), " and ", Code(roll_back), "."),
        ),
        Verb.RESTART: ("Instead: ", Code(restart), "."),
        Verb.SCALE: ("Change the replicas in its Git repository, then ", Code(sync), "."),
    }
    return sentence(*parts[verb])


def _flux_advice(workload: Workload, verb: Verb) -> Text:
    name, target = workload.owner.name, workload.target
    suspend, reconcile = Code(f"flux suspend kustomization {name}"), Code(f"flux reconcile kustomization {name} --with-source")
    rollout_restart = f"kubectl --namespace {target.namespace} rollout restart {target.kind.lower()}/{target.deployment}"
    first: dict[Verb, tuple[Part, ...]] = {
        Verb.DEPLOY: ("Commit the new image, then ", reconcile),
        Verb.ROLLBACK: (Code("git revert"), " the commit, then ", reconcile),
        Verb.RESTART: ("Instead: ", Code(f"{rollout_restart} --field-manager=flux-client-side-apply")),
        Verb.SCALE: ("Commit the number of replicas, then ", reconcile),
    }
    return sentence(*first[verb], "; or ", suspend, " (", Code("helmrelease"), ", where it is one), then ask again.")


_OWNER_NAMES = {OwnerKind.ARGO_CD: "Argo CD", OwnerKind.FLUX: "Flux", OwnerKind.HELM: "Helm"}
_ADVICE = {OwnerKind.ARGO_CD: _argo_cd_advice, OwnerKind.FLUX: _flux_advice}
