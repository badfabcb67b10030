"""How forms ask for dashboards."""

from collections.abc import Mapping

from commands.core.fields import ArgumentField

FIELDS: Mapping[str, ArgumentField] = {
    "search": ArgumentField(label="Words", hint="An environment, a service, words of the title. Empty: all."),
    "panel": ArgumentField(label="Panel", hint="Words of a panel's title."),
}
