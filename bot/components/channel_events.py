"""What people do in incident channels: stored as it comes, then applied and told to the incident."""

from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, NotifyOutbox
from bot.slack.messages import SlackMessages
from runbooks.incidents.channel_events import ChannelEventDependencies, ChannelEventHandler, ChannelEventWorker
from runbooks.incidents.channel_setup import IncidentChannelRecords
from runbooks.incidents.stored_events import ChannelEventIntake


def build_channel_events(
    core: CoreComponents, records: IncidentChannelRecords, handler: ChannelEventHandler, notify_outbox: NotifyOutbox
) -> tuple[ChannelEventIntake, BackgroundTask]:
    """Who takes the events from Slack, and the task that applies them by ``handler``."""
    worker = ChannelEventWorker(
        ChannelEventDependencies(
            store=core.store,
            clock=core.clock,
            records=records,
            messages=SlackMessages(core.slack),
            directory=core.directory,
            handler=handler,
            notify_outbox=notify_outbox,
        )
    )
    intake = ChannelEventIntake(
        core.store,
        core.inbox_writer,
        core.clock,
        is_enabled=lambda: core.current_catalogue().incidents is not None,
        wake=worker.wake,
    )
    return intake, BackgroundTask("incident-channel-events", worker.run)
