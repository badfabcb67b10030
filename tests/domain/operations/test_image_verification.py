"""What is said of the images that pods run after a change."""

from dataclasses import replace

import pytest

from domain.operations.image_verification import ImageVerdict, verify_images
from domain.operations.plans import ServiceChange, Verb, VersionState
from domain.workloads.deployments import Owner
from domain.workloads.image_ids import ReportedImage, RunningImage
from tests.harness.samples.workloads import target

SHOP = "ghcr.io/acme/shop"
A, B = (f"sha256:{digit * 64}" for digit in "ab")
AMD, ARM = "linux/amd64 containerd", "linux/arm64 containerd"


def state(image: str) -> VersionState:
    return VersionState(version=image.rpartition(":")[2], image=image, template_hash=image, replicas=3)


CHANGE = ServiceChange(
    target=target(),
    uid="u",
    paused=False,
    owner=Owner(),
    before=state(f"{SHOP}:main-1111111"),
    after=state(f"{SHOP}:main-2222222"),
    containers=("migrate", "main"),
)


def runs(image_id: str, platform: str = AMD, container: str = "main", requested: str = f"{SHOP}:main-2222222") -> RunningImage:
    return RunningImage(container=container, requested=requested, reported=ReportedImage(image_id, platform))


def judge(*running: RunningImage, verb: Verb = Verb.ROLLBACK, change: ServiceChange = CHANGE, verified: str = "") -> ImageVerdict:
    return verify_images(verb, change, running, [ReportedImage(verified, AMD)] if verified else [])


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize(
    "running",
    [
        (runs(f"{SHOP}@{A}"), runs(f"{SHOP}@{A}", ARM)),
        (runs(f"{SHOP}@{A}"), runs(f"docker-pullable://mirror.example/shop@{A}", ARM, "migrate")),
        (runs(f"{SHOP}@{A}"), runs(f"istio/proxy@{B}", container="istio-proxy", requested="istio/proxy:1")),
        (runs(f"mirror.example/shop@{A}", requested="mirror.example/shop:main-2222222"),),
    ],
)
def test_one_digest_is_one_content_however_it_is_named(running: tuple[RunningImage, ...], verb: Verb) -> None:
    assert judge(*running, verb=verb, verified=f"{SHOP}@{A}") == ImageVerdict()


def test_two_digests_on_nodes_of_one_kind_are_two_contents() -> None:
    verdict = judge(runs(f"{SHOP}@{A}"), runs(f"{SHOP}@{B}"))
    assert verdict.problem == "The pods run 2 different images under one name: …aaaaaaaaaaaa, …bbbbbbbbbbbb."


def test_an_init_container_with_other_content_is_no_success() -> None:
    assert "2 different images" in judge(runs(f"{SHOP}@{A}"), runs(f"{SHOP}@{B}", container="migrate")).problem


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (runs(f"{SHOP}@{B}", ARM), "nodes name it …aaaaaaaaaaaa and …bbbbbbbbbbbb"),
        (runs(f"docker://{B}"), "nodes name it …aaaaaaaaaaaa and …bbbbbbbbbbbb"),
        (runs(f"mirror.example/shop@{B}"), "nodes name it …aaaaaaaaaaaa and …bbbbbbbbbbbb"),
        (runs(""), "not every node reports a digest"),
    ],
)
def test_what_cannot_be_compared_is_neither_failed_nor_the_same(other: RunningImage, says: str) -> None:
    verdict = judge(runs(f"{SHOP}@{A}"), other)
    assert verdict == ImageVerdict(remarks=(f"Whether all of them run the same content cannot be told: {says}.",))


def test_a_digest_in_the_template_decides_whatever_nodes_call_it() -> None:
    pinned = replace(CHANGE, after=state(f"{SHOP}@{A}"))
    running = (runs(f"{SHOP}@{B}", requested=f"{SHOP}@{A}"), runs("docker://" + B, ARM, requested=f"mirror.example/shop@{A}"))
    assert judge(*running, change=pinned, verified=f"{SHOP}@{B}") == ImageVerdict()


def test_a_pod_whose_own_image_was_changed_is_no_success() -> None:
    verdict = judge(runs(f"{SHOP}@{A}", requested=f"{SHOP}:debug"))
    assert verdict.problem == f"In a pod main is set to {SHOP}:debug, not to {SHOP}:main-2222222."


def test_a_rollback_to_a_tag_that_was_moved_is_no_success() -> None:
    verdict = judge(runs(f"{SHOP}@{A}"), verified=f"{SHOP}@{B}")
    assert verdict.problem == "The pods run …aaaaaaaaaaaa, but this version was …bbbbbbbbbbbb when it was last verified."


@pytest.mark.parametrize("verb", [Verb.DEPLOY, Verb.RESTART, Verb.SCALE])
def test_a_tag_that_was_moved_is_told_where_nothing_is_brought_back(verb: Verb) -> None:
    verdict = judge(runs(f"{SHOP}@{A}"), verb=verb, verified=f"{SHOP}@{B}")
    assert verdict == ImageVerdict(
        remarks=("main-2222222 is …aaaaaaaaaaaa now; it was …bbbbbbbbbbbb when it was last verified.",)
    )


def test_latest_is_meant_to_move() -> None:
    latest = replace(CHANGE, after=replace(state(SHOP), version="latest"))
    verdict = judge(runs(f"{SHOP}@{A}", requested=SHOP), change=latest, verified=f"{SHOP}@{B}")
    assert (verdict.problem, len(verdict.remarks)) == ("", 1)


def test_only_another_configuration_is_brought_back_with_the_image_as_it_is() -> None:
    same = replace(CHANGE, before=CHANGE.after)
    assert judge(runs(f"{SHOP}@{A}"), change=same, verified=f"{SHOP}@{B}").problem == ""


@pytest.mark.parametrize(("verb", "told"), [(Verb.ROLLBACK, 1), (Verb.DEPLOY, 1), (Verb.RESTART, 0), (Verb.SCALE, 0)])
def test_an_earlier_digest_that_cannot_be_compared_is_told(verb: Verb, told: int) -> None:
    verdict = judge(runs(f"{SHOP}@{A}"), verb=verb, verified=f"docker://{B}")
    sentence = "Whether that is the content that was verified before cannot be told: "
    assert [each.startswith(sentence) for each in verdict.remarks] == [True] * told
    assert verdict.problem == ""


def test_a_scaling_asks_for_a_number_and_tells_that_the_images_differ() -> None:
    verdict = judge(runs(f"{SHOP}@{A}"), runs(f"{SHOP}@{B}"), verb=Verb.SCALE)
    assert (verdict.problem, len(verdict.remarks)) == ("", 1)


def test_without_pods_there_is_nothing_to_judge() -> None:
    assert judge(verified=f"{SHOP}@{B}") == ImageVerdict()


def test_a_pod_that_asks_for_a_tag_is_not_said_to_run_the_digest_of_its_template() -> None:
    pinned = replace(CHANGE, after=state(f"{SHOP}@{A}"))
    verdict = judge(runs(f"{SHOP}@{B}", requested=f"{SHOP}:debug"), change=pinned, verb=Verb.DEPLOY)
    assert verdict.problem == ""
    assert verdict.remarks == (
        f"Whether that is {SHOP}@{A} cannot be told: the pods ask for {SHOP}:debug, and nodes name it …bbbbbbbbbbbb.",
    )
