"""The families of the bot, in the order of help and of their start. A new family is one more line here."""

from bot.components.alerts import ALERTS
from bot.components.dashboards import DASHBOARDS
from bot.components.digest import DIGEST
from bot.components.family import Family
from bot.components.general import GENERAL
from bot.components.guard import GUARD
from bot.components.incidents import INCIDENTS
from bot.components.leases import LEASES
from bot.components.logs import LOGS
from bot.components.maintenance import MAINTENANCE
from bot.components.metrics import METRICS
from bot.components.oncall import ONCALL
from bot.components.operations import OPERATIONS
from bot.components.paging import PAGING
from bot.components.traces import TRACES
from bot.components.workloads import WORKLOADS

FAMILIES: tuple[Family, ...] = (
    OPERATIONS,
    WORKLOADS,
    ALERTS,
    INCIDENTS,
    ONCALL,
    PAGING,
    METRICS,
    TRACES,
    LOGS,
    DASHBOARDS,
    DIGEST,
    MAINTENANCE,
    GUARD,
    LEASES,
    GENERAL,
)
