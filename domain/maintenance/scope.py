"""Which alerts a window hides: equality on labels that the alerts have, within its environment and nowhere else. Pure.

A matcher here never fits an alert without the label: negative and empty ones would hide what nobody has named.
"""

import re
import shlex
from collections.abc import Iterable, Sequence

from domain.alerts.routing import location_of
from domain.alerts.silences import AlertDetails
from domain.catalogue.alerts import ENVIRONMENT_LABELS
from domain.catalogue.catalogue import Catalogue
from domain.errors import UsageError
from domain.matchers import Labels, Matcher, Operator, matches, parse_labels
from domain.rich_text import Code, sentence

Scope = tuple[Matcher, ...]

ALERT_NAME = "alertname"
MAX_SCOPES = 10
"""The most silences of one window."""
_EXAMPLE = Code("alertname=HighErrorRate,PodCrashLooping service=deep-echo-main; alertname=RedisDown")


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """The scopes of ``alertname=A,B service=c; alertname=D``, in canonical order. Raises ``UsageError``."""
    scopes = tuple(_parse_scope(part) for part in text.split(";") if part.strip())
    if len(scopes) > MAX_SCOPES:
        raise UsageError(f"A window hides {MAX_SCOPES} scopes of alerts at most; these are {len(scopes)}.")
    return tuple(dict.fromkeys(scopes))


def silence_matchers(scope: Scope, alerts: Sequence[AlertDetails], environment: str, catalogue: Catalogue) -> Scope:
    """The matchers of the silence of a scope, narrowed to its environment by labels that the alerts there have.

    Where nothing of it fires in the environment, the label that names environments is asked for, unless the Alertmanager has
    the alerts of this environment alone.
    """
    own = [each.labels for each in alerts if covers(scope, each.labels, environment, catalogue)]
    named = {matcher.name for matcher in scope}
    labels = catalogue.alerts.environment_labels if catalogue.alerts else ENVIRONMENT_LABELS
    for name in (*labels, "namespace"):
        values = sorted({each.get(name, "") for each in own})
        if name in named:
            return scope
        if own and all(values):
            return (*scope, one_of(name, values))
    if own or not _is_shared(environment, catalogue):
        return scope
    return (*scope, Matcher(labels[0], Operator.EQUAL, environment))


def fits(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Whether the labels fit all the matchers."""
    return all(matches(matcher, labels) for matcher in matchers)


def covers(scope: Iterable[Matcher], labels: Labels, environment: str, catalogue: Catalogue) -> bool:
    """Whether an alert with these labels is one of this scope in this environment."""
    return fits(scope, labels) and location_of(labels, catalogue).environment == environment


def one_of(name: str, values: Sequence[str]) -> Matcher:
    """Equality with one value. Several become an escaped alternation, since two matchers of one label have to fit both."""
    if len(values) == 1:
        return Matcher(name, Operator.EQUAL, values[0])
    return Matcher(name, Operator.MATCHES, "|".join(map(re.escape, values)))


def _parse_scope(text: str) -> Scope:
    hint = sentence("Name the alerts by labels that they have: ", _EXAMPLE, ".")
    try:
        labels = parse_labels(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"“{text.strip()[:60]}” has a quote that does not end.", hint) from error
    values = {name: [each for each in value.split(",") if each] for name, value in labels.items()}
    if empty := next((name for name, found in values.items() if not found), None):
        raise UsageError(f"{empty} has no value, and would fit every alert without that label.", hint)
    if ALERT_NAME not in values:
        raise UsageError("A window hides alerts by their names.", hint)
    return tuple(one_of(name, sorted(set(found))) for name, found in sorted(values.items()))


def _is_shared(environment: str, catalogue: Catalogue) -> bool:
    """Whether the Alertmanager of an environment holds alerts of others, as far as the catalogue tells."""
    addresses = {each.alertmanager for name, each in catalogue.environments.items() if name != environment}
    return catalogue.environments[environment].alertmanager in addresses
