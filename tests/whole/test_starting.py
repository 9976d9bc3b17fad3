"""What keeps a server from starting is one line and an exit code, before anything is served."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.service import Service

PROGRAM = Path(sys.executable).with_name("bertillon-server")


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def assert_one_line(ended: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
    assert ended.returncode == code
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("bertillon-server: ")
    assert all(words in line for words in said)


def manifest_lost(bundle: Path) -> None:
    (bundle / "manifest.json").unlink()


def encoder_lost(bundle: Path) -> None:
    (bundle / "encoder.onnx").unlink()


def encoder_truncated(bundle: Path) -> None:
    content = (bundle / "encoder.onnx").read_bytes()
    (bundle / "encoder.onnx").write_bytes(content[: len(content) // 2])


def vectors_tampered(bundle: Path) -> None:
    content = bytearray((bundle / "vectors.npy").read_bytes())
    content[-1] ^= 1
    (bundle / "vectors.npy").write_bytes(content)


def manifest_truncated(bundle: Path) -> None:
    content = (bundle / "manifest.json").read_text()
    (bundle / "manifest.json").write_text(content[: len(content) // 2])


def canary_changed(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["canary"]["codes"] = ["A00.0"]
    (bundle / "manifest.json").write_text(json.dumps(manifest))


DAMAGE: dict[Callable[[Path], None], tuple[str, ...]] = {
    manifest_lost: ("manifest.json",),
    manifest_truncated: ("manifest",),
    encoder_lost: ("encoder.onnx", "missing"),
    encoder_truncated: ("encoder.onnx", "bytes instead of"),
    vectors_tampered: ("vectors.npy", "sha256"),
    canary_changed: ("canary", "missing A00.0"),
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_bundle_is_not_served(tmp_path: Path, bundle: Path, damage: Callable[[Path], None]) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    damage(copy)
    flags = (f"--bundle={copy}", "--address=127.0.0.1:0", "--metrics-address=")
    assert_one_line(run("serve", *flags, folder=tmp_path), 1, *DAMAGE[damage])
    if damage in {vectors_tampered, canary_changed}:
        assert_one_line(run("check", *flags, folder=tmp_path), 1, *DAMAGE[damage])


def test_an_intact_bundle_passes_the_check(tmp_path: Path, bundle: Path) -> None:
    ended = run("check", f"--bundle={bundle}", folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "codes its canary as recorded" in ended.stdout


def test_the_port_of_a_running_server_is_busy(tmp_path: Path, bundle: Path, server: Service) -> None:
    flags = (f"--bundle={bundle}", f"--address={server.target}", "--metrics-address=")
    assert_one_line(run("serve", *flags, folder=tmp_path), 1, server.target)
    assert server.process.poll() is None


def test_a_log_that_cannot_be_written_is_reported(tmp_path: Path, bundle: Path) -> None:
    flags = (f"--bundle={bundle}", "--address=127.0.0.1:0", f"--log-file={tmp_path}")
    assert_one_line(run("serve", *flags, folder=tmp_path), 1, str(tmp_path), "cannot be written")
