"""Revisions with one moving tag: which is the last, how they are told apart, and how one of them is named."""

from dataclasses import replace

import pytest

from domain.errors import Refused, UsageError
from domain.operations.plan_warnings import template_warnings
from domain.operations.version_selection import AmbiguousVersion, rollback_candidates, select_version
from domain.workloads.deployments import Workload
from tests.harness.samples.workloads import revision, workload

RESTARTED = "2026-11-20T08:00:00Z"


def cache() -> Workload:
    """Three revisions under one moving tag after one with its own; only the configuration differs. The last one runs."""
    return workload(
        revision(1, "7.2", LOG="info"),
        revision(2, "latest", MAX="512"),
        revision(3, "latest", MAX="1024"),
        revision(4, "latest", MAX="4"),
        service="cache",
    )


def selected_revisions(word: str, *workloads: Workload, image_only: bool = False) -> list[int]:
    selection = select_version(word, workloads, image_only=image_only)
    return [each.revision.number for each in selection.selected if each.revision]


@pytest.mark.parametrize(
    ("word", "number"), [("last", 3), ("#3", 3), ("#2", 2), ("#1", 1), ("rev:2", 2), ("REV:2", 2), ("7.2", 1), ("#03", 3)]
)
def test_each_revision_can_be_named(word: str, number: int) -> None:
    assert selected_revisions(word, cache()) == [number]


def test_last_passes_over_restarts_and_nothing_else() -> None:
    restarted = workload(
        revision(1, "latest", MAX="512"), revision(2, "latest", MAX="4"), revision(3, "latest", restarted_at=RESTARTED, MAX="4")
    )
    assert selected_revisions("last", restarted) == [1]
    only_restarted = workload(revision(1, "latest", MAX="4"), revision(2, "latest", restarted_at=RESTARTED, MAX="4"))
    with pytest.raises(Refused, match="no earlier version"):
        select_version("last", [only_restarted])


def test_last_of_several_services_is_each_ones_own() -> None:
    other = workload(revision(6, "latest", MAX="9"), revision(9, "latest", MAX="8"), service="web")
    assert selected_revisions("last", cache(), other) == [3, 6]


def test_choices_tell_equal_tags_apart() -> None:
    choices = rollback_candidates([cache()])
    assert [(each.label, each.name, each.only_service) for each in choices] == [
        ("latest #3", "#3", "cache"),
        ("latest #2", "#2", "cache"),
        ("7.2", "7.2", ""),
    ]


def test_an_earlier_version_with_several_templates_is_one_choice_and_its_older_templates_are_others() -> None:
    service = workload(revision(1, "v1", MAX="1"), revision(2, "v1", MAX="2"), revision(3, "v2"), service="web")
    assert [each.label for each in rollback_candidates([service])] == ["v1", "v1 #1"]
    selection = select_version("v1", [service])
    assert selected_revisions("v1", service) == [2]
    assert template_warnings(selection.selected) == ("web ran v1 with 2 different templates; this takes the newest, #2.",)


def test_the_tag_that_runs_is_refused_with_its_other_revisions() -> None:
    with pytest.raises(AmbiguousVersion, match=r"already runs latest\. It ran before with another template\.") as unclear:
        select_version("latest", [cache()])
    assert [each.name for each in unclear.value.choices.choices] == ["#3", "#2"]
    assert unclear.value.choices.hint == "Say which one, by its number."


def test_a_moved_tag_with_another_digest_is_another_revision() -> None:
    first, second = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    service = workload(revision(1, f":v1@{first}"), revision(2, f":v1@{second}"))
    assert selected_revisions("last", service) == [1]
    assert [each.label for each in rollback_candidates([service], image_only=True)] == ["v1 #1"]


def test_the_number_of_what_runs_is_refused() -> None:
    with pytest.raises(Refused, match=r"cache in production already runs latest, revision #4\. Nothing was changed\."):
        select_version("#4", [cache()])


def test_the_number_of_what_lies_before_a_restart_is_refused() -> None:
    restarted = workload(revision(1, "v1"), revision(2, "v1", restarted_at=RESTARTED))
    with pytest.raises(Refused, match="Between revision #1 of web in production and what runs lies only a restart"):
        select_version("#1", [restarted])


def test_a_number_that_is_gone_shows_those_that_can_be_chosen() -> None:
    with pytest.raises(AmbiguousVersion, match="No version “#12” is known of cache in production") as unclear:
        select_version("#12", [cache()])
    assert [each.name for each in unclear.value.choices.choices] == ["#3", "#2", "7.2"]


def test_a_number_belongs_to_one_service() -> None:
    with pytest.raises(UsageError, match="Every service counts its own revisions: cache and web are meant here"):
        select_version("#3", [cache(), workload(revision(3, "v1"), revision(4, "v2"))])


@pytest.mark.parametrize(("word", "hint"), [("12", "A revision is named `#12`."), ("#C0123ABCD", "can also be named `rev:12`")])
def test_what_nearly_names_a_revision_says_how_to(word: str, hint: str) -> None:
    with pytest.raises(AmbiguousVersion) as unclear:
        select_version(word, [cache()])
    assert hint in str(unclear.value.hint)


class TestDeploysOfTheImageAlone:
    def test_last_is_the_last_other_image(self) -> None:
        assert selected_revisions("last", cache(), image_only=True) == [1]

    def test_another_revision_of_the_same_image_is_refused_with_the_way_that_works(self) -> None:
        with pytest.raises(Refused, match=r"a deploy sets only the image\. Nothing was changed\. `rollback production #3 cache`"):
            select_version("#3", [cache()], image_only=True)

    def test_the_image_of_a_revision(self) -> None:
        assert selected_revisions("#1", cache(), image_only=True) == [1]

    def test_the_image_that_runs(self) -> None:
        with pytest.raises(Refused, match=r"cache in production already runs latest\. Nothing was changed\."):
            select_version("latest", [cache()], image_only=True)


def test_last_is_the_newest_revision_while_the_present_template_has_none_yet() -> None:
    service = workload(revision(1, "v1"), revision(2, "v2"), revision(3, "v3"))
    not_recorded = replace(service, revisions=service.revisions[1:], revision=2)
    assert selected_revisions("last", not_recorded) == [2]
    assert selected_revisions("last", not_recorded, image_only=True) == [2]
