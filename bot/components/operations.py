"""Operations: deploy, rollback, restart, scale, their approvals and locks."""

from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, Family, FamilyComponents, NotifyOutbox
from bot.interactions.buttons import command_with_id
from bot.views import answers, home, locks, operation_card
from bot.views.render import timeless
from commands.operations import approvals, capacity, deploy
from commands.operations import locks as lock_commands
from commands.operations.fields import FIELDS
from domain.answers.answers import LocksAnswer, OperationsAnswer, OperationStarted, Preview
from domain.catalogue.catalogue import Catalogue
from domain.clock import boottime_seconds
from domain.notes import OperationNote
from domain.operations.operation import OperationRecord
from domain.operations.version_choices import VersionChoices
from runbooks.engine.engine import Engine
from runbooks.housekeeping import Cleaning, Prune
from runbooks.operations.context import ProcedureDependencies
from runbooks.operations.lock_expiry import LockExpiry
from runbooks.operations.lock_release import LockRelease
from runbooks.operations.planner import Planner
from runbooks.operations.recovery import Recovery
from runbooks.operations.retention import delete_workflows, prune_images
from runbooks.operations.rights import RightsCheck
from runbooks.operations.runner import Runner
from runbooks.operations.scale_leases import on_operation_saved
from runbooks.operations.service import OperationService
from runbooks.operations.timer_handlers import OperationTimerHandlers
from storage.outbox_messages import OPERATION_CARD, OPERATION_NOTE


def build_operations(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
    """The engine, and what runs on it."""
    options = core.options
    engine = Engine(core.settings.database, core.lease, procedures_version=options.procedures_version, observer=options.observer)
    planner = Planner(core.current_catalogue, core.clusters, core.store)
    rights = RightsCheck(store=core.store, clock=core.clock, directory=core.directory, catalogue=core.current_catalogue)
    lock_release = LockRelease()
    dependencies = ProcedureDependencies(
        store=core.store,
        clock=core.clock,
        clusters=core.clusters,
        planner=planner,
        rights=rights,
        rollout_within=lambda environment: core.current_catalogue().rollout_within(environment),
        notify_outbox=notify_outbox,
        lock_release=lock_release,
    )
    service = OperationService(engine, core.store, core.clock, core.current_catalogue, rights, notify_outbox, lock_release)
    timers = OperationTimerHandlers(engine=engine, dependencies=dependencies, operations=service, scale_plan=planner.scale)
    runner = Runner(engine, dependencies)
    recovery = Recovery(engine, core.lease, dependencies)
    return FamilyComponents(
        services={OperationService: service},
        on_delivered=service.on_delivered,
        on_operation_saved=on_operation_saved,
        open=lambda: engine.open(runner.run),
        close=engine.close,
        tasks=(
            BackgroundTask("operation-recovery", recovery.run),
            BackgroundTask("lock-expiry", LockExpiry(core.store, core.clock, boottime_seconds).run),
        ),
        timer_handlers=timers.handlers,
        cleanings=(
            Cleaning(
                period=lambda kept: kept.workflows,
                delete=lambda before: delete_workflows(engine, core.store, before),
                release_space=engine.release_space,
            ),
        ),
    )


def _fallback_channel(record: OperationRecord, catalogue: Catalogue, unusable: str) -> str:
    """The environment's channel, else whoever asked."""
    environment = catalogue.environments.get(record.environment)
    channel = environment.channel if environment is not None else ""
    return channel if channel and channel != unusable else record.requested_by.user_id


OPERATIONS = Family(
    name="operations",
    routers=(deploy.router, capacity.router, approvals.router, lock_commands.router),
    form_fields=FIELDS,
    id_prefix="op",
    fact_kinds=(OPERATION_CARD, OPERATION_NOTE),
    views={
        OperationRecord: operation_card.card,
        OperationNote: timeless(operation_card.note),
        OperationStarted: timeless(answers.started),
        Preview: timeless(answers.preview),
        VersionChoices: timeless(answers.version_choices),
        OperationsAnswer: timeless(answers.operations),
        LocksAnswer: timeless(locks.locks),
    },
    buttons={
        operation_card.APPROVE: command_with_id("approve"),
        operation_card.REJECT: command_with_id("reject"),
        operation_card.CANCEL: command_with_id("cancel"),
        operation_card.UNSCALE: command_with_id("unscale"),
        home.UNLOCK: command_with_id("unlock"),
    },
    fallback_channels={OperationRecord: _fallback_channel},
    prunes=(
        Prune(lambda kept: kept.operations, lambda tx, before: tx.operations.prune(before)),
        Prune(lambda kept: kept.images, prune_images),
    ),
    subjects=(lambda tx, ids: tx.operations.stored_ids(ids),),
    build=build_operations,
)
