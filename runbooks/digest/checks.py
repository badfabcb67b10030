"""The checks of what the house itself knows: alerts, incidents, on-call, operations, locks, pods."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from domain.alerts.alerts import AlertGroup
from domain.alerts.remediation import raised_by_bot
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import Forbidden
from domain.health import HealthCheck, HealthLevel, HealthLine
from domain.oncall.schedule import next_change, on_call
from domain.operations.locks import LockRecord, describe_lock
from domain.operations.operation import State
from domain.rich_text import Text, Timestamp, join, sentence
from domain.severities import Severity
from domain.text import first_names, format_duration
from domain.workloads.deployments import Workload
from integrations.kubernetes import Cluster
from runbooks.clusters import cluster_of
from storage.incidents import IncidentRepository
from storage.oncall import OncallRepository
from storage.store import Store

ON_CALL = "on call"
MAX_NAMED = 3
MAX_GROUPS = 30
_SEVERE = (Severity.P0, Severity.P1)
_WENT_WRONG = (State.FAILED, State.NEEDS_PERSON, State.DRIFTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseChecks:
    """What the checks read."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    clusters: Mapping[str, Cluster]

    def all(self) -> tuple[HealthCheck, ...]:
        """Every check of this module, in the order in which equals are shown."""
        checks = {
            "alerts": self.alerts,
            "incidents": self.incidents,
            "pods": self.pods,
            "operations": self.operations,
            ON_CALL: self.oncall,
        }
        return tuple(HealthCheck(name=name, run=run) for name, run in checks.items())

    async def alerts(self, environment: str) -> tuple[HealthLine, ...]:
        """What fires there, or may be there since it names no environment, and is not silenced: P0 and P1 are red."""
        async with self.store.read() as tx:
            groups, count = await tx.alerts.search(environments=(environment,), firing=True, silenced=False, limit=MAX_GROUPS)
        worst = min((group.severity for group in groups), default=None)
        level = HealthLevel.GREEN if worst is None else HealthLevel.RED if worst in _SEVERE else HealthLevel.YELLOW
        text = f"{count} firing: {_titles(groups)}" if groups else "none fires"
        if any(map(raised_by_bot, groups)):
            level, text = HealthLevel.RED, f"others may not arrive; {text}"
        command = f"alerts {environment}" if all(each.environment for each in groups) else "alerts"
        return (self._line("alerts", level, text, count, command),)

    async def incidents(self, environment: str) -> tuple[HealthLine, ...]:
        """The incidents that go on. Rehearsals do not count, and those of security are not for everybody's eyes."""
        async with self.store.read() as tx:
            found = await tx.of(IncidentRepository).maybe_of(environment)
        ongoing = [each for each in found if each.state.is_ongoing and not each.is_test and not each.security]
        if not ongoing:
            return (self._line("incidents", HealthLevel.GREEN, "none is open", 0, "incident list"),)
        level = HealthLevel.RED if any(each.severity in _SEVERE for each in ongoing) else HealthLevel.YELLOW
        at = self.clock.now()
        worst = sorted(ongoing, key=lambda each: (each.severity, each.id))
        names = [f"{each.severity} {each.title} ({each.id}, {format_duration(at - each.declared.at)})" for each in worst]
        text = f"{len(ongoing)} open: {first_names(names, MAX_NAMED)}"
        return (self._line("incidents", level, text, len(ongoing), f"incident show {worst[0].id}"),)

    async def pods(self, environment: str) -> tuple[HealthLine, ...]:
        """Ready pods of those that are wanted, and autoscalers that have no room left."""
        catalogue = self.catalogue()
        cluster = cluster_of(environment, catalogue, self.clusters)
        found = await cluster.workloads(catalogue.targets(environment))
        try:
            counts = await cluster.pod_counts(found.values())
        except Forbidden:
            counts = {}
        ready = {each.target.service: counts[each.uid].ready if each.uid in counts else each.ready for each in found.values()}
        missing = [name for name in catalogue.default_application.services if name not in ready]
        return (self._pods(environment, found.values(), ready, missing), *self._autoscalers(environment, found.values()))

    def _pods(
        self, environment: str, workloads: Collection[Workload], ready: Mapping[str, int], missing: list[str]
    ) -> HealthLine:
        lacking = {each.target.service: each.replicas for each in workloads if ready[each.target.service] < each.replicas}
        problems = [f"{name} does not exist" for name in missing]
        problems += [f"{name} {ready[name]}/{wanted}" for name, wanted in lacking.items()]
        is_down = bool(missing) or any(ready[name] == 0 for name in lacking)
        level = HealthLevel.RED if is_down else HealthLevel.YELLOW if lacking else HealthLevel.GREEN
        total = sum(ready.values())
        text = f"{total}/{sum(each.replicas for each in workloads)} ready"
        text += f": {first_names(problems, MAX_NAMED)}" if problems else ""
        return self._line("pods", level, text, total, f"status {environment}")

    def _autoscalers(self, environment: str, workloads: Iterable[Workload]) -> tuple[HealthLine, ...]:
        scaled = [(each, each.autoscaler) for each in workloads if each.autoscaler is not None]
        full = [each.target.service for each, scaler in scaled if each.replicas >= scaler.max_replicas > scaler.min_replicas]
        if not scaled:
            return ()
        level = HealthLevel.YELLOW if full else HealthLevel.GREEN
        sizes = [f"{each.target.service} {each.replicas} of {scaler.max_replicas}" for each, scaler in scaled]
        text = f"no room left: {first_names(full, MAX_NAMED)}" if full else first_names(sizes, MAX_NAMED)
        return (self._line("autoscaler", level, text, None, f"status {environment}"),)

    async def operations(self, environment: str) -> tuple[HealthLine, ...]:
        """What waits and runs, and what the last one of each service that went wrong was."""
        async with self.store.read() as tx:
            recent = await tx.operations.recent(environment=environment)
            locks = [each for each in await tx.locks.active(self.clock.now()) if each.environment == environment]
        lines = [f"{each.id} waits for an approval" for each in recent if each.state is State.WAITING]
        lines += [f"{each.id} runs" for each in recent if each.state is State.RUNNING]
        ended = next((each for each in recent if each.state.final), None)
        went_wrong = ended is not None and ended.state in _WENT_WRONG
        if ended is not None and went_wrong:
            lines.insert(0, f"the last one, {ended.id}, ended as {ended.state.value.replace('_', ' ')}")
        texts: list[Text] = [*lines, *_person_locks(locks)]
        level = HealthLevel.YELLOW if went_wrong or _person_locks(locks) else HealthLevel.GREEN
        return (self._line("operations", level, join(" · ", texts) or "none runs", None, f"status {environment}"),)

    async def oncall(self, _environment: str) -> tuple[HealthLine, ...]:
        """Who is on call for each team, and until when; nobody is red."""
        at, catalogue = self.clock.now(), self.catalogue()
        texts: list[Text] = []
        level = HealthLevel.GREEN
        for team in catalogue.oncall:
            async with self.store.read() as tx:
                roster = await tx.of(OncallRepository).roster(catalogue, team, at)
            names, until = on_call(roster, at), next_change(roster, at)
            level = level if names else HealthLevel.RED
            who = ", ".join(names) or "nobody"
            texts.append(sentence(f"{team}: {who}", *((" until ", Timestamp(until)) if until else ())))
        return (self._line(ON_CALL, level, join(" · ", texts), None, "oncall"),) if texts else ()

    def _line(self, system: str, level: HealthLevel, text: Text, value: float | None, command: str) -> HealthLine:
        return HealthLine(system=system, level=level, text=text, measured_at=self.clock.now(), value=value, commands=(command,))


def _titles(groups: tuple[AlertGroup, ...]) -> str:
    names = [f"{each.severity} {each.title}{'' if each.environment else ' (names no environment)'}" for each in groups]
    return first_names(names, MAX_NAMED)


def _person_locks(locks: list[LockRecord]) -> list[Text]:
    return [describe_lock(each) for each in locks if not each.operation]
