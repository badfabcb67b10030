"""What belongs to no other family: status, who one is, the catalogue's reload, help, forms and plain answers."""

from bot.components.core import CoreComponents
from bot.components.family import Family, FamilyComponents, NotifyOutbox
from bot.interactions.reload import reload_router
from bot.views import answers, home, status
from bot.views.render import timeless
from commands import status as status_commands
from commands import whoami
from domain.answers.answers import (
    AuditAnswer,
    ErrorAnswer,
    Form,
    HelpAnswer,
    HomeAnswer,
    StatusAnswer,
    TextAnswer,
    UnwellServices,
    VersionsAnswer,
    WhoAmI,
    WholeAnswer,
)
from storage.answer_messages import WHOLE_ANSWER


def build_general(core: CoreComponents, _notify_outbox: NotifyOutbox) -> FamilyComponents:
    """The command that reads the catalogue again."""
    return FamilyComponents(routers=(reload_router(core.reload),))


GENERAL = Family(
    name="general",
    routers=(status_commands.router, whoami.router),
    fact_kinds=(WHOLE_ANSWER,),
    views={
        WholeAnswer: timeless(answers.whole),
        TextAnswer: timeless(answers.text),
        ErrorAnswer: timeless(answers.error),
        StatusAnswer: timeless(status.status),
        UnwellServices: timeless(status.unwell),
        VersionsAnswer: timeless(status.versions),
        AuditAnswer: timeless(answers.audit),
        WhoAmI: timeless(home.who_am_i),
        HomeAnswer: timeless(home.home),
        HelpAnswer: timeless(home.help_answer),
        Form: timeless(answers.form_as_text),
    },
    home_sections=(status_commands.unwell_services,),
    build=build_general,
)
