"""What stands against a change is told by the API server's own words, whatever status they come with."""

import pytest

from domain.errors import Conflict, DeepechoError, Forbidden, NotAdmitted, NotFound, TemporaryError, UnknownOutcome
from integrations.http import FailedResponse
from integrations.kubernetes.errors import error_for_status, kubernetes_call

WRITE = kubernetes_call(
    cluster="prod", verb="patch", resource="deployments.apps", kind="Deployment", name="web", namespace="shop", is_write=True
)
READ = kubernetes_call(cluster="prod", verb="list", resource="pods", kind="Pod", namespace="shop")
IS_FORBIDDEN = 'deployments.apps "web" is forbidden: '
DOWN = (
    'Internal error occurred: failed calling webhook "images.example.com": failed to call webhook: Post '
    '"https://images.guard.svc:443/validate?timeout=10s": '
)


def error(status: int, message: str) -> DeepechoError:
    return error_for_status(WRITE, FailedResponse(status, message))


@pytest.mark.parametrize(
    ("status", "message", "sentence"),
    [
        (500, DOWN + "dial tcp 10.0.0.7:443: connect: connection refused", "connect: connection refused."),
        (500, DOWN + "context deadline exceeded", "context deadline exceeded."),
        (500, DOWN + 'service "images" not found', 'service "images" not found.'),
        (500, 'Internal error occurred: failed calling webhook "images.example.com": x509: expired', ": x509: expired."),
    ],
)
def test_a_webhook_out_of_reach_is_a_definite_no(status: int, message: str, sentence: str) -> None:
    found = error(status, message)

    assert type(found) is NotAdmitted
    start = (
        "Cluster prod did not patch Deployment web in namespace shop of cluster prod. The admission webhook images.example.com, "
    )
    assert str(found).startswith(start + "which the cluster asks before such a change, does not answer: ")
    assert sentence in str(found)
    assert str(found).endswith(" Nothing was changed.")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_a_webhook_that_denies_is_told_so_whatever_status_it_chose(status: int) -> None:
    found = error(status, 'admission webhook "images.example.com" denied the request: only signed images.')

    assert type(found) is NotAdmitted
    assert "The admission webhook images.example.com does not allow this: only signed images. Nothing" in str(found)


@pytest.mark.parametrize(
    ("status", "message", "sentence"),
    [
        (
            422,
            IS_FORBIDDEN + "ValidatingAdmissionPolicy 'replicas' with binding 'shop' denied request: at most 5 replicas",
            "ValidatingAdmissionPolicy 'replicas' does not allow this: at most 5 replicas.",
        ),
        (401, "ValidatingAdmissionPolicy 'replicas' with binding 'b' denied request: no", "does not allow this: no."),
        (
            403,
            IS_FORBIDDEN + 'violates PodSecurity "restricted:latest": runAsNonRoot',
            "A rule of the cluster does not allow this: v",
        ),
        (403, IS_FORBIDDEN + "maximum cpu usage per Container is 1, but limit is 2", "does not allow this: maximum cpu usage"),
        (
            403,
            IS_FORBIDDEN + "exceeded quota: compute, requested: pods=1, used: pods=3, limited: pods=3",
            "The quota compute does not allow this: exceeded quota: compute, requested: pods=1, used: pods=3, limited: pods=3.",
        ),
        (403, IS_FORBIDDEN + "failed quota: compute: must specify limits.cpu for: main", "The quota compute does not allow this"),
        (403, 'admission webhook "a.b" denied the request without explanation', "The admission webhook a.b does not allow this"),
    ],
)
def test_rules_and_quotas_are_told_apart(status: int, message: str, sentence: str) -> None:
    found = error(status, message)

    assert type(found) is NotAdmitted
    assert sentence in str(found)


def test_a_missing_right_is_none_of_them() -> None:
    message = IS_FORBIDDEN + 'User "bot" cannot patch resource "deployments" in API group "apps" in the namespace "shop"'
    found = error(403, message)

    assert type(found) is Forbidden
    assert "its account needs the verb patch on deployments.apps" in str(found)


@pytest.mark.parametrize("reason", ["not yet ready to handle request", "status unknown for quota: compute, resources: pods"])
def test_a_server_that_is_not_ready_for_a_change_is_asked_again(reason: str) -> None:
    found = error(403, IS_FORBIDDEN + reason)

    assert type(found) is TemporaryError
    assert str(found).endswith("Nothing was changed.")


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (409, "the object has been modified", Conflict),
        (404, 'deployments.apps "web" not found', NotFound),
        (500, "etcdserver: request timed out", UnknownOutcome),
        (504, "Timeout: request did not complete within requested timeout - context deadline exceeded", UnknownOutcome),
        (403, "<html>blocked</html>", Forbidden),
    ],
)
def test_everything_else_is_what_its_status_says(status: int, message: str, kind: type[DeepechoError]) -> None:
    assert type(error(status, message)) is kind


def test_reading_is_not_admitted_by_anybody() -> None:
    assert isinstance(error_for_status(READ, FailedResponse(403, IS_FORBIDDEN + "no")), Forbidden)
