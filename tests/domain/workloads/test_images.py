import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.workloads.images import UNKNOWN_VERSION, Image, is_version, parse_image, short_digest, version_of

DIGEST = "sha256:" + "ab12" * 16
LONG_DIGEST = "sha512:" + "ab12" * 32

part = st.from_regex(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*", fullmatch=True)
host = st.one_of(
    st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+(:[0-9]{1,5})?", fullmatch=True),
    st.just("localhost"),
    st.just("localhost:5000"),
    st.just("[fd00::1]:5000"),
)
repository = st.builds(
    lambda registry, parts: "/".join([*registry, *parts]), st.lists(host, max_size=1), st.lists(part, min_size=1, max_size=4)
)
tag = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True)
digest = st.one_of(
    st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True),
    st.from_regex(r"sha384:[0-9a-f]{96}", fullmatch=True),
    st.from_regex(r"sha512:[0-9a-f]{128}", fullmatch=True),
)
image = st.builds(Image, repository, st.just("") | tag, st.just("") | digest)


@given(image)
def test_what_is_written_is_read_again(written: Image) -> None:
    assert parse_image(str(written)) == written


@given(st.text(max_size=80))
def test_any_text_can_be_read_and_has_a_version(text: str) -> None:
    assert version_of(text)
    assert parse_image(str(parse_image(text))).name == parse_image(text).name


@given(image, tag | digest)
def test_another_version_has_the_same_repository_and_is_that_version(before: Image, version: str) -> None:
    after = parse_image(str(before.with_version(version)))
    assert (after.repository, after.name) == (before.repository, before.name)
    assert version in (after.tag, after.digest)
    assert not (after.tag and after.digest)
    assert f":{version}" in str(after) or f"@{version}" in str(after)


@given(image, image)
def test_names_are_equal_only_for_equal_paths(one: Image, other: Image) -> None:
    if one.name == other.name:
        assert one.base_name == other.base_name


@given(repository)
def test_the_version_of_an_image_without_tag_and_digest_is_latest(bare: str) -> None:
    assert version_of(bare) == "latest" == parse_image(bare).effective_tag


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("web", Image("web")),
        ("web:1.2", Image("web", "1.2")),
        ("registry.example:5000/team/web", Image("registry.example:5000/team/web")),
        ("registry.example:5000/team/web:main-abc1234", Image("registry.example:5000/team/web", "main-abc1234")),
        ("[::1]:5000/web", Image("[::1]:5000/web")),
        ("localhost:5000/web:1", Image("localhost:5000/web", "1")),
        (f"registry.example/web@{DIGEST}", Image("registry.example/web", "", DIGEST)),
        (f"registry.example/web@{LONG_DIGEST}", Image("registry.example/web", "", LONG_DIGEST)),
        (f"registry.example:5000/web:1.2@{DIGEST}", Image("registry.example:5000/web", "1.2", DIGEST)),
    ],
)
def test_a_port_is_no_tag(reference: str, expected: Image) -> None:
    assert parse_image(reference) == expected


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("web:main-abc1234", "main-abc1234"),
        (f"web@{DIGEST}", "ab12ab12ab12"),
        (f"web@{LONG_DIGEST}", "ab12ab12ab12"),
        (f"web:1.2@{DIGEST}", "1.2"),
        ("web", "latest"),
        ("registry.example:5000/web", "latest"),
        ("", UNKNOWN_VERSION),
    ],
)
def test_every_version_has_a_name(reference: str, version: str) -> None:
    assert version_of(reference) == version


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nginx", "docker.io/library/nginx:1.27"),
        ("nginx:1", "index.docker.io/library/nginx"),
        ("nginx", "library/nginx"),
        ("acme/shop:1", "docker.io/acme/shop:2"),
        ("acme/shop:1", f"registry-1.docker.io/acme/shop@{DIGEST}"),
        ("ghcr.io/acme/shop:1", "GHCR.io/acme/shop"),
        ("registry.example/web", "registry.example:443/web:1"),
        ("registry.example:5000/web", f"registry.example:5000/web:1@{DIGEST}"),
    ],
)
def test_references_of_one_repository(one: str, other: str) -> None:
    assert parse_image(one).name == parse_image(other).name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nginx", "acme/nginx"),
        ("ghcr.io/acme/shop", "acme/shop"),
        ("ghcr.io/acme/shop:1", "ghcr.io/acme/shop-worker:1"),
        ("registry.example/web", "registry.example:5000/web"),
        ("localhost/web", "web"),
        ("acme/shop", "acme.example/shop"),
    ],
)
def test_references_of_different_repositories(one: str, other: str) -> None:
    assert parse_image(one).name != parse_image(other).name


@pytest.mark.parametrize(
    ("word", "written"),
    [("main-abc1234", "registry.example:5000/web:main-abc1234"), (DIGEST, f"registry.example:5000/web@{DIGEST}")],
)
@pytest.mark.parametrize("before", ["", ":latest", f"@{DIGEST}", f":1@{DIGEST}"])
def test_a_digest_is_written_after_an_at_sign(word: str, written: str, before: str) -> None:
    assert str(parse_image(f"registry.example:5000/web{before}").with_version(word)) == written


@pytest.mark.parametrize("word", ["main-abc1234", "1.2.3", "_x", DIGEST, LONG_DIGEST, "a" * 128])
def test_words_that_can_be_versions(word: str) -> None:
    assert is_version(word)


@pytest.mark.parametrize(
    "word", ["", "-x", ".x", "a b", "a/b", "web:1", "a" * 129, "sha256:ab", "sha512:" + "ab12" * 16, "$(id)", "x\ny", "x\n", "é"]
)
def test_words_that_cannot_be_versions(word: str) -> None:
    assert not is_version(word)


def test_a_short_digest_has_twelve_digits() -> None:
    assert short_digest(DIGEST) == "ab12ab12ab12"
