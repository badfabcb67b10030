"""The catalogue of the seeded platform, and one person of every kind."""

from typing import Any

from domain.catalogue.catalogue import Catalogue
from domain.people import Member, Person

TEAM = "T0HOME"
REGISTRY = "ghcr.io/echocog/deep-tree-echo-rkwv"


def member(user_id: str, name: str, *, team: str = TEAM, guest: bool = False, stranger: bool = False) -> Member:
    return Member(person=Person(user_id, team), name=name, guest=guest, stranger=stranger)


VIV = member("U0VIEWER", "viv")
RAY = member("U0RESPONDER", "ray")
ANA = member("U0DEPLOYER", "ana")
LEE = member("U0APPROVER", "lee")
SAM = member("U0SRE", "sam")
ROB = member("U0ROBSTAGE", "rob")
DEE = member("U0DEESTAGE", "dee")
RUE = member("U0SECURITY", "rue")
GUS = member("U0GUEST", "gus", guest=True)
STAN = member("U0STRANGER", "stan", team="T0OTHER", stranger=True)


def service(deployment: str, container: str, image: str, **more: Any) -> dict[str, Any]:
    return {"deployment": deployment, "container": container, "image": image, "team": "platform", **more}


def catalogue_data() -> dict[str, Any]:
    return {
        "workspaces": [TEAM],
        "clusters": {"main": {"kubeconfig": "kubeconfig"}},
        "environments": {
            "development": {"cluster": "main", "namespace": "deep-echo-dev", "aliases": ["dev"]},
            "staging": {"cluster": "main", "namespace": "deep-echo-staging", "aliases": ["stage"]},
            "production": {"cluster": "main", "namespace": "deep-echo-prod", "aliases": ["prod"], "protected": True},
        },
        "services": {
            "deep-echo-main": service("deep-echo-main", "main-app", REGISTRY, aliases=["main"]),
            "deep-echo-cognitive": service("deep-echo-cognitive", "cognitive", f"{REGISTRY}-microservice"),
            "deep-echo-cache": service("deep-echo-cache", "cache", f"{REGISTRY}-cache", tag_pattern=r"^[0-9.]+-echo[0-9]+$"),
            "deep-echo-docs": service("deep-echo-docs", "docs", f"{REGISTRY}-docs"),
            "deep-echo-proxy": service("deep-echo-proxy", "proxy", f"{REGISTRY}-proxy"),
        },
        "applications": {"deep-echo": {"services": ["deep-echo-main", "deep-echo-cognitive"], "default": True}},
        "roles": {
            "*": {
                "viewer": [VIV.person.user_id],
                "responder": [RAY.person.user_id],
                "deployer": [ANA.person.user_id],
                "approver": [LEE.person.user_id],
                "sre": [SAM.person.user_id],
            }
        },
    }


def team_catalogue(**changed: Any) -> Catalogue:
    return Catalogue.model_validate(catalogue_data() | changed)


ALERTMANAGER, SHARED_ALERTMANAGER = "https://alerts.example", "https://alerts.test.example"
"""Production has one of its own; development and staging share another."""


def alerting_catalogue(**changed: Any) -> Catalogue:
    """The same, with alerts: Alertmanagers, two rules and a default. In staging only, Rob responds and Dee deploys."""
    data = catalogue_data()
    for name, environment in data["environments"].items():
        environment["alertmanager"] = ALERTMANAGER if name == "production" else SHARED_ALERTMANAGER
    data["roles"]["staging"] = {"responder": [ROB.person.user_id], "deployer": [DEE.person.user_id]}
    routes = [
        {"name": "outage", "match": ['alertname="DeepEchoServiceDown"'], "channel": "C0CRITICAL", "severity": "P0"},
        {
            "name": "critical",
            "match": ['severity="critical"', 'environment=~"prod.*"'],
            "channel": "C0CRITICAL",
            "severity": "P1",
            "owner": "platform",
            "mentions": ["S0SRETEAM1"],
        },
    ]
    alerts = {"default": {"channel": "C0INFO", "severity": "P3"}, "routes": routes}
    return Catalogue.model_validate(data | {"alerts": alerts} | changed)
