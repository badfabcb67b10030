"""A word that is like the SHA of what ran and not certainly one: it chooses nothing, and what it resembles is offered."""

import pytest

from domain.errors import Refused
from domain.operations.plan_warnings import unseen_version_warnings
from domain.operations.version_choices import VersionChoices
from domain.operations.version_selection import AmbiguousVersion, SelectedVersion, select_version
from domain.workloads.deployments import Workload
from tests.harness.samples.workloads import revision, workload

RUNNING = "main-9f00d12"
DIGEST = "sha256:" + "cd34" * 16


def ran(*tags: str) -> Workload:
    """What ran these tags, the last of them now."""
    return workload(*(revision(number, tag) for number, tag in enumerate(tags, 1)))


def asked(word: str, *workloads: Workload, deploy: bool = False) -> VersionChoices:
    with pytest.raises(AmbiguousVersion) as unclear:
        select_version(word, workloads, image_only=deploy)
    return unclear.value.choices


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        ("deadbee", "main-deadbeef"),
        ("DEADBEE", "main-deadbeef"),
        ("1234567", "main-1234567a"),
        ("deadbeef12", "main-deadbeef"),
        ("12345678", "1234567"),
        ("main-deadbee", "main-deadbeef"),
        ("main-abc123", "main-abc1234"),
        ("release-abc1234", "main-abc1234"),
        ("abc1234", "v1.2-5-gabc1234"),
        ("gabc1234", "v1.2-5-gabc1234"),
        ("abc1234", "main-abc1234-arm64"),
        ("abc1234", "main_abc1234"),
        ("202611", "main-20261123"),
        ("sha256:cd34cd34", f"@{DIGEST}"),
    ],
)
@pytest.mark.parametrize("deploy", [True, False], ids=["deploy", "rollback"])
def test_what_it_resembles_is_offered_and_not_chosen(word: str, tag: str, *, deploy: bool) -> None:
    choices = asked(word, ran("main-77aa001", tag, RUNNING), deploy=deploy)
    assert [each.image for each in choices.choices] == [revision(2, tag).image]
    assert (choices.similar, choices.ambiguous, choices.more) == (True, False, 0)
    assert str(choices.sentence) == f"No version “{word}” is known of web in production. Nothing was changed."


@pytest.mark.parametrize(
    "word", ["release", "v1.2.3", "deadbox", "deadbe-x", "dead-beef", "deadbe1", "eadbeef", "7654321", "-", "g"]
)
def test_a_word_that_is_like_no_sha_of_these_gets_the_whole_list(word: str) -> None:
    choices = asked(word, ran("main-deadbeef", "main-1234567a", RUNNING))
    assert not choices.similar
    assert [each.version for each in choices.choices] == ["main-1234567a", "main-deadbeef"]


def test_too_short_is_no_beginning() -> None:
    choices = asked("deadb", ran("main-deadbeef", RUNNING))
    assert not choices.similar
    assert "is too short" in str(choices.sentence)


def test_what_is_certain_is_not_asked_about() -> None:
    (chosen,) = select_version("abc123", [ran("main-abc1234", "main-abc123f-arm64", RUNNING)]).selected
    assert chosen.image.endswith(":main-abc1234")


def test_of_many_the_newest_are_offered_and_the_others_counted() -> None:
    tags = [f"main-202611{day}" for day in range(10, 22)]
    choices = asked("202611", ran("main-77aa001", *tags, RUNNING))
    assert [each.version for each in choices.choices] == list(reversed(tags))[:5]
    assert choices.more == 7


def test_an_unknown_name_counts_what_it_leaves_out_too() -> None:
    choices = asked("release", ran(*(f"main-{number:07d}" for number in range(31)), RUNNING))
    assert (len(choices.choices), choices.more) == (20, 11)


def test_what_runs_is_told_and_not_offered() -> None:
    choices = asked("deadbee", ran("main-77aa001", "main-deadbeef"))
    assert "main-deadbeef resembles it, and runs there already." in str(choices.hint)
    assert (choices.similar, [each.version for each in choices.choices]) == (False, ["main-77aa001"])


def test_the_exact_name_of_what_runs_is_refused_as_before() -> None:
    with pytest.raises(Refused, match="already runs main-deadbeef"):
        select_version("deadbeef", [ran("main-deadbee", "main-deadbeef")])


def test_a_tag_that_never_ran_names_what_it_may_be_a_misspelling_of() -> None:
    web = ran("main-deadbeef", RUNNING)
    never_ran = SelectedVersion(workload=web, image="registry.example/web:main-deadbee", revision=None)
    unlike = SelectedVersion(workload=web, image="registry.example/web:main-fffffff", revision=None)
    exists = "was never seen here: whether its image exists shows when the first pod starts."
    assert unseen_version_warnings([never_ran, unlike]) == (
        f"main-deadbee {exists} main-deadbeef, which ran here, resembles it.",
        f"main-fffffff {exists}",
    )
