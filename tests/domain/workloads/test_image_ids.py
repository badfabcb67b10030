"""Whether two image ids, as nodes report them, are the same content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.workloads.image_ids import (
    ReportedImage,
    Sameness,
    compare,
    compare_all,
    compare_with_verified,
    is_requested,
    merge_aliases,
)

A, B, C = (f"sha256:{digit * 64}" for digit in "abc")
AMD, ARM, CRIO = "linux/amd64 containerd", "linux/arm64 containerd", "linux/amd64 cri-o"
SHOP, MIRROR = "ghcr.io/acme/shop", "mirror.example:5000/acme/shop"


def image(image_id: str, platform: str = AMD) -> ReportedImage:
    return ReportedImage(image_id, platform)


@pytest.mark.parametrize(
    ("image_id", "digest", "repository"),
    [
        (f"{SHOP}@{A}", A, SHOP),
        (f"docker-pullable://{SHOP}@{A}", A, SHOP),
        (f"{MIRROR}@{A}", A, MIRROR),
        (f"{SHOP}:main-1111111@{A}", A, SHOP),
        (f"nginx@{A}", A, "docker.io/library/nginx"),
        (f"docker://{A}", A, ""),
        (A, A, ""),
        ("a" * 64, A, ""),
        ("docker://" + "a" * 64, A, ""),
        (f"{SHOP}:main-1111111", "", ""),
        ("", "", ""),
    ],
)
def test_the_forms_of_image_ids(image_id: str, digest: str, repository: str) -> None:
    assert (image(image_id).digest, image(image_id).repository) == (digest, repository)


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        (image(f"{SHOP}@{A}"), image(f"{SHOP}@{A}"), Sameness.SAME),
        (image(f"{SHOP}@{A}"), image(f"{MIRROR}@{A}"), Sameness.SAME),
        (image(f"docker-pullable://{SHOP}@{A}"), image(f"{SHOP}@{A}", ARM), Sameness.SAME),
        (image(f"docker://{A}"), image(A), Sameness.SAME),
        (image(f"{SHOP}@{A}", ""), image(f"{SHOP}@{A}"), Sameness.SAME),
        (image(f"{SHOP}@{A}"), image(f"{SHOP}@{B}"), Sameness.DIFFERENT),
        (image(A), image(B), Sameness.DIFFERENT),
        (image(f"{SHOP}@{A}"), image(f"{SHOP}@{B}", ARM), Sameness.UNKNOWN),
        (image(f"{SHOP}@{A}"), image(f"{SHOP}@{B}", CRIO), Sameness.UNKNOWN),
        (image(f"{SHOP}@{A}"), image(f"{MIRROR}@{B}"), Sameness.UNKNOWN),
        (image(f"{SHOP}@{A}"), image(B), Sameness.UNKNOWN),
        (image(A), image(B, ARM), Sameness.UNKNOWN),
        (image(f"{SHOP}@{A}", ""), image(f"{SHOP}@{B}", ""), Sameness.UNKNOWN),
        (image(f"{SHOP}:1"), image(f"{SHOP}:1"), Sameness.UNKNOWN),
        (image(""), image(f"{SHOP}@{A}"), Sameness.UNKNOWN),
    ],
)
def test_two_images(one: ReportedImage, other: ReportedImage, result: Sameness) -> None:
    assert compare(one, other) is compare(other, one) is result


def known(digest: str, *aliases: str, platform: str = AMD) -> ReportedImage:
    """An image whose nodes were asked for all its names."""
    return ReportedImage(f"{SHOP}@{digest}", platform, frozenset(aliases))


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        (known(A, A, B), known(B, B), Sameness.SAME),
        (known(A, A, B), image(f"{SHOP}@{B}"), Sameness.SAME),
        (known(A, A, C), known(B, B), Sameness.DIFFERENT),
        # Of an image that no node lists the other names are not known.
        (known(A), known(B, B), Sameness.UNKNOWN),
        (known(A, A), known(B, B, platform=ARM), Sameness.UNKNOWN),
    ],
)
def test_names_that_a_node_lists_together_are_one_content(one: ReportedImage, other: ReportedImage, result: Sameness) -> None:
    assert compare(one, other) is compare(other, one) is result


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3), max_size=8))
def test_groups_that_share_a_digest_are_one(groups: list[list[str]]) -> None:
    merged = merge_aliases(groups)
    assert all(any(set(group) <= one for one in merged) for group in groups)
    assert sum(map(len, merged)) == len({digest for group in groups for digest in group})


reported = st.builds(
    ReportedImage,
    st.builds(
        lambda scheme, name, digest: scheme + (f"{name}@{digest}" if name else digest),
        st.sampled_from(["", "docker-pullable://", "docker://"]),
        st.sampled_from(["", SHOP, MIRROR, "shop"]),
        st.sampled_from([A, B, C]),
    ),
    st.sampled_from(["", AMD, ARM, CRIO]),
)


@given(reported, reported)
def test_the_same_is_said_exactly_of_equal_digests(one: ReportedImage, other: ReportedImage) -> None:
    assert (compare(one, other) is Sameness.SAME) == (one.digest == other.digest)


@given(st.lists(reported, min_size=1, max_size=6), st.randoms())
def test_the_order_of_pods_does_not_matter(images: list[ReportedImage], random: st.DataObject) -> None:
    shuffled = list(images)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert compare_all(images) is compare_all(shuffled)
    assert (compare_all(images) is Sameness.SAME) == (len({each.digest for each in images}) == 1)


def test_one_pod_is_the_same_as_itself_if_it_has_a_digest() -> None:
    assert compare_all([image(f"{SHOP}@{A}")]) is Sameness.SAME
    assert compare_all([image("")]) is Sameness.UNKNOWN


@pytest.mark.parametrize(
    ("now", "verified", "result"),
    [
        ([image(f"{SHOP}@{A}")], [], Sameness.SAME),
        ([image(f"{SHOP}@{A}")], [image(f"{SHOP}@{B}", ARM), image(f"{MIRROR}@{A}", "")], Sameness.SAME),
        ([image(f"{SHOP}@{A}")], [image(f"{SHOP}@{B}", ARM)], Sameness.UNKNOWN),
        ([image(f"{SHOP}@{A}")], [image(f"{SHOP}@{B}", ARM), image(f"{SHOP}@{C}")], Sameness.DIFFERENT),
        ([image(f"{SHOP}@{A}"), image(f"{SHOP}@{B}", ARM)], [image(f"{SHOP}@{A}")], Sameness.UNKNOWN),
        ([image("")], [image(f"{SHOP}@{A}")], Sameness.UNKNOWN),
    ],
)
def test_what_was_verified(now: list[ReportedImage], verified: list[ReportedImage], result: Sameness) -> None:
    assert compare_with_verified(now, verified) is result


@pytest.mark.parametrize(
    ("requested", "wanted", "expected"),
    [
        (f"{SHOP}:1", f"{SHOP}:1", True),
        (f"{MIRROR}:1", f"{SHOP}:1", True),
        (f"{SHOP}:1@{A}", f"{SHOP}:1", True),
        (f"{SHOP}@{A}", f"{SHOP}:1", True),
        (f"{SHOP}:2@{A}", f"{SHOP}:1@{A}", True),
        ("shop", "docker.io/library/shop:latest", True),
        (f"{SHOP}:2", f"{SHOP}:1", False),
        (f"{SHOP}:2@{A}", f"{SHOP}:1", False),
        (f"{SHOP}@{A}", f"{SHOP}@{B}", False),
        (SHOP, f"{SHOP}:1", False),
    ],
)
def test_what_a_pod_asks_for(requested: str, wanted: str, expected: bool) -> None:  # noqa: FBT001
    assert is_requested(requested, wanted) is expected
