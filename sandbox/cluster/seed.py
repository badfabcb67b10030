"""The platform of the sandbox: deep-echo in development, staging and production, each with a history.

Production has run main-9f00d12 since yesterday 16:20 and main-abc1234 before; its ConfigMap was changed after that.
"""

import base64
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.cluster.autoscaler import status_of
from sandbox.cluster.history import Release, SeedWorkload, api_object, object_base, record_field_manager, with_history
from sandbox.cluster.model import Json, format_time
from sandbox.cluster.resources import APPLICATIONS, CONFIGMAPS, CRON_JOBS, HPAS, KUSTOMIZATIONS, NAMESPACES, SECRETS, SERVICES

CONTEXTS = {"development": "deep-echo-dev", "staging": "deep-echo-staging", "production": "deep-echo-prod"}
"""Context name: namespace, which is also the name of the Helm release."""

REGISTRY = "ghcr.io/echocog/deep-tree-echo-rkwv"
_CHART = "deep-echo-1.4.2"


@dataclass(frozen=True, slots=True)
class RelativeTimes:
    """Moments relative to the start of the sandbox."""

    now: datetime

    def ago(self, **duration: int) -> datetime:
        return self.now - timedelta(**duration)

    def day(self, days_ago: int, hour: int, minute: int) -> datetime:
        """A time of day (UTC), so many days ago."""
        return (self.now - timedelta(days=days_ago)).replace(hour=hour, minute=minute, second=11, microsecond=0)


def platform(now: datetime) -> list[Json]:
    """Every object of the sandbox's cluster, pods ready and old enough to be believed."""
    times = RelativeTimes(now)
    namespaces = [*CONTEXTS.values(), "argocd", "flux-system"]
    objects = [api_object(NAMESPACES, name, "", times.ago(days=210)) for name in namespaces]
    for namespace, versions in _versions(times).items():
        objects += _environment(namespace, versions, times)
    return [*objects, *_owned_by_argo_cd(times), *_owned_by_flux(times)]


def _versions(times: RelativeTimes) -> dict[str, list[tuple[str, datetime]]]:
    """What the application ran in each namespace, oldest first."""
    day, ago = times.day, times.ago
    return {
        "deep-echo-dev": [
            ("main-77aa001", day(9, 15, 4)),
            ("main-abc1234", day(5, 9, 41)),
            ("main-9f00d12", day(2, 17, 3)),
            ("main-51d2c44", day(1, 13, 10)),
            ("main-e0f9a31", ago(minutes=41)),
        ],
        "deep-echo-staging": [
            ("main-3c21f0e", day(14, 11, 32)),
            ("main-77aa001", day(8, 10, 15)),
            ("main-abc1234", day(4, 14, 27)),
            ("main-9f00d12", day(2, 9, 52)),
            ("main-51d2c44", ago(hours=3, minutes=12)),
        ],
        "deep-echo-prod": [
            ("main-d40c3e7", day(27, 15, 48)),
            ("main-18be44a", day(20, 10, 21)),
            ("main-3c21f0e", day(13, 14, 6)),
            ("main-77aa001", day(7, 11, 35)),
            ("main-abc1234", day(3, 10, 12)),
            ("main-9f00d12", day(1, 16, 20)),
        ],
    }


def _environment(namespace: str, versions: list[tuple[str, datetime]], times: RelativeTimes) -> list[Json]:
    newer = ("main-9f00d12", "main-51d2c44", "main-e0f9a31")
    production = namespace == CONTEXTS["production"]
    application = [(tag, at, {"CACHE_TTL": "600" if tag in newer else "300"}) for tag, at in versions]
    balancer = [("main-d40c3e7", times.day(60, 10, 2)), ("main-3c21f0e", times.day(12, 9, 30))]
    cache = [("7.2-echo3", times.day(90, 9, 10)), ("7.2-echo4", times.day(33, 16, 44))]
    cognitive = _workload(namespace, "cognitive", "cognitive", f"{REGISTRY}-microservice", 6 if production else 3)
    if production:
        cognitive = _scaled_this_morning(cognitive, times)
    parts = [
        (_main(namespace), [_release(namespace, *each) for each in application]),
        (cognitive, [_release(namespace, tag, at) for tag, at in versions]),
        (
            _workload(namespace, "load-balancer", "load-balancer", f"{REGISTRY}-load-balancer", 2),
            [_release(namespace, tag, at) for tag, at in balancer],
        ),
        (_workload(namespace, "cache", "cache", f"{REGISTRY}-cache", 2), [_release(namespace, *each) for each in cache]),
    ]
    objects = [obj for workload, releases in parts for obj in with_history(workload, releases)]
    deployment = next(obj for obj in objects if obj["kind"] == "Deployment" and obj["metadata"]["name"] == cognitive.name)
    services = [_service(workload, times) for workload, _ in parts]
    cron_jobs = [
        _cron_job(namespace, "postgres-backup", f"{REGISTRY}-backup:1.4.0", times),
        _cron_job(namespace, "smoke-test", f"{REGISTRY}-smoke:1.4.0", times),
    ]
    autoscaler = _autoscaler(deployment, times)
    return [*objects, *services, *cron_jobs, autoscaler, _config(namespace, times), _secrets(namespace, times)]


def _helm(namespace: str, component: str) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations of what Helm manages."""
    labels = {
        "app": f"deep-echo-{component}",
        "app.kubernetes.io/name": "deep-echo",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/instance": namespace,
        "app.kubernetes.io/managed-by": "Helm",
        "helm.sh/chart": _CHART,
    }
    return labels, {"meta.helm.sh/release-name": namespace, "meta.helm.sh/release-namespace": namespace}


def _workload(namespace: str, component: str, container: str, image: str, replicas: int) -> SeedWorkload:
    labels, annotations = _helm(namespace, component)
    return SeedWorkload(
        name=f"deep-echo-{component}",
        namespace=namespace,
        container=container,
        image=image,
        replicas=replicas,
        port={"cognitive": 8001, "load-balancer": 8080, "cache": 8002}.get(component, 8000),
        labels=labels,
        annotations=annotations,
        manager="helm",
        env={"LOG_LEVEL": "info"},
        probe="/api/status" if component == "main" else "/health",
    )


def _main(namespace: str) -> SeedWorkload:
    base = _workload(namespace, "main", "main-app", REGISTRY, 3)
    return replace(base, surge=1, unavailable=0)


def _scaled_this_morning(cognitive: SeedWorkload, times: RelativeTimes) -> SeedWorkload:
    return replace(cognitive, extra_pods=3, extra_pods_at=times.ago(hours=1, minutes=35))


def _release(namespace: str, tag: str, at: datetime, env: dict[str, str] | None = None) -> Release:
    return Release(tag=tag, at=at, cause=f"helm upgrade {namespace}: image.tag={tag}", env=env or {})


def _service(workload: SeedWorkload, times: RelativeTimes) -> Json:
    service = api_object(SERVICES, workload.name, workload.namespace, times.day(60, 10, 0))
    service["metadata"].update(labels=dict(workload.labels), annotations=dict(workload.annotations))
    address_suffix = sum(f"{workload.namespace}{workload.name}".encode()) % 250 + 2
    service["spec"] = {
        "clusterIP": f"10.96.12.{address_suffix}",
        "selector": {"app": workload.name},
        "ports": [{"name": "http", "port": 80, "targetPort": workload.port}],
    }
    return service


def _cron_job(namespace: str, name: str, image: str, times: RelativeTimes) -> Json:
    """What makes backups and looks whether the platform works: by its own schedule, or as a Job that somebody makes of it."""
    pod = {"containers": [{"name": "main", "image": image}], "restartPolicy": "Never"}
    cron_job = api_object(CRON_JOBS, name, namespace, times.ago(days=90))
    cron_job["spec"] = {
        "schedule": "15 */6 * * *",
        "suspend": False,
        "concurrencyPolicy": "Forbid",
        "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}},
    }
    return cron_job


def _autoscaler(deployment: Json, times: RelativeTimes) -> Json:
    namespace = deployment["metadata"]["namespace"]
    hpa = api_object(HPAS, deployment["metadata"]["name"], namespace, times.day(60, 10, 0))
    labels, annotations = _helm(namespace, "cognitive")
    hpa["metadata"].update(labels=labels, annotations=annotations)
    targets = {"cpu": 70, "memory": 80}
    hpa["spec"] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment["metadata"]["name"]},
        "minReplicas": 3,
        "maxReplicas": 20,
        "metrics": [
            {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": use}}}
            for name, use in targets.items()
        ],
    }
    hpa["status"] = status_of(hpa, deployment, format_time(times.day(1, 16, 21)))
    hpa["status"]["lastScaleTime"] = format_time(times.ago(hours=1, minutes=35))
    return hpa


def _config(namespace: str, times: RelativeTimes) -> Json:
    config = api_object(CONFIGMAPS, "deep-echo-config", namespace, times.day(60, 10, 0))
    labels, annotations = _helm(namespace, "main")
    config["metadata"].update(labels=labels, annotations=annotations)
    config["data"] = {
        "ENVIRONMENT": namespace.removeprefix("deep-echo-"),
        "DATABASE_HOST": "db.internal",
        "REDIS_URL": "redis://deep-echo-cache:6379/0",
        "COGNITIVE_DEPTH": "3",
        "SESSION_LIMIT": "200",
    }
    record_field_manager("helm", times.day(60, 10, 0), None, config)
    if namespace == CONTEXTS["production"]:
        before = {**config, "data": dict(config["data"])}
        config["data"] = {**config["data"], "COGNITIVE_DEPTH": "4", "SESSION_LIMIT": "350"}
        record_field_manager("kubectl-edit", times.day(1, 16, 34), before, config)
    return config


def _secrets(namespace: str, times: RelativeTimes) -> Json:
    secret = api_object(SECRETS, "deep-echo-secrets", namespace, times.day(60, 10, 0))
    labels, annotations = _helm(namespace, "main")
    secret["metadata"].update(labels=labels, annotations=annotations)
    values = {"DATABASE_PASSWORD": "hunter2", "SESSION_KEY": "not-a-real-key"}
    secret["data"] = {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
    record_field_manager("helm", times.day(60, 10, 0), None, secret)
    return secret


def _owned_by_argo_cd(times: RelativeTimes) -> list[Json]:
    """deep-echo-docs in production: whoever changes it by hand is put right within seconds."""
    namespace, name = CONTEXTS["production"], "deep-echo-docs"
    workload = SeedWorkload(
        name=name,
        namespace=namespace,
        container="docs",
        image=f"{REGISTRY}-docs",
        replicas=2,
        port=8080,
        labels={"app": name, "app.kubernetes.io/name": name},
        annotations={"argocd.argoproj.io/tracking-id": f"{name}:apps/Deployment:{namespace}/{name}"},
        manager="argocd-controller",
        probe="/",
    )
    versions = [("main-77aa001", times.day(7, 12, 2)), ("main-abc1234", times.day(3, 10, 40))]
    releases = [Release(tag=tag, at=at, cause=f"argocd sync {name} {tag}") for tag, at in versions]
    application = api_object(APPLICATIONS, name, "argocd", times.day(120, 9, 0))
    application["spec"] = {
        "project": "default",
        "source": {"repoURL": "https://github.com/EchoCog/deep-tree-echo-rkwv", "path": "docs/deploy", "targetRevision": "main"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    }
    application["status"] = {
        "sync": {"status": "Synced", "revision": "abc1234"},
        "health": {"status": "Healthy"},
        "resources": [{"group": "apps", "version": "v1", "kind": "Deployment", "namespace": namespace, "name": name}],
    }
    return [*with_history(workload, releases), application]


def _owned_by_flux(times: RelativeTimes) -> list[Json]:
    """deep-echo-proxy in staging, reconciled by Flux, which is not suspended."""
    namespace, name = CONTEXTS["staging"], "deep-echo-proxy"
    workload = SeedWorkload(
        name=name,
        namespace=namespace,
        container="proxy",
        image=f"{REGISTRY}-proxy",
        replicas=1,
        port=8443,
        labels={
            "app": name,
            "kustomize.toolkit.fluxcd.io/name": name,
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        },
        annotations={},
        manager="kustomize-controller",
        probe="/healthz",
    )
    versions = [("main-77aa001", times.day(8, 10, 40)), ("main-abc1234", times.day(4, 14, 50))]
    releases = [Release(tag=tag, at=at, cause=f"flux reconcile {name} {tag}") for tag, at in versions]
    kustomization = object_base(KUSTOMIZATIONS.api_version, KUSTOMIZATIONS.kind, name, "flux-system", times.day(100, 9, 0))
    kustomization["spec"] = {
        "interval": "10m",
        "path": "./proxy",
        "prune": True,
        "suspend": False,
        "sourceRef": {"kind": "GitRepository", "name": "deep-echo"},
    }
    ready = {"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded", "message": "Applied revision: main"}
    kustomization["status"] = {"conditions": [{**ready, "lastTransitionTime": format_time(times.day(4, 14, 50))}]}
    return [*with_history(workload, releases), kustomization]
