import pytest

from domain.workloads.versions import Image, image_matches, is_version, matching_revisions, parse_image, version_of
from tests.harness.samples.workloads import revision

DIGEST = "sha256:" + "ab12" * 16
FULL = "abc1234" + "0" * 33


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ("web", Image("web")),
        ("web:1.2", Image("web", "1.2")),
        ("registry.example:5000/team/web", Image("registry.example:5000/team/web")),
        ("registry.example:5000/team/web:main-abc1234", Image("registry.example:5000/team/web", "main-abc1234")),
        (f"registry.example/web@{DIGEST}", Image("registry.example/web", "", DIGEST)),
        (f"registry.example:5000/web:1.2@{DIGEST}", Image("registry.example:5000/web", "1.2", DIGEST)),
    ],
)
def test_a_port_is_no_tag(reference: str, image: Image) -> None:
    assert parse_image(reference) == image


@pytest.mark.parametrize(
    ("reference", "version"),
    [("web:main-abc1234", "main-abc1234"), (f"web@{DIGEST}", "ab12ab12ab12"), (f"web:1.2@{DIGEST}", "1.2"), ("web", "")],
)
def test_people_name_a_version_by_its_tag(reference: str, version: str) -> None:
    assert version_of(reference) == version


@pytest.mark.parametrize(
    ("word", "tag", "named"),
    [
        ("main-abc1234", "main-abc1234", True),
        ("abc1234", "main-abc1234", True),
        ("abc123", "main-abc1234", True),
        ("ABC1234", "main-abc1234", True),
        (FULL, "main-abc1234", True),
        ("abc1234", FULL, True),
        ("abc1234", f"main-{FULL}", True),
        ("abc1234", "release-2.4-abc1234", True),
        ("7.2-echo4", "7.2-echo4", True),
        ("abc12", "main-abc1234", False),
        ("bc1234", "main-abc1234", False),
        ("abc1235", "main-abc1234", False),
        ("main", "main-abc1234", False),
        ("main-abc123", "main-abc1234", False),
        ("dev-abc1234", "main-abc1234", False),
        ("abcdef", "feature-abcdefghi", False),
        ("", "main-abc1234", False),
        ("latest", "main-abc1234", False),
    ],
)
def test_what_a_word_names(word: str, tag: str, named: bool) -> None:  # noqa: FBT001
    assert image_matches(word, f"registry.example/web:{tag}") is named


@pytest.mark.parametrize("word", [DIGEST, DIGEST.removeprefix("sha256:"), "ab12ab12", "ab12ab"])
def test_a_digest_is_a_version(word: str) -> None:
    assert image_matches(word, f"registry.example/web@{DIGEST}")
    assert image_matches(word, f"registry.example/web:1.2@{DIGEST}")


@pytest.mark.parametrize("word", ["main-abc1234", "1.2.3", "_x", DIGEST, "a" * 128])
def test_words_that_can_be_versions(word: str) -> None:
    assert is_version(word)


@pytest.mark.parametrize(
    "word", ["", "-x", ".x", "a b", "a/b", "web:1", "a" * 129, "sha256:ab", "$(id)", "x\ny", "main-abc1234\n", "é"]
)
def test_words_that_cannot_be_versions(word: str) -> None:
    assert not is_version(word)


def test_an_exact_tag_beats_a_short_sha() -> None:
    short, longer = revision(1, "abc1234"), revision(2, "main-abc1234")
    assert matching_revisions("abc1234", [longer, short]) == (short,)


def test_a_short_sha_may_name_several() -> None:
    one, two = revision(1, "main-abc1234"), revision(2, "main-abc1239")
    assert matching_revisions("abc123", [two, one]) == (two, one)
