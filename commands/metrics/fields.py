"""How forms ask for what is measured."""

from collections.abc import Mapping

from commands.core.fields import ArgumentField

FIELDS: Mapping[str, ArgumentField] = {
    "what": ArgumentField(label="What", hint="A name of the catalogue, such as errors, or PromQL."),
    "metrics last": ArgumentField(label="How far back", hint="Such as 3h. Empty: one hour."),
    "metrics compare": ArgumentField(label="Compare with", hint="How long before, such as 1d."),
}
