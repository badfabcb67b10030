from typing import Any

import pytest

from domain.workloads.containers import (
    ContainerImage,
    containers_of,
    containers_with_image,
    image_of,
    service_containers,
    with_image,
)

SHOP = "ghcr.io/acme/shop"
OLD, NEW = f"{SHOP}:main-1111111", f"{SHOP}:main-2222222"
DIGEST = "sha256:" + "ab12" * 16


def template(*containers: tuple[str, str], init: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    def specs(named: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
        return [{"name": name, "image": image} for name, image in named]

    return {"spec": {"containers": specs(containers), "initContainers": specs(init)}}


CASE = template(("app", OLD), ("worker", OLD), ("istio-proxy", "istio/proxyv2:1.27"), init=(("migrate", OLD),))


def test_init_containers_and_sidecars_with_the_services_image_belong_to_it() -> None:
    assert containers_with_image(CASE, "app", [SHOP]) == ("migrate", "app", "worker")


@pytest.mark.parametrize(
    ("other", "belongs"),
    [
        (f"{SHOP}:main-0000000", True),
        (f"{SHOP}@{DIGEST}", True),
        (SHOP, True),
        (f"ghcr.io:443/acme/shop:main-1111111@{DIGEST}", True),
        (f"{SHOP}-worker:main-1111111", False),
        ("mirror.example:5000/acme/shop:main-1111111", False),
        ("acme/shop:main-1111111", False),
        ("", False),
    ],
)
def test_a_container_belongs_to_the_service_by_its_repository(other: str, belongs: bool) -> None:  # noqa: FBT001
    found = containers_with_image(template(("app", OLD), ("other", other)), "app", [SHOP, OLD])
    assert found == (("app", "other") if belongs else ("app",))


def test_short_names_of_docker_hub_are_the_full_ones() -> None:
    found = template(("app", "shop:1"), init=(("migrate", "docker.io/library/shop:1"),))
    assert containers_with_image(found, "app", ["shop"]) == ("migrate", "app")


def test_an_environment_with_a_mirror_moves_both_repositories() -> None:
    mirrored = template(("app", "mirror.example/shop:main-1111111"), ("worker", OLD))
    assert containers_with_image(mirrored, "app", [SHOP, "mirror.example/shop:main-1111111"]) == ("app", "worker")


def test_every_named_container_is_changed_and_nothing_else() -> None:
    changed = with_image(CASE, ("migrate", "app", "worker"), NEW)
    images = {each.name: each.image for each in containers_of(changed)}
    assert images == {"migrate": NEW, "app": NEW, "worker": NEW, "istio-proxy": "istio/proxyv2:1.27"}
    assert {each.image for each in containers_of(CASE)} == {OLD, "istio/proxyv2:1.27"}


def test_after_a_deploy_none_of_the_services_containers_stays() -> None:
    own = ("migrate", "app", "worker")
    after = service_containers(with_image(CASE, own, NEW), own, NEW, replaced=OLD)
    assert (after.moved, after.staying) == (own, ())


@pytest.mark.parametrize(
    ("other", "replaced", "stays"),
    [
        ("mirror.example/acme/shop:main-1111111", OLD, True),
        (f"mirror.example/acme/shop@{DIGEST}", OLD, True),
        (f"{SHOP}-worker:main-1111111", OLD, True),
        (f"{SHOP}-worker:main-0000000", OLD, False),
        ("redis:latest", f"{SHOP}:latest", False),
        ("redis", SHOP, False),
        (f"redis@{DIGEST}", f"{SHOP}@{DIGEST}", False),
        ("mirror.example/acme/shop:main-2222222", OLD, False),
    ],
)
def test_what_looks_like_the_service_and_stays_is_found(other: str, replaced: str, stays: bool) -> None:  # noqa: FBT001
    after = service_containers(template(("app", NEW), ("other", other)), ("app",), NEW, replaced=replaced)
    assert after.staying == ((ContainerImage("other", other),) if stays else ())


def test_an_earlier_template_may_have_run_two_versions() -> None:
    earlier = template(("app", NEW), init=(("migrate", OLD),))
    after = service_containers(earlier, ("migrate", "app"), NEW)
    assert (after.moved, after.staying) == (("app",), (ContainerImage("migrate", OLD),))


def test_a_container_that_was_renamed_is_found_if_it_is_the_only_one() -> None:
    assert image_of(template(("main", OLD), init=(("migrate", NEW),)), "app") == OLD
    assert image_of(template(("main", OLD), ("other", NEW)), "app") == ""
