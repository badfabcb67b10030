"""The catalogue's file: errors name file, line and key; a reload is all or nothing and says what changed."""

from pathlib import Path

import pytest

from bot.core.catalogue_file import CatalogueFile, describe_differences, load_catalogue, parse_catalogue
from domain.errors import CatalogueError
from domain.people import Role

GOOD = """\
workspaces: [T0HOME]
clusters:
  main: {kubeconfig: kubeconfig}
environments:
  production:
    cluster: main
    namespace: deep-echo-prod
    protected: true
  staging:
    cluster: main
    namespace: deep-echo-staging
services:
  web:
    deployment: web
    container: app
    image: registry.example.com/web
applications:
  all: {services: [web], default: true}
roles:
  "*":
    viewer: ["*"]
    deployer: [U0ANA]
alerts:
  environment: production
  default: {channel: C0INFO}
  routes:
    - match: [severity=critical]
      channel: C0CRITICAL
      severity: P1
"""


def error_of(text: str) -> str:
    with pytest.raises(CatalogueError) as refused:
        parse_catalogue(text, "deepecho.yaml")
    return str(refused.value)


def test_a_good_catalogue_is_read() -> None:
    catalogue = parse_catalogue(GOOD, "deepecho.yaml")
    assert catalogue.environments["production"].protected
    assert catalogue.roles["*"][Role.DEPLOYER] == ("U0ANA",)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "    container: app",
            "    environments:\n      productoin: {deployment: prod-web}\n    container: app",
            "deepecho.yaml, line 16: services.web.environments.productoin: 'productoin' is not defined;",
        ),
        (
            "    container: app",
            "    environments:\n      production:\n        deploymnt: prod-web\n    container: app",
            "deepecho.yaml, line 17: services.web.environments.production.deploymnt: is not a key that is known here.",
        ),
        (
            "    protected: true",
            "    protectd: true",
            "deepecho.yaml, line 8: environments.production.protectd: is not a key that is known here.",
        ),
        (
            "    namespace: deep-echo-prod",
            "    namespace: Deep_Echo",
            "deepecho.yaml, line 7: environments.production.namespace:",
        ),
        ("    image: registry.example.com/web\n", "", "deepecho.yaml, line 13: services.web.image: is missing."),
        (
            "    cluster: main\n    namespace: deep-echo-staging",
            "    cluster: mian\n    namespace: deep-echo-staging",
            "deepecho.yaml, line 10: environments.staging.cluster: 'mian' is not defined; there are main.",
        ),
        ("  staging:", "  production:", "deepecho.yaml, line 9: 'production' stands here twice."),
        ("default: true", "default: false", "deepecho.yaml, line 17: applications: exactly one needs default: true."),
        ("    deployer: [U0ANA]", "    deploier: [U0ANA]", "deepecho.yaml, line 22: roles.*.deploier:"),
        ("services: [web]", "services: [web", "deepecho.yaml, line 18:"),
        (
            "  environment: production",
            "  environment: prod",
            "deepecho.yaml, line 24: alerts.environment: 'prod' is not defined; there are production, staging.",
        ),
        (
            "severity=critical",
            "severity",
            "deepecho.yaml, line 27: alerts.routes.0.match.0: severity has no operator after its label's name;",
        ),
        ("  main: {kubeconfig: kubeconfig}", "  main: {}", "deepecho.yaml, line 3: clusters.main: say exactly one of"),
    ],
)
def test_an_error_names_file_line_and_key(old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    assert error_of(GOOD.replace(old, new)).startswith(sentence)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n"])
def test_what_is_no_catalogue_at_all(text: str) -> None:
    assert error_of(text) == "deepecho.yaml: it must begin with keys such as environments, services and roles."


def test_no_python_object_is_ever_made() -> None:
    said = error_of("workspaces: !!python/object/apply:os.getcwd []\n")
    assert "could not determine a constructor" in said


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read: No such file or directory"):
        load_catalogue(tmp_path / "absent.yaml")


def test_a_reload_says_what_changed(tmp_path: Path) -> None:
    file = tmp_path / "deepecho.yaml"
    file.write_text(GOOD)
    catalogue = CatalogueFile(file)
    file.write_text(
        GOOD.replace("    protected: true\n", "    approval_minutes: 5\n")
        .replace("deployer: [U0ANA]", "deployer: [U0ANA, U0LEE]")
        .replace("  staging:\n    cluster: main\n    namespace: deep-echo-staging\n", "")
    )
    assert catalogue.reload() == (
        "environments.production.protected: True → False",
        "environments.production.approval_minutes: 15 → 5.0",
        "environments.staging removed",
        "roles.*.deployer: U0ANA → U0ANA, U0LEE",
    )
    assert "staging" not in catalogue.current.environments


def test_a_reload_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "deepecho.yaml"
    file.write_text(GOOD)
    catalogue = CatalogueFile(file)
    before = catalogue.current
    file.write_text(GOOD.replace("protected: true", "protected: perhaps"))
    with pytest.raises(CatalogueError, match=r"line 8: environments\.production\.protected"):
        catalogue.reload()
    assert catalogue.current is before


def test_nothing_changed_is_nothing_said() -> None:
    assert describe_differences(parse_catalogue(GOOD, "a"), parse_catalogue(GOOD, "b")) == ()
