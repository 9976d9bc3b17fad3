from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import grpc
import pytest
import structlog

import bertillon
from bertillon.cli.exits import Exit
from bertillon.coding.v1 import types_pb2 as types
from bertillon_server.api.errors import (
    CodeNotFoundError,
    InvalidRequestError,
    MalformedMessageError,
    Reason,
    RequestError,
    StalledClientError,
    UnauthenticatedError,
    failure_of,
)
from bertillon_server.api.record import CallRecord
from bertillon_server.app.logs import CallLog
from bertillon_server.app.metrics import Metrics
from bertillon_server.app.settings import NOT_FLAGS, Settings
from bertillon_server.app.startup import SettingsError, StartupError
from bertillon_server.app.worker_metrics import WorkerMetrics
from bertillon_server.audit.registry import RULES
from bertillon_server.audit.values import Kind
from bertillon_server.inference.errors import DeadlineUnreachableError, DrainingError, OverloadedError
from doc_pages import PAGES, ROOT, prose, rows

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code(cell: str) -> str:
    return cell.strip("`")


def test_the_tables_of_settings_are_current() -> None:
    check = [sys.executable, str(DOCS / "generate.py"), "--check"]
    ended = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_outdated_table_of_settings_is_noticed_and_brought_up_to_date(
    tmp_path: Path, generator: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "configuration.md"
    current = (DOCS / "configuration.md").read_text(encoding="utf-8")
    page.write_text(current.replace("| `grace_s` | `30.0` |", "| `grace_s` | `20.0` |"), encoding="utf-8")
    arguments = ["generate.py", "--page", str(page)]
    monkeypatch.setattr(sys, "argv", [*arguments, "--check"])
    assert generator.main() == 1
    monkeypatch.setattr(sys, "argv", arguments)
    assert generator.main() == 0
    assert page.read_text(encoding="utf-8") == current


def test_a_setting_in_no_group_is_noticed(generator: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "GROUPS", {"Logs": ("log_level",)})
    with pytest.raises(ValueError, match="grace_s"):
        generator.tables()


def test_every_setting_is_on_the_page_of_configuration() -> None:
    text = prose(DOCS / "configuration.md")
    for name in Settings.model_fields:
        assert f"| `{name}` |" in text
    for name in NOT_FLAGS:
        assert re.search(rf"\| `{name}` \|.*environment or file only", text)


RAISED: dict[Reason, Exception] = {
    Reason.INVALID_REQUEST: InvalidRequestError([]),
    Reason.MALFORMED_MESSAGE: MalformedMessageError(),
    Reason.CODE_NOT_FOUND: CodeNotFoundError(),
    Reason.UNAUTHENTICATED: UnauthenticatedError(),
    Reason.OVERLOADED: OverloadedError(1.0),
    Reason.DEADLINE_UNREACHABLE: DeadlineUnreachableError(),
    Reason.DRAINING: DrainingError(),
    Reason.CLIENT_STALLED: StalledClientError(),
    Reason.INTERNAL: RuntimeError(),
}


def test_every_reason_is_on_the_page_of_errors_with_its_status() -> None:
    documented = {code(row[0]): code(row[1]) for row in rows(DOCS / "errors.md", "## Reasons")}
    assert documented == {reason.value: failure_of(error, "r").code.name for reason, error in RAISED.items()}
    assert set(RAISED) == set(Reason)
    assert {type(error) for error in RAISED.values()} >= set(RequestError.__subclasses__())


def test_the_page_of_errors_names_statuses_that_exist_and_the_client_s_class_for_each() -> None:
    from bertillon._details import Details  # noqa: PLC0415 - the client's own
    from bertillon._errors import make_error  # noqa: PLC0415

    table = rows(DOCS / "errors.md", "## Statuses")
    documented = {code(row[0]): code(row[1]) for row in table}
    for status, kind in documented.items():
        made = make_error(grpc.StatusCode[status], "", Details())
        assert type(made).__name__ == kind
    assert {failure_of(error, "r").code.name for error in RAISED.values()} <= set(documented)


def test_every_error_of_the_client_is_documented() -> None:
    text = prose(DOCS / "errors.md")
    errors = [name for name in bertillon.__all__ if name.endswith("Error")]
    assert [name for name in errors if f"`{name}`" not in text] == []


def test_the_exit_codes_of_the_client_are_documented() -> None:
    documented = {int(code(row[0])) for row in rows(DOCS / "client.md", "### Exit codes")}
    assert documented == {int(value) for value in Exit}


def test_the_exit_codes_of_the_server_are_documented() -> None:
    documented = {int(code(row[0])) for row in rows(DOCS / "operations.md", "### Exit codes")}
    assert documented == {0, StartupError.exit_code, SettingsError.exit_code}


def test_every_metric_is_on_the_page_of_operations_with_its_type_and_labels() -> None:
    metrics = Metrics()
    defined = set()
    for attribute in (*vars(metrics).values(), *vars(WorkerMetrics()).values()):
        kind = getattr(attribute, "_type", None)
        if kind is not None and kind != "info":
            suffix = "_total" if kind == "counter" else ""
            labels = ", ".join(f"`{label}`" for label in attribute._labelnames)
            defined.add((f"{attribute._name}{suffix}", kind, labels))
    documented = {(code(row[0]), row[1], row[2]) for row in rows(DOCS / "operations.md", "### Names")}
    assert documented == defined | {("bertillon_info", "gauge", "`version`, `model`")}


def test_pages_name_no_metric_that_does_not_exist() -> None:
    known = {"bertillon_models", "bertillon_server"}
    for row in rows(DOCS / "operations.md", "### Names"):
        name = code(row[0])
        known |= {name, *(f"{name}_{suffix}" for suffix in ("bucket", "count", "sum"))}
    for page in PAGES:
        named = set(re.findall(r"\bbertillon_[a-z_]+", page.read_text(encoding="utf-8")))
        assert named <= known, page.name


def test_every_field_of_the_line_of_a_call_is_documented() -> None:
    with structlog.testing.capture_logs() as lines:
        CallLog().call_finished(CallRecord("/bertillon.coding.v1.CodingService/CodeNote", "r", finished=1.0))
    documented = {code(row[0]) for row in rows(DOCS / "operations.md", "### The line of a call")}
    assert set(lines[0]) - {"log_level"} <= documented
    assert documented - set(lines[0]) == {"timestamp", "level", "logger"}


def test_an_example_of_a_log_line_has_those_fields() -> None:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    example = json.loads(re.findall(r"^```json\n(\{.*\})\n```$", text, flags=re.MULTILINE)[0])
    documented = {code(row[0]) for row in rows(DOCS / "operations.md", "### The line of a call")}
    assert set(example) == documented


@pytest.mark.parametrize(
    ("heading", "names", "prefix"),
    [
        ("## Assertions", types.Assertion.keys(), "ASSERTION_"),
        ("## What is left out, and why", types.SuppressionReason.keys(), "SUPPRESSION_REASON_"),
        ("## Axes", types.AxisKind.keys(), "AXIS_KIND_"),
    ],
)
def test_the_page_of_coding_rules_explains_every_value(heading: str, names: list[str], prefix: str) -> None:
    values = {name.removeprefix(prefix) for name in names} - {"UNSPECIFIED"}
    documented = {code(row[0]) for row in rows(DOCS / "coding-rules.md", heading)}
    assert documented == values


def test_every_rule_of_the_audit_is_on_its_page_with_its_severity() -> None:
    documented = {code(row[0]): row[1] for row in rows(DOCS / "audit.md", "## Rules")}
    assert documented == {rule.id: rule.severity.name.lower() for rule in RULES}


def test_every_kind_of_finding_is_on_the_page_of_audits() -> None:
    documented = {code(row[0]) for row in rows(DOCS / "audit.md", "## Kinds of finding")}
    assert documented == {kind.name.lower() for kind in Kind}


def test_the_readme_has_a_figure_for_each_claim_and_the_command_that_reproduces_it() -> None:
    table = rows(ROOT / "README.md", "## Figures")
    assert len(table) >= 7
    for figure, measured, gate, command in table:
        assert figure
        assert re.search(r"\d", measured), figure
        assert not gate or re.match(r"(p99 )?\d", gate), figure
        assert re.fullmatch(r"`(?:python -m benchmarks |bertillon-models )\S.*`", command), command
