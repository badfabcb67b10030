"""The people's side: what they say and click is stored, understood and answered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slack_bolt.async_app import AsyncApp

from bot.components.core import CoreComponents
from bot.components.family import Family, FamilyComponents
from bot.components.outbox import renderer_of
from bot.core.intake import Intake
from bot.interactions.buttons import ButtonCommand
from bot.interactions.dispatcher import Dispatcher, DispatcherDependencies
from bot.interactions.unanswered import UnansweredSweeper
from bot.slack.listeners import build_app
from commands.core.request import Services
from commands.core.router import Router
from commands.registry import CommandRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackComponents:
    """What takes and answers what people say."""

    intake: Intake
    dispatcher: Dispatcher
    unanswered_sweeper: UnansweredSweeper
    bolt: AsyncApp


def build_slack_components(
    core: CoreComponents, families: Sequence[Family], built: Sequence[FamilyComponents]
) -> SlackComponents:
    """The registry of commands, and who asks it."""
    registry = command_registry(families, (router for components in built for router in components.routers))
    shortcuts = {name: shortcut for family in families for name, shortcut in family.shortcuts.items()}
    acknowledgers = {prefix: acknowledge for family in families for prefix, acknowledge in family.acknowledgers.items()}
    dispatcher = Dispatcher(
        DispatcherDependencies(
            registry=registry,
            buttons=buttons_of(families),
            shortcuts=shortcuts,
            renderer=renderer_of(families),
            services=lambda: Services(
                catalogue=core.current_catalogue(),
                clock=core.clock,
                store=core.store,
                directory=core.directory,
                clusters=core.clusters,
                family_services=core.family_services,
                acknowledgers=acknowledgers,
            ),
            directory=core.directory,
            slack=core.slack,
            replica=core.lease.replica,
        )
    )
    channel_events = next((each.channel_events for each in built if each.channel_events is not None), None)
    intake = Intake(core.inbox_writer, core.clock, dispatcher.submit, lambda: dispatcher.queue_length)
    return SlackComponents(
        intake=intake,
        dispatcher=dispatcher,
        unanswered_sweeper=UnansweredSweeper(core.store, core.clock, dispatcher, core.lease.replica, core.lease.dead_after),
        bolt=build_app(intake, registry.form_command_text, core.directory, channel_events, shortcuts),
    )


def buttons_of(families: Sequence[Family]) -> dict[str, ButtonCommand]:
    """Every family's buttons, by action id."""
    return {action: button for family in families for action, button in family.buttons.items()}


def command_registry(families: Sequence[Family], built_routers: Iterable[Router] = ()) -> CommandRegistry:
    """Every command of the families, and those that needed what was built."""
    routers = [router for family in families for router in family.routers]
    return CommandRegistry(
        (*routers, *built_routers),
        form_fields={name: form_field for family in families for name, form_field in family.form_fields.items()},
        id_prefixes=[family.id_prefix for family in families if family.id_prefix],
        home_sections=[section for family in families for section in family.home_sections],
    )
