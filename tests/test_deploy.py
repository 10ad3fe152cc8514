"""The files of deploy/: they can be read, their commands are ours, and no secret is written in them. No image is built here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from yukawa.cli.main import main

DEPLOY = Path(__file__).parents[1] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
DEPLOYMENT, SERVICE = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
(CONTAINER,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [COMPOSE["services"]["yukawa"]["command"], CONTAINER["args"], re.findall(r'"([^"]+)"', DOCKERFILE.partition("\nCMD ")[2])],
    ids=["compose", "kubernetes", "Dockerfile"],
)  # fmt: skip
def test_the_commands_are_ours(arguments, capsys):
    """With an option more that is wrong, each is refused for that one alone."""
    assert arguments[0] == "serve"
    assert main([*arguments, "--nothing"]) == 2
    assert "--nothing" in capsys.readouterr().err


def test_the_parts_fit_each_other():
    services = COMPOSE["services"]
    assert (
        DEPLOY / services["yukawa"]["build"]["context"] / services["yukawa"]["build"]["dockerfile"]
    ).is_file()
    assert services["yukawa"]["ports"] == ["127.0.0.1:8000:8000"]  # a proxy with TLS is the way in
    used = {volume.partition(":")[0] for service in services.values() for volume in service["volumes"]}
    assert used == set(COMPOSE["volumes"])
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    assert labels == DEPLOYMENT["spec"]["selector"]["matchLabels"] == SERVICE["spec"]["selector"]
    assert SERVICE["spec"]["ports"][0]["targetPort"] == CONTAINER["ports"][0]["containerPort"]
    mounted = {mount["name"] for mount in CONTAINER["volumeMounts"]}
    assert mounted == {volume["name"] for volume in DEPLOYMENT["spec"]["template"]["spec"]["volumes"]}


def test_state_is_on_postgresql_and_its_password_in_no_file():
    url = COMPOSE["services"]["yukawa"]["environment"]["YUKAWA_KNOWLEDGE__URL"]
    assert url == "postgresql://yukawa:${POSTGRES_PASSWORD}@base/yukawa"
    (variable,) = CONTAINER["env"]
    assert variable["name"] == "YUKAWA_KNOWLEDGE__URL"
    assert "secretKeyRef" in variable["valueFrom"]
    assert "value" not in variable


def test_nothing_runs_as_root():
    assert "\nUSER yukawa\n" in DOCKERFILE
    assert DEPLOYMENT["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]
    assert (
        COMPOSE["services"]["yukawa"]["cap_drop"]
        == CONTAINER["securityContext"]["capabilities"]["drop"]
        == ["ALL"]
    )
