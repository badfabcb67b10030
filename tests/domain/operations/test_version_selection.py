import pytest

from domain.errors import Refused
from domain.operations.version_selection import (
    AmbiguousVersion,
    VersionSelection,
    rollback_candidates,
    select_unseen_version,
    select_version,
)
from domain.workloads.deployments import Workload
from tests.harness.samples.team import team_catalogue
from tests.harness.samples.workloads import revision, workload

DIGEST = "sha256:" + "cd34" * 16

OLD, OLDER, NOW_RUNS = "main-abc1234", "main-77aa001", "main-9f00d12"


def app(*tags: str, service: str = "web") -> Workload:
    """A service that ran these tags, the last of them now."""
    revisions = (revision(number, tag, repository=f"registry.example/{service}") for number, tag in enumerate(tags, 1))
    return workload(*revisions, service=service)


def picked(choice: VersionSelection) -> dict[str, str]:
    return {each.service: each.image.rpartition(":")[2] for each in choice.selected}


@pytest.mark.parametrize("word", [OLD, "abc1234", "abc123", "ABC1234", "abc1234" + "9" * 33, "last", "LAST"])
def test_one_service(word: str) -> None:
    assert picked(select_version(word, [app(OLDER, OLD, NOW_RUNS)])) == {"web": OLD}


def test_every_service_that_ran_it_in_the_given_order() -> None:
    choice = select_version("abc1234", [app(OLD, NOW_RUNS, service="web"), app(OLD, NOW_RUNS, service="api")])
    assert list(picked(choice).items()) == [("web", OLD), ("api", OLD)]
    assert choice.left_out == ()


def test_services_that_run_it_or_never_ran_it_are_left_out_in_words() -> None:
    choice = select_version(
        "abc1234",
        [app(OLD, NOW_RUNS, service="web"), app(OLDER, OLD, service="api"), app(OLDER, NOW_RUNS, service="jobs")],
    )
    assert picked(choice) == {"web": OLD}
    assert choice.left_out == (
        "api already runs main-abc1234; it is left as it is.",
        "jobs never ran main-abc1234; it is left as it is.",
    )


@pytest.mark.parametrize("word", [NOW_RUNS, "9f00d12"])
def test_what_runs_already_is_refused(word: str) -> None:
    with pytest.raises(Refused, match=r"web in production already runs main-9f00d12\. Nothing was changed\."):
        select_version(word, [app(OLD, NOW_RUNS)])


def test_what_runs_everywhere_already_is_refused() -> None:
    with pytest.raises(Refused, match="web and api in production already run main-9f00d12"):
        select_version(NOW_RUNS, [app(OLD, NOW_RUNS, service="web"), app(OLD, NOW_RUNS, service="api")])


def test_an_unknown_version_shows_those_that_can_run_newest_first() -> None:
    with pytest.raises(AmbiguousVersion) as unclear:
        select_version("fffffff", [app(OLDER, OLD, NOW_RUNS)])
    assert [each.version for each in unclear.value.choices.choices] == [OLD, OLDER]
    assert not unclear.value.choices.ambiguous
    assert "No version “fffffff” is known of web in production" in str(unclear.value.choices.sentence)


@pytest.mark.parametrize("word", ["abc12", "a"])
def test_a_sha_that_is_too_short_says_so(word: str) -> None:
    with pytest.raises(AmbiguousVersion, match="at least 6 characters"):
        select_version(word, [app(OLD, NOW_RUNS)])


def test_an_ambiguous_sha_shows_its_candidates() -> None:
    with pytest.raises(AmbiguousVersion) as unclear:
        select_version("abc123", [app("main-abc1239", OLD, OLDER, NOW_RUNS)])
    assert unclear.value.choices.ambiguous
    assert [each.version for each in unclear.value.choices.choices] == [OLD, "main-abc1239"]
    assert "“abc123” could be main-abc1234 or main-abc1239." in str(unclear.value.choices.sentence)


def test_a_sha_that_means_another_version_of_another_service_is_ambiguous() -> None:
    with pytest.raises(AmbiguousVersion) as unclear:
        select_version("abc123", [app(OLD, NOW_RUNS, service="web"), app("main-abc1239", NOW_RUNS, service="api")])
    assert [(each.version, each.services) for each in unclear.value.choices.choices] == [
        (OLD, ("web",)),
        ("main-abc1239", ("api",)),
    ]


def test_an_exact_tag_of_one_service_beats_a_short_sha_of_another() -> None:
    choice = select_version("abc1234", [app("main-abc1234", NOW_RUNS, service="web"), app("abc1234", NOW_RUNS, service="api")])
    assert picked(choice) == {"api": "abc1234"}


def test_last_is_not_what_a_restart_left() -> None:
    restarted = workload(revision(1, OLD), revision(2, NOW_RUNS), revision(3, NOW_RUNS, restarted_at="2026-11-20T08:00:00Z"))
    assert picked(select_version("last", [restarted])) == {"web": OLD}


def test_last_after_a_rollback_is_what_was_rolled_back() -> None:
    back = workload(revision(2, NOW_RUNS), revision(3, OLD))
    assert picked(select_version("last", [back])) == {"web": NOW_RUNS}


def test_without_an_earlier_version_there_is_no_last() -> None:
    with pytest.raises(Refused, match="There is no earlier version of web to go back to"):
        select_version("last", [workload(revision(1, NOW_RUNS), revision(2, NOW_RUNS, restarted_at="2026-11-20T08:00:00Z"))])


def test_last_of_services_that_disagree_is_a_question() -> None:
    with pytest.raises(AmbiguousVersion) as unclear:
        select_version("last", [app(OLD, NOW_RUNS, service="web"), app(OLDER, OLD, service="api")])
    assert unclear.value.choices.ambiguous
    assert {each.version for each in unclear.value.choices.choices} == {OLD, OLDER}


def test_last_leaves_out_a_service_that_has_none() -> None:
    choice = select_version("last", [app(OLD, NOW_RUNS, service="web"), app(NOW_RUNS, service="api")])
    assert picked(choice) == {"web": OLD}
    assert choice.left_out == ("api has no earlier version; it is left as it is.",)


def test_of_several_templates_the_newest_is_taken_and_counted() -> None:
    service = workload(revision(1, OLD, CACHE_TTL="300"), revision(2, OLD, CACHE_TTL="600"), revision(3, NOW_RUNS))
    (chosen,) = select_version(OLD, [service]).selected
    assert chosen.revision is not None
    assert (chosen.revision.number, chosen.templates) == (2, 2)


def test_a_moved_tag_is_told_apart_by_its_digest() -> None:
    first, second = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    service = workload(revision(1, f":v1@{first}"), revision(2, f":v1@{second}"))
    (chosen,) = select_version(first, [service]).selected
    assert chosen.image.endswith(first)
    with pytest.raises(Refused, match="already runs v1"):
        select_version("v1", [service])


def test_what_can_run_is_listed_once_newest_first() -> None:
    choices = rollback_candidates([app(OLDER, OLD, NOW_RUNS, service="web"), app(OLD, OLDER, service="api")])
    assert [(each.version, each.services) for each in choices] == [(OLD, ("web", "api")), (OLDER, ("web",))]


def test_an_unseen_version_goes_to_the_services_whose_tags_look_like_it() -> None:
    services = team_catalogue().services
    main, cache = app(OLD, service="deep-echo-main"), app("7.2-echo4", service="deep-echo-cache")
    choice = select_unseen_version("main-fffffff", [(each, services[each.target.service]) for each in (main, cache)])
    assert picked(choice) == {"deep-echo-main": "main-fffffff"}
    assert choice.selected[0].revision is None
    assert choice.left_out == ("deep-echo-cache has no versions named like main-fffffff; it is left as it is.",)


@pytest.mark.parametrize(
    "word", ["fffffff", "main-ffffff", "main-fffffff\n", "main-FFFFFFF", "latest", "a:b-abcdef0", "../x-abcdef0"]
)
def test_an_unseen_version_must_look_like_a_tag(word: str) -> None:
    service = team_catalogue().services["deep-echo-main"]
    assert select_unseen_version(word, [(app(OLD, service="deep-echo-main"), service)]).selected == ()


@pytest.mark.parametrize(
    "image", ["registry.example:5000/web", "registry.example:5000/web:main", "registry.example:5000/web@" + DIGEST]
)
def test_an_unseen_digest_is_written_after_an_at_sign(image: str) -> None:
    service = (
        team_catalogue().services["deep-echo-main"].model_copy(update={"image": image, "tag_pattern": "^sha256:[0-9a-f]{64}$"})
    )
    (selected,) = select_unseen_version(DIGEST, [(app(OLD, service="deep-echo-main"), service)]).selected
    assert selected.image == f"registry.example:5000/web@{DIGEST}"


def test_a_version_without_a_tag_is_called_latest() -> None:
    web = workload(revision(1, ""), revision(2, "main-9f00d12"))
    (selected,) = select_version("latest", [web]).selected
    assert (selected.image, [each.version for each in rollback_candidates([web])]) == ("registry.example/web", ["latest"])


def test_a_deployment_that_was_made_anew_says_since_when_there_is_a_history() -> None:
    made = "web was made in the cluster on 16 Aug 2026"
    anew = workload(revision(1, NOW_RUNS))
    with pytest.raises(Refused, match=made):
        select_version("last", [anew])
    with pytest.raises(AmbiguousVersion) as unclear:
        select_version(OLD, [anew])
    assert made in str(unclear.value.choices.hint)
    with pytest.raises(AmbiguousVersion) as longer_history:
        select_version(OLD, [workload(revision(7, NOW_RUNS))])
    assert "was made in the cluster" not in str(longer_history.value.choices.hint)
