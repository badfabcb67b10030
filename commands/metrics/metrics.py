"""The command ``metrics``."""

from dataclasses import replace
from datetime import timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.metrics import MetricConfig
from domain.catalogue.shared_prometheus import environment_label
from domain.catalogue.slo import SloConfig
from domain.errors import Denied, UsageError
from domain.facts import Answer
from domain.metrics.promql_scope import scoped
from domain.people import Role
from domain.rich_text import Code, Text, join, sentence
from domain.text import nearest, parse_duration
from runbooks.metrics.questions import MetricReader, Question

router = Router()

DEFAULT_SPAN, MAX_SPAN = timedelta(hours=1), timedelta(days=31)
MAX_COMPARE = timedelta(days=366)


@router.command(
    "metrics",
    needs=Role.VIEWER,
    usage="<what> [env] [service] [--last 1h] [--compare 1d]",
    example="metrics errors production main --last 3h",
    group="Look",
)
async def metrics_command(request: Request, args: Arguments) -> Answer:
    """What is measured: a name of the catalogue, or PromQL in single quotes. The numbers, and a chart in a direct message."""
    environment = _environment(request, args[1])
    service = request.catalogue.service_named(args[2]) if args[2] else ""
    config = _named(request.catalogue).get(args[0])
    question = Question(
        person=request.person,
        source=request.key,
        title=f"{args[0]}{f' of {service}' if service else ''}" if config else "expression",
        environment=environment,
        expression=_expression(request.catalogue, config, args[0], environment, service),
        unit=config.unit if config else "",
        since=request.at - _duration(args, "last", DEFAULT_SPAN, MAX_SPAN),
        until=request.at,
        compare=_duration(args, "compare", DEFAULT_SPAN, MAX_COMPARE) if "compare" in args.flags else None,
    )
    answer = await request.services.of(MetricReader).answer(question)
    is_unknown_word = config is None and args[0].isidentifier() and not answer.lines and not answer.problem
    return replace(answer, note=_names(request.catalogue)) if is_unknown_word else answer


def _named(catalogue: Catalogue) -> dict[str, SloConfig | MetricConfig]:
    return {**catalogue.slo, **catalogue.metrics.names}


def _names(catalogue: Catalogue) -> Text:
    """For a word that is neither a name nor a series."""
    names = join(", ", (Code(name) for name in _named(catalogue)))
    return sentence("The catalogue has ", names, ".") if names else ""


def _environment(request: Request, word: str) -> str:
    """The environment that was named, else the last one that the person may see. Raises ``Denied``."""
    if word:
        name = request.catalogue.environment_named(word)
        request.require(Role.VIEWER, name)
        return name
    if not request.visible_environments:
        raise Denied("You may see no environment, and so nothing that is measured.")
    return request.visible_environments[-1]


def _expression(catalogue: Catalogue, config: SloConfig | MetricConfig | None, word: str, environment: str, service: str) -> str:
    """The expression of a name, or what was typed, inside the environment. Raises ``UsageError``."""
    if config is not None:
        indicator = config.of_service if service else config
        if indicator is None:
            raise UsageError(sentence("The catalogue measures ", Code(word), " for whole environments only."))
        return indicator.expression_in(environment, service=service)
    if word.isidentifier() and (similar := nearest(word, _named(catalogue))):
        meant = sentence("Did you mean ", join(" or ", (Code(name) for name in similar)), "?")
        raise UsageError(sentence("The catalogue has no metric ", Code(word), "."), meant)
    if service:
        raise UsageError("With an expression, the service is a label in it.")
    # Whether or not another environment shares it, the same is understood: what is taken must not depend on the place.
    inside = scoped(word, catalogue.metrics.label, environment)
    return inside if environment_label(catalogue, environment) else word


def _duration(args: Arguments, flag: str, default: timedelta, longest: timedelta) -> timedelta:
    return parse_duration(args.flags[flag], longest) if flag in args.flags else default
