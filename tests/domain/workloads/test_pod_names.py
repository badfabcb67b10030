"""A pod belongs to a workload by its owner or by the exact form of its name, never by a prefix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.workloads.pod_names import owner_in, workloads_by_name

LONG = "a-service-with-a-name-as-long-as-helm-and-people-make-them"


@pytest.mark.parametrize(
    ("pod", "workloads"),
    [
        ("web-7d9f4b5c68-x2x4z", ("web-7d9f4b5c68", "web")),
        ("web-api-7d9f4b5c68-x2x4z", ("web-api-7d9f4b5c68", "web-api")),
        ("web-0", ("web",)),
        ("web-api-12", ("web-api",)),
        ("web-x2x4z", ("web",)),
        ("web-db-x2x4z", ("web-db",)),
        ("web-cache-7d9f4b5c68-x2x4z", ("web-cache-7d9f4b5c68", "web-cache")),
        ("web-00", ()),
        ("web-\u0663", ()),
        ("web-7d9f4b5c68", ()),
        ("web-worker", ()),
        ("web-migrate-job", ()),
        ("web", ()),
        ("-0", ()),
        ("", ()),
        ("web-7d9f4b5c68-x2x4z\n", ()),
        (f"{LONG[:47]}-7d9f4b5c68x2x4z", (LONG[:47],)),
        (f"{LONG[:50]}-7d9f4b5x2x4z", (LONG[:50],)),
    ],
)
def test_the_workloads_that_name_a_pod_like_this(pod: str, workloads: tuple[str, ...]) -> None:
    assert workloads_by_name(pod) == workloads


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,40}[a-z0-9])?", fullmatch=True)
HASHES = st.text("456789bcdf", min_size=6, max_size=10)
SUFFIXES = st.text("bcdfghjklmnpqrstvwxz2456789", min_size=5, max_size=5)


@given(NAMES, HASHES, SUFFIXES, st.integers(0, 999))
def test_each_pod_that_kubernetes_names_is_found(name: str, template_hash: str, suffix: str, ordinal: int) -> None:
    assert name in workloads_by_name(f"{f'{name}-{template_hash}-'[:58]}{suffix}")
    assert name in workloads_by_name(f"{name}-{suffix}")
    assert name in workloads_by_name(f"{name}-{ordinal}")
    assert f"{name}x" not in workloads_by_name(f"{name}-{template_hash}-{suffix}")


@given(NAMES, NAMES, HASHES, SUFFIXES)
def test_a_workload_whose_name_goes_on_is_another_one(name: str, more: str, template_hash: str, suffix: str) -> None:
    found = workloads_by_name(f"{name}-{more}z-{template_hash}-{suffix}")
    assert f"{name}-{more}z" in found
    assert name not in found


@pytest.mark.parametrize(
    ("labels", "owner"),
    [
        ({"owner_kind": "ReplicaSet", "owner_name": "web-7d9f4b5c68"}, "web"),
        ({"created_by_kind": "ReplicaSet", "created_by_name": "web-api-7d9f4b5c68"}, "web-api"),
        ({"created_by_kind": "StatefulSet", "created_by_name": "web-2"}, "web-2"),
        ({"owner_kind": "DaemonSet", "owner_name": "agent"}, "agent"),
        ({"workload_type": "deployment", "workload": "web"}, "web"),
        ({"replicaset": "web-7d9f4b5c68"}, "web"),
        ({"statefulset": "db"}, "db"),
        ({"daemonset": "agent"}, "agent"),
        ({"owner_kind": "ReplicaSet", "owner_name": "web-canary"}, ""),
        ({"owner_kind": "Job", "owner_name": "web"}, ""),
        ({"owner_kind": "Node", "owner_name": "web"}, ""),
        ({"owner_kind": "ReplicaSet"}, None),
        ({"owner_kind": "", "owner_name": "web"}, None),
        ({"pod": "web-0"}, None),
        ({}, None),
    ],
)
def test_the_owner_that_labels_name(labels: dict[str, str], owner: str | None) -> None:
    assert owner_in(labels) == owner
