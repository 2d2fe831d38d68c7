"""Recipes are held to their own validators, and to the settings, commands and routes that there are."""

import json
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from api.schemas.operations import PoolOut
from backprop_evo.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the library, while it is imported
    import kubernetes_validate

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SLURM = DEPLOY / "slurm" / "nodes.sbatch"
COMPOSE = ROOT / "docker" / "compose.yml"
NO_SETTINGS = {"BACKPROP_EVO_ENVIRONMENT"}
"""Variables that only a recipe reads."""


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in MANIFESTS:
        for document in yaml.safe_load_all(path.read_text()):
            yield f"{path.name}: {document['kind']} {document['metadata']['name']}", document


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [document for _, document in documents() if document["kind"] == kind]


def check(document: dict[str, Any]) -> None:
    """Raises where the resource is none: Kubernetes' own schema, KEDA's as it is kept here."""
    if document["apiVersion"].startswith("keda.sh/"):
        schema = json.loads((ROOT / "tests" / "fixtures" / "keda.schema.json").read_text())
        jsonschema.validate(document, schema)
    else:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("document", [pytest.param(each, id=name) for name, each in documents()])
def test_manifests_are_what_kubernetes_and_keda_take(document: dict[str, Any]) -> None:
    check(document)


@pytest.mark.parametrize("kind", ["StatefulSet", "ScaledObject"])
def test_a_wrong_manifest_would_be_noticed(kind: str) -> None:
    (document,) = of_kind(kind)
    document["spec"]["replicaz"] = 1
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        check(document)


def test_keda_asks_what_the_api_answers() -> None:
    (scaled,) = of_kind("ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"]["valueLocation"] in PoolOut.model_fields
    assert trigger["metadata"]["url"].endswith(":8000/api/v1/pool")
    (authentication,) = of_kind("TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    (nodes,) = of_kind("StatefulSet")
    assert scaled["spec"]["scaleTargetRef"]["name"] == nodes["metadata"]["name"]
    assert nodes["spec"]["serviceName"] in {each["metadata"]["name"] for each in of_kind("Service")}
    pod = nodes["spec"]["template"]["spec"]
    told = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    assert trigger["metadata"]["targetValue"] == told["BACKPROP_EVO_SLOTS_PER_GPU"]
    assert pod["terminationGracePeriodSeconds"] >= float(str(told["BACKPROP_EVO_DRAIN_S"])) + 20


def test_every_variable_in_a_recipe_is_a_setting() -> None:
    paths = [*MANIFESTS, *UNITS, SLURM, COMPOSE, *(ROOT / "docker").glob("*.Dockerfile")]
    named = {name for path in paths for name in re.findall(r"BACKPROP_EVO_[A-Z_]*[A-Z]", path.read_text())}
    assert len(named) > 8
    known = {f"BACKPROP_EVO_{name.upper()}" for name in Settings.model_fields}
    assert named - known - NO_SETTINGS == set()


def test_the_slurm_script_is_sound() -> None:
    assert subprocess.run(["bash", "-n", SLURM], check=False).returncode == 0
    shellcheck = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run([shellcheck, SLURM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_slurm_script_becomes_a_node_with_a_name_that_stays(tmp_path: Path) -> None:
    (tmp_path / "environment").write_text("BACKPROP_EVO_REDIS_URL=redis://here\n")
    shown = "BACKPROP_EVO_NODE_NAME BACKPROP_EVO_REDIS_URL BACKPROP_EVO_FETCH_DATA"
    stand_in = tmp_path / "backprop-evo"
    stand_in.write_text(f'#!/bin/bash\necho "$@"; printenv {shown}\n')
    stand_in.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "SLURM_JOB_NAME": "evo",
        "SLURM_ARRAY_TASK_ID": "3",
        "HOME": str(tmp_path),
    }
    run = {"capture_output": True, "text": True, "check": False}
    done = subprocess.run(["bash", SLURM], env=environment, **run)  # type: ignore[call-overload]
    assert (done.returncode, "cannot be read" in done.stderr) == (2, True)
    environment["BACKPROP_EVO_ENVIRONMENT"] = str(tmp_path / "environment")
    done = subprocess.run(["bash", SLURM], env=environment, **run)  # type: ignore[call-overload]
    assert done.stdout.split() == ["node", "evo-3", "redis://here", "true"], done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on PATH")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_units_are_what_systemd_takes(unit: Path, tmp_path: Path) -> None:
    # Where it will be installed there is nothing here to execute.
    installed, here = "/opt/backprop-evo/bin/backprop-evo", shutil.which("true") or "/bin/true"
    text = unit.read_text()
    assert installed in text
    copy = tmp_path / unit.name
    copy.write_text(text.replace(installed, here))
    verify = ["systemd-analyze", "verify", "--man=no", copy]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    about_it = [line for line in done.stderr.splitlines() if unit.stem in line]
    assert (done.returncode, about_it) == (0, []), done.stderr
    copy.write_text(copy.read_text().replace("[Service]", "[Service]\nRestartz=always"))
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert "Restartz" in done.stderr, "a wrong one would be noticed"


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return read


def test_the_compose_file_is_what_the_specification_says() -> None:
    vendor = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((vendor / "compose-spec.json").read_text())
    jsonschema.validate(compose(), schema)
    wrong = compose()
    wrong["services"]["node-gpu"]["deploy"]["resources"]["reservations"]["devices"][0]["count"] = []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)


def test_every_image_is_built_once_and_what_runs_is_started_again_and_watched() -> None:
    services = compose()["services"]
    built = [each["image"] for each in services.values() if "build" in each]
    ours = {each["image"] for each in services.values() if each["image"].endswith(":local")}
    assert sorted(built) == sorted(ours)
    for name, service in services.items():
        if name == "migrate":
            continue
        assert service["restart"] == "unless-stopped", name
        if service["image"] in ours:
            assert service["init"] is True, name
            assert service.get("pull_policy") == "never" or "build" in service, name
        else:
            assert "test" in service["healthcheck"], name
    for image in ("api", "worker"):
        assert "HEALTHCHECK" in (ROOT / "docker" / f"{image}.Dockerfile").read_text()
