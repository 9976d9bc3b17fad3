"""A real server codes notes with the release of their date of service, an imported one beside the built-in one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.service import serving

from bertillon import Bertillon, Note
from bertillon.coding.v1.audit_pb2 import ProposedCode

PROGRAM = Path(sys.executable).with_name("bertillon-server")
NOTE = "ASSESSMENT:\n1. Hypertension, at goal.\n2. Gout.\n3. Glimmer foot.\n"
# Hypertension is divided, gout is gone, and a disease is new.
TABULAR = """<?xml version="1.0"?><ICD10CM.tabular><chapter><name>9</name><desc>Circulation</desc>
<section id="I10-I1A"><desc>Hypertensive diseases</desc><diag><name>I10</name>
<desc>Essential (primary) hypertension</desc>
<diag><name>I10.0</name><desc>Essential hypertension, unspecified</desc></diag>
<diag><name>I10.1</name><desc>Essential hypertension, striped</desc></diag></diag>
<diag><name>I19</name><desc>Glimmer foot</desc></diag>
</section></chapter></ICD10CM.tabular>"""


def test_the_first_of_october_brings_the_codes_of_the_next_release(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "tabular.xml").write_text(TABULAR)
    (tmp_path / "codes.txt").write_text("I10\nI100\nI101\nI19\n")
    catalog = f"--catalog-dir={tmp_path / 'catalog'}"
    files = (f"--tabular={tmp_path / 'tabular.xml'}", str(tmp_path / "codes.txt"))
    subprocess.run(
        [PROGRAM, "catalog", "import", "--system=icd-10-cm", *files, "--from=2026-10-01", catalog],
        check=True,
        capture_output=True,
        timeout=120,
    )
    coded = {}
    with serving(tmp_path, catalog, bundle=bundle) as service, Bertillon(service.target) as client:
        for date in ("2026-09-30", "2026-10-01"):
            summary = client.code_note_all(Note(text=NOTE, date_of_service=date)).summary
            coded[date] = {(item.code.code, item.code.version) for item in summary.codes}
        proposed = [ProposedCode(code="M10.9", date=date) for date in ("2026-09-30", "2026-10-01")]
        audited = client.audit_note(NOTE, proposed, date_of_service="2026-09-30")
    assert {("I10", "2026-04-01"), ("M10.9", "2026-04-01")} <= coded["2026-09-30"]
    assert coded["2026-10-01"] == {("I10.0", "2026-10-01"), ("I19", "2026-10-01")}
    # A code with a date of its own is held against the release of that date.
    rules = [{audited.findings[index].rule_id for index in code.findings} for code in audited.codes]
    assert ["not-in-force" in found for found in rules] == [False, True]
