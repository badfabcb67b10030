import pytest

from domain.workloads.versions import image_matches, matching_revisions
from tests.harness.samples.workloads import revision

DIGEST = "sha256:" + "ab12" * 16
FULL = "abc1234" + "0" * 33


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


@pytest.mark.parametrize(
    ("word", "reference"), [("latest", "web"), ("latest", "registry.example:5000/web"), ("latest", "web:latest")]
)
def test_an_image_without_a_tag_is_found_as_latest(word: str, reference: str) -> None:
    assert image_matches(word, reference)


def test_latest_is_not_what_a_digest_pins() -> None:
    assert not image_matches("latest", f"web@{DIGEST}")


def test_an_exact_tag_beats_a_short_sha() -> None:
    short, longer = revision(1, "abc1234"), revision(2, "main-abc1234")
    assert matching_revisions("abc1234", [longer, short]) == (short,)


def test_a_short_sha_may_name_several() -> None:
    one, two = revision(1, "main-abc1234"), revision(2, "main-abc1239")
    assert matching_revisions("abc123", [two, one]) == (two, one)


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        ("12345678", "1234567"),
        ("1234567", "12345678"),
        ("1234567a", "1234567"),
        ("1234567" + "a" * 33, "1234567"),
        ("20261123", "2026112"),
        ("202611", "20261123"),
        ("20261123", "20261123a"),
        ("20261123", "main-20261123a"),
        ("202611", "main-20261123"),
        ("20261124", "release-2026112"),
        ("1234567", "main-12345678"),
        ("facaded", "facade"),
        ("decade", "decaded"),
        ("defaced0", "defaced"),
        ("100200300", "100200"),
        ("1.2.30", "1.2.3"),
        ("1.2.3", "1.2.30"),
        ("v1", "v1.2"),
    ],
)
def test_a_number_a_date_or_a_word_names_only_what_equals_it(word: str, tag: str) -> None:
    assert not image_matches(word, f"registry.example/web:{tag}")


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        ("1234567", "main-1234567"),
        ("20261123", "main-20261123"),
        ("1234567" + "a" * 33, "main-1234567"),
        ("1234567", "1234567" + "a" * 33),
        ("1234567", "main-1234567" + "a" * 33),
        ("12345678", "12345678"),
        ("abc123456", "main-abc1234"),
    ],
)
def test_a_sha_with_decimal_digits_alone_is_named_by_them_or_by_the_full_sha(word: str, tag: str) -> None:
    assert image_matches(word, f"registry.example/web:{tag}")
