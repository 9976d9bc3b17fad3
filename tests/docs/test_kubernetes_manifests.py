from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from bertillon.coding.v1 import coding_service_pb2
from bertillon_server.app.settings import Settings, load_settings

MANIFEST = Path(__file__).parents[2] / "deploy/kubernetes/bertillon.yaml"


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    with MANIFEST.open(encoding="utf-8") as file:
        return {document["kind"]: document for document in yaml.safe_load_all(file)}


@pytest.fixture(scope="module")
def pod(objects: dict[str, Any]) -> Any:
    return objects["Deployment"]["spec"]["template"]


@pytest.fixture(scope="module")
def container(pod: Any) -> Any:
    (only,) = pod["spec"]["containers"]
    return only


def test_there_is_a_deployment_a_service_and_a_disruption_budget(objects: dict[str, Any]) -> None:
    versions = {kind: document["apiVersion"] for kind, document in objects.items()}
    assert versions == {"Deployment": "apps/v1", "Service": "v1", "PodDisruptionBudget": "policy/v1"}


def test_all_of_them_mean_the_same_pods(objects: dict[str, Any], pod: Any) -> None:
    labels = pod["metadata"]["labels"].items()
    selectors = [
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
    ]
    assert all(selector and selector.items() <= labels for selector in selectors)


def test_the_service_is_headless_and_its_ports_are_the_container_s(
    objects: dict[str, Any], container: Any
) -> None:
    service = objects["Service"]["spec"]
    assert service["clusterIP"] == "None"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["ports"]} <= set(ports)


def test_the_environment_is_accepted_as_settings(
    container: Any, pod: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in container["env"]:
        assert variable["name"].removeprefix("BERTILLON_").lower() in Settings.model_fields
        monkeypatch.setenv(variable["name"], variable.get("value", "2"))
    settings = load_settings({}, None)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert settings.address.endswith(f":{ports['grpc']}")
    assert settings.metrics_address.endswith(f":{ports['metrics']}")
    # The kubelet waits longer than the server takes to stop.
    assert pod["spec"]["terminationGracePeriodSeconds"] > settings.settle_s + settings.grace_s + 5


def test_probes_ask_for_health_over_grpc(container: Any) -> None:
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    service = coding_service_pb2.DESCRIPTOR.services_by_name["CodingService"].full_name
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["grpc"]["port"] == ports["grpc"]
    assert container["readinessProbe"]["grpc"]["service"] == service
