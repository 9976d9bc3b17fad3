"""A bundle with another calibration is the same bundle otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bertillon_models.cli import main
from bertillon_server.bundle.loader import load_bundle
from small_bundle import write_small_bundle


@pytest.fixture
def small(tmp_path: Path) -> Path:
    folder = tmp_path / "own" / "1"
    folder.mkdir(parents=True)
    write_small_bundle(folder)
    return folder


def recalibrate(bundle: Path, confidence: Path, out: Path, *flags: str) -> tuple[int, str]:
    arguments = ["recalibrate", "--bundle", bundle, "--confidence", confidence, "--out", out, *flags]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_only_the_calibration_and_its_sources_change(small: Path, tmp_path: Path) -> None:
    confidence, out = tmp_path / "confidence.json", tmp_path / "own" / "2"
    confidence.write_text("{}", encoding="utf-8")
    assert recalibrate(small, confidence, out) == (0, "")
    old, new = load_bundle(small).manifest, load_bundle(out).manifest
    assert (new.name, new.version) == ("own", "2")
    assert {file.path: file.sha256 for file in old.files}.items() < {
        f.path: f.sha256 for f in new.files
    }.items()
    assert (out / "calibration.json").read_text(encoding="utf-8") == "{}"
    assert (new.metrics, new.recipe, new.canary) == (old.metrics, old.recipe, old.canary)
    assert new.sources[0] == old.sources[0]
    assert [source.name for source in new.sources[1:]] == [
        "CodiEsp, English machine translation",
        "Bertillon corpus",
    ]


def test_calibrating_twice_names_each_source_once_and_may_take_its_own_place(
    small: Path, tmp_path: Path
) -> None:
    confidence, out = tmp_path / "confidence.json", tmp_path / "own" / "2"
    confidence.write_text("{}", encoding="utf-8")
    recalibrate(small, confidence, out)
    confidence.write_text('{"again": 1}', encoding="utf-8")
    assert recalibrate(out, confidence, out)[0] == 1
    assert recalibrate(out, confidence, out, "--force") == (0, "")
    assert (out / "calibration.json").read_text(encoding="utf-8") == '{"again": 1}'
    assert len(load_bundle(out).manifest.sources) == 3


def test_a_damaged_bundle_is_one_line(small: Path, tmp_path: Path) -> None:
    (small / "encoder.onnx").unlink()
    (tmp_path / "confidence.json").write_text("{}", encoding="utf-8")
    code, output = recalibrate(small, tmp_path / "confidence.json", tmp_path / "own" / "2")
    assert code == 1
    assert output.endswith("is incomplete: encoder.onnx is missing\n")
    assert not (tmp_path / "own" / "2").exists()
