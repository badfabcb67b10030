"""Which wordings of a kubelet are one cause, and how a failing container is named."""

import pytest

from domain.workloads.pod_failures import PodFailure


def failure(reason: str, container: str = "main", pod: str = "web-5f4c-x2x4q") -> PodFailure:
    return PodFailure(pod=pod, container=container, reason=reason, message="", restarts=0)


@pytest.mark.parametrize(
    "reasons",
    [
        ("ErrImagePull", "ImagePullBackOff"),
        ("Error", "CrashLoopBackOff", "Completed"),
        ("RunContainerError", "StartError", "ContainerCannotRun"),
        ("FailedAttachVolume", "FailedMount"),
    ],
)
def test_wordings_between_which_a_kubelet_alternates_are_one_cause(reasons: tuple[str, ...]) -> None:
    assert len({failure(reason).cause for reason in reasons}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (failure("ImagePullBackOff"), failure("CrashLoopBackOff")),
        (failure("OOMKilled"), failure("CrashLoopBackOff")),
        (failure("ImagePullBackOff", "main"), failure("ImagePullBackOff", "migrate")),
    ],
)
def test_another_reason_or_container_is_another_cause(one: PodFailure, other: PodFailure) -> None:
    assert one.cause != other.cause


def test_pods_of_one_version_fail_for_one_cause() -> None:
    assert failure("Error").cause == failure("CrashLoopBackOff", pod="web-5f4c-9xq4f").cause


def test_the_container_is_named_and_a_pod_that_cannot_be_placed_has_none() -> None:
    assert failure("Error").where == "main in web-5f4c-x2x4q"
    assert failure("Unschedulable", container="").where == "web-5f4c-x2x4q"
