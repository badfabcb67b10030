"""Workloads: what people look at in clusters."""

from bot.components.family import Family
from bot.views import workloads as views
from bot.views.render import timeless
from commands.workloads import reads
from commands.workloads.fields import FIELDS
from domain.answers.workloads import (
    AutoscalersAnswer,
    DescribeAnswer,
    EventsAnswer,
    NodesAnswer,
    PodsAnswer,
    RolloutAnswer,
    UsageAnswer,
)

WORKLOADS = Family(
    name="workloads",
    routers=(reads.router,),
    form_fields=FIELDS,
    views={
        PodsAnswer: timeless(views.pods),
        EventsAnswer: timeless(views.events),
        NodesAnswer: timeless(views.nodes),
        AutoscalersAnswer: timeless(views.autoscalers),
        UsageAnswer: timeless(views.usage),
        RolloutAnswer: timeless(views.rollout),
        DescribeAnswer: timeless(views.describe),
    },
)
