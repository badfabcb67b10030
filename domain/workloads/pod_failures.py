"""Pods that cannot start or do not stay up, and which of their reasons are one cause. Pure."""

from dataclasses import dataclass

CRASH_LOOP = "CrashLoopBackOff"
_CAUSES = {
    "ErrImagePull": "ImagePullBackOff",
    "Error": CRASH_LOOP,
    "Completed": CRASH_LOOP,
    "RunContainerError": "StartError",
    "ContainerCannotRun": "StartError",
    "FailedAttachVolume": "FailedMount",
}
"""Reasons between which kubelets alternate, or of which one follows from the other, by the name of the cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCause:
    """What makes pods of one version fail alike: the container and the cause. It is told once, however a kubelet words it."""

    container: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFailure:
    """A pod that cannot start or keeps crashing: the reason, and the last lines of its log, redacted."""

    pod: str
    container: str = ""
    """The container that fails; empty where it is the whole pod, which cannot be placed or mounted."""
    reason: str
    message: str
    restarts: int
    log_tail: tuple[str, ...] = ()

    @property
    def cause(self) -> FailureCause:
        """The cause, which is the same for each wording of the reason and for each pod of a version."""
        return FailureCause(container=self.container, reason=_CAUSES.get(self.reason, self.reason))

    @property
    def where(self) -> str:
        """``main in web-5f4c-x2x4q``, or the pod alone."""
        return f"{self.container} in {self.pod}" if self.container else self.pod
