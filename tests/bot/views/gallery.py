"""One believable fact of each kind of answer."""

from dataclasses import replace
from datetime import timedelta

from domain.answers.answers import (
    AuditAnswer,
    EnvironmentStatus,
    ErrorAnswer,
    FieldKind,
    Form,
    FormField,
    FormOption,
    HelpAnswer,
    HelpGroup,
    HelpLine,
    HomeAnswer,
    LocksAnswer,
    OperationsAnswer,
    OperationStarted,
    Permissions,
    Preview,
    ServiceStatus,
    ServiceVersions,
    StatusAnswer,
    TextAnswer,
    UnwellServices,
    VersionLine,
    VersionsAnswer,
    WhoAmI,
)
from domain.audit import AuditEntry, AuditRecord
from domain.notes import OperationNote, Tone
from domain.operations.locks import LockRecord
from domain.operations.operation import State
from domain.operations.version_choices import VersionChoice, VersionChoices
from domain.people import Role
from domain.policies import AccessRule
from domain.rich_text import CommandMention, sentence
from domain.workloads.deployments import Autoscaler, Owner, OwnerKind
from tests.harness.families import Fact
from tests.harness.samples.alert_gallery import ALERT_GALLERY
from tests.harness.samples.dashboard_gallery import DASHBOARD_GALLERY
from tests.harness.samples.digest_gallery import DIGEST_GALLERY
from tests.harness.samples.guard_gallery import GUARD_GALLERY
from tests.harness.samples.incident_gallery import INCIDENT_GALLERY
from tests.harness.samples.incident_report_gallery import REPORT_GALLERY
from tests.harness.samples.lease_gallery import LEASE_GALLERY
from tests.harness.samples.log_gallery import LOG_GALLERY
from tests.harness.samples.maintenance_gallery import MAINTENANCE_GALLERY
from tests.harness.samples.metric_gallery import METRIC_GALLERY
from tests.harness.samples.monitoring_gallery import MONITORING_GALLERY
from tests.harness.samples.oncall_gallery import ONCALL_GALLERY
from tests.harness.samples.operations import (
    ANA,
    MIA,
    NEW,
    NOW,
    OLD,
    ended,
    failed,
    plan,
    record,
    rejected,
    rolling,
    scaled_for_a_while,
    succeeded,
)
from tests.harness.samples.page_gallery import PAGE_GALLERY
from tests.harness.samples.slo_gallery import SLO_GALLERY
from tests.harness.samples.trace_gallery import TRACE_GALLERY
from tests.harness.samples.workload_gallery import WORKLOAD_GALLERY

FREEZE = LockRecord(
    environment="production",
    service="",
    operation="",
    by=MIA,
    reason="database upgrade until two",
    since=NOW - timedelta(hours=1),
    until=NOW + timedelta(hours=1),
)
HELD = LockRecord(
    environment="production", service="deep-echo-main", operation="op-k7m2", by=ANA, reason="", since=NOW, until=None
)
HELM = Owner(OwnerKind.HELM, "deep-echo-prod")
MAIN = ServiceStatus(
    service="deep-echo-main",
    version=OLD,
    image=f"registry/x:{OLD}",
    ready=3,
    desired=3,
    revision=12,
    since=NOW - timedelta(days=1),
    owner=HELM,
    last_operation_id="op-h3c9",
)
COGNITIVE = replace(
    MAIN, service="deep-echo-cognitive", ready=4, desired=6, autoscaler=Autoscaler("hpa", 3, 20), active_operation=rolling()
)
STATUS = StatusAnswer(
    at=NOW,
    environments=(
        EnvironmentStatus(environment="development", protected=False, services=(MAIN, replace(MAIN, service="deep-echo-cache"))),
        EnvironmentStatus(
            environment="staging",
            protected=False,
            services=(replace(MAIN, ready=0, paused=True), replace(COGNITIVE, active_operation=None)),
        ),
        EnvironmentStatus(
            environment="production",
            protected=True,
            services=(
                MAIN,
                COGNITIVE,
                ServiceStatus(service="deep-echo-cache", problem="There is no Deployment deep-echo-cache."),
            ),
            locks=(FREEZE,),
            waiting=(record(id="op-w8q4"),),
        ),
        EnvironmentStatus(environment="lab", protected=False, problem="The cluster lab did not answer within 5 s."),
    ),
)
UNWELL = UnwellServices(
    environments=(
        EnvironmentStatus(environment="staging", protected=False, services=(replace(MAIN, ready=0, paused=True),)),
        EnvironmentStatus(environment="lab", protected=False, problem="No answer within 2 s."),
    )
)
VERSIONS = VersionsAnswer(
    environment="production",
    services=(
        ServiceVersions(
            service="deep-echo-main",
            lines=(
                VersionLine(
                    revision=12,
                    version=OLD,
                    image="x",
                    created_at=NOW - timedelta(days=1),
                    running=True,
                    pods=3,
                    ready=3,
                    operation_id="op-h3c9",
                ),
                VersionLine(
                    revision=11,
                    version=NEW,
                    image="x",
                    created_at=NOW - timedelta(days=4),
                    change_cause="deploy main-abc1234 <!channel>",
                ),
                VersionLine(revision=9, version="main-77aa001", image="x", created_at=NOW - timedelta(days=9)),
            ),
        ),
        ServiceVersions(service="deep-echo-cache", problem="There is no Deployment deep-echo-cache."),
        ServiceVersions(service="deep-echo-cognitive"),
    ),
)
PREVIEW = Preview(
    plan=plan(),
    rule=AccessRule(Role.DEPLOYER, Role.APPROVER),
    approval_within=timedelta(minutes=15),
    reason="cart errors since the last deploy",
    command='rollback production abc1234 --reason "cart errors since the last deploy"',
)
CHOICES = VersionChoices(
    sentence="No service of production ran “abc999”.",
    hint=sentence("Name one of these, or use ", CommandMention("versions production"), "."),
    environment="production",
    choices=tuple(
        VersionChoice(
            version=version,
            image="x",
            services=("deep-echo-main", "deep-echo-cognitive"),
            created_at=NOW - timedelta(days=day),
            command=f"rollback production {version}",
        )
        for day, version in enumerate((NEW, "main-77aa001", "main-5d02c1e"), start=2)
    ),
)
AUDIT = AuditAnswer(
    query="production since 24 h",
    records=tuple(
        AuditRecord(number=number, entry=entry, previous="0" * 64, digest="1" * 64)
        for number, entry in (
            (
                42,
                AuditEntry(
                    key="a", at=NOW, who=MIA, what="rollback", where="production/deep-echo-main,deep-echo-cognitive",
                    why="cart errors since the last deploy", approval="approved by T0DEEPECHO/U0MIA00003",
                    outcome=f"succeeded: Verified: all 9 pods run {NEW}.", operation="op-k7m2",
                ),
            ),
            (41, AuditEntry(key="b", at=NOW, who=ANA, what="lock", where="production", why="freeze <!channel>", outcome="done")),
        )
    ),
)  # fmt: skip
MAY = (
    Permissions(environment="development", role=Role.DEPLOYER, allowed=("deploy", "rollback", "restart", "scale", "lock")),
    Permissions(
        environment="production",
        role=Role.DEPLOYER,
        allowed=("restart", "scale up", "lock"),
        allowed_with_approval=("deploy", "rollback", "scale down"),
    ),
    Permissions(environment="lab", role=None),
)
ME = WhoAmI(person=ANA, name="ana", guest=False, stranger=False, time_zone="Europe/Berlin", permissions=MAY)
HOME = HomeAnswer(
    person=MIA,
    permissions=MAY,
    running=(replace(rolling(), id="op-r1nn", requested_by=MIA),),
    waiting=(record(), record(id="op-w8q4", requested_by=MIA)),
    approvable=frozenset({"op-k7m2"}),
    requested=frozenset({"op-r1nn", "op-w8q4"}),
    locks=(FREEZE, HELD),
    own_locks=frozenset({FREEZE.environment}),
)
QUIET = HomeAnswer(person=ANA, permissions=MAY)
HELP = HelpAnswer(
    groups=(
        HelpGroup(
            name="Change something",
            lines=(
                HelpLine(
                    command="rollback",
                    usage="/deepecho rollback <environment> <sha|tag|last> [service] [--reason …] [--dry-run]",
                    example='rollback production abc1234 --reason "cart errors"',
                    text="Put back a version that ran before.",
                    needs=Role.DEPLOYER,
                ),
                HelpLine(
                    command="restart",
                    usage="/deepecho restart <environment> <service>",
                    example="restart staging deep-echo-main",
                    text="Replace every pod, one after the other.",
                    needs=Role.RESPONDER,
                ),
            ),
        ),
        HelpGroup(
            name="Look",
            lines=(
                HelpLine(
                    command="status",
                    usage="/deepecho status [environment] [service]",
                    example="status production",
                    text="How everything stands.",
                ),
            ),
        ),
    )
)
FORM = Form(
    command="rollback",
    title="Roll back",
    fields=(
        FormField(
            id="environment",
            label="Environment",
            kind=FieldKind.SELECT,
            value="production",
            options=(
                FormOption(value="staging", label="staging"),
                FormOption(value="production", label="production", hint="needs an approver"),
            ),
        ),
        FormField(id="version", label="Version", kind=FieldKind.SELECT, loading=True),
        FormField(id="replicas", label="Replicas", kind=FieldKind.NUMBER, value="3", required=False),
        FormField(id="reason", label="Reason", kind=FieldKind.TEXT, hint="Everybody in the channel reads it."),
    ),
)
ASKED = OperationNote(
    operation_id="op-k7m2", key="asked", at=NOW, text=sentence(ANA, " asked for this: cart errors"), audit_number=40
)
TROUBLE = OperationNote(
    operation_id="op-k7m2",
    key="pod",
    at=NOW,
    tone=Tone.BAD,
    text="deep-echo-cognitive-7c9d-x2x4q cannot start: CrashLoopBackOff",
    lines=("container main-app exited with 1, 3 restarts", "back-off 40s restarting failed container <main-app>"),
    log=(
        "Traceback (most recent call last):",
        '  File "app.py", line 3, in <module>',
        "KeyError: 'CACHE_TTL' & password=hunter2",
    ),
)
DRIFTED = ended(State.DRIFTED, "deep-echo-main now runs main-77aa001 (was main-9f00d12).", "Nothing was changed.")
REJECTED = rejected()

GALLERY: dict[str, Fact] = {
    "waiting": record(),
    "running": rolling(),
    "succeeded": succeeded(),
    "scaled for a while": scaled_for_a_while(),
    "failed": failed(),
    "rejected": REJECTED,
    "drifted": DRIFTED,
    "asked": ASKED,
    "trouble": TROUBLE,
    "said": TextAnswer("production is unlocked."),
    "complaint": ErrorAnswer("There is no environment called “prodction”. Nothing was changed.", "Did you mean `production`?"),
    "started": OperationStarted(record()),
    "preview": PREVIEW,
    "choices": CHOICES,
    "ambiguous": replace(CHOICES, sentence="“abc123” could be several versions.", ambiguous=True),
    "similar": replace(
        CHOICES, sentence="No version “5d02c1” is known.", hint="", similar=True, choices=CHOICES.choices[2:], more=0
    ),
    "similar, many": replace(CHOICES, sentence="No version “202611” is known.", hint="", similar=True, more=7),
    "status": STATUS,
    "one status": replace(STATUS, environments=STATUS.environments[2:3]),
    "not well": UNWELL,
    "versions": VERSIONS,
    "operations": OperationsAnswer(title="The last operations", operations=(rolling(), succeeded(), failed(), REJECTED)),
    "no operations": OperationsAnswer(title="Running operations", operations=()),
    "locks": LocksAnswer((FREEZE, HELD)),
    "no locks": LocksAnswer(()),
    "audit": AUDIT,
    "who am I": ME,
    "home": HOME,
    "quiet": QUIET,
    "help": HELP,
    "form": FORM,
    **ALERT_GALLERY,
    **INCIDENT_GALLERY,
    **REPORT_GALLERY,
    **ONCALL_GALLERY,
    **PAGE_GALLERY,
    **DASHBOARD_GALLERY,
    **DIGEST_GALLERY,
    **SLO_GALLERY,
    **MAINTENANCE_GALLERY,
    **GUARD_GALLERY,
    **METRIC_GALLERY,
    **MONITORING_GALLERY,
    **TRACE_GALLERY,
    **LOG_GALLERY,
    **WORKLOAD_GALLERY,
    **LEASE_GALLERY,
}
