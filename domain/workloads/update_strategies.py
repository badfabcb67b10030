"""Which pods of a workload get a new template by themselves, and which keep the one that they have. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.targets import WorkloadKind
from domain.text import first_names, join_and

_ORDINAL = re.compile(r".+-(?P<ordinal>\d+)", re.ASCII)
_MAX_POD_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStrategy:
    """The update strategy of a StatefulSet or DaemonSet, as far as it keeps a new template from pods. By default all get it."""

    on_delete: bool = False
    """``OnDelete``: Kubernetes replaces a pod only when somebody deletes it."""
    partition: int = 0
    """Of a StatefulSet: so many pods with the lowest ordinals keep their template, even where somebody deletes them."""
    first_ordinal: int = 0

    @property
    def reaches_all(self) -> bool:
        """Whether every pod gets a new template by itself."""
        return not self.on_delete and not self.partition

    def kept(self, replicas: int) -> int:
        """How many of so many pods do not get a new template by themselves."""
        return replicas if self.on_delete else min(self.partition, replicas)

    def reached(self, replicas: int) -> int:
        """How many of so many pods get it."""
        return replicas - self.kept(replicas)

    def kept_ordinals(self, replicas: int) -> range:
        """The ordinals of a StatefulSet's pods that keep their template."""
        return range(self.first_ordinal, self.first_ordinal + self.kept(replicas))

    @property
    def reason(self) -> str:
        """Why they keep it: a part of a sentence about the workload."""
        return "its update strategy is OnDelete" if self.on_delete else f"its partition is {self.partition}"


REACHES_ALL = UpdateStrategy()
"""A new template reaches every pod, as in each Deployment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPods:
    """Pods that were left at another template than the one that was set: which ones, in words, and the version that they run."""

    names: str
    version: str
    count: int


def describe_pod_names(kind: WorkloadKind, names: Sequence[str]) -> str:
    """``ordinals 0-1 and 4`` for pods of a StatefulSet, ``pods agent-2kx7d, agent-9xq4f and 5 more`` for others."""
    if kind is WorkloadKind.STATEFUL_SET:
        return describe_ordinals([int(match["ordinal"]) for name in names if (match := _ORDINAL.fullmatch(name))])
    ordered = sorted(names)
    listed = first_names(ordered, _MAX_POD_NAMES) if len(ordered) > _MAX_POD_NAMES else join_and(ordered)
    return f"pod{'' if len(ordered) == 1 else 's'} {listed}"


def describe_ordinals(ordinals: Sequence[int]) -> str:
    """``ordinal 2``, ``ordinals 0-1``, ``ordinals 0-1 and 4``."""
    runs: list[list[int]] = []
    for ordinal in sorted(ordinals):
        if runs and ordinal == runs[-1][-1] + 1:
            runs[-1].append(ordinal)
        else:
            runs.append([ordinal])
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return f"ordinal{'' if len(ordinals) == 1 else 's'} {join_and(parts)}"
