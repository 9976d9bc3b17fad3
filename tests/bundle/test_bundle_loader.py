"""A bundle is opened whole and intact or not at all, and the reason is one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bertillon_server.bundle.loader import BundleError, load_bundle
from bertillon_server.bundle.manifest import REQUIRED_FILES
from small_bundle import edit_manifest, write_small_bundle


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_small_bundle(folder)
    return folder


@pytest.fixture
def bundle(intact: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(intact, tmp_path / "bundle"))


def _reason(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        load_bundle(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def _entries(folder: Path) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    return entries


def test_an_intact_bundle_opens_with_all_its_files(bundle: Path) -> None:
    opened = load_bundle(bundle)
    assert opened.manifest.canary.codes == ("R05.9",)
    assert opened.label.startswith("small/1+")
    assert all(opened.path(name) == bundle / name for name in REQUIRED_FILES)


def test_a_file_that_the_manifest_does_not_list_is_out_of_reach(bundle: Path) -> None:
    (bundle / "stray.txt").write_text("x", encoding="utf-8")
    with pytest.raises(BundleError, match=r"has no stray\.txt"):
        load_bundle(bundle).path("stray.txt")


def test_two_builds_of_one_version_are_told_apart(bundle: Path) -> None:
    before = load_bundle(bundle).label
    edit_manifest(bundle, metrics={"recall_at_1": 0.6})
    assert load_bundle(bundle).label != before


def test_no_bundle_at_all(tmp_path: Path) -> None:
    assert "there is no bundle at" in _reason(tmp_path / "nothing")


def test_no_manifest(bundle: Path) -> None:
    (bundle / "manifest.json").unlink()
    assert "has no manifest.json" in _reason(bundle)


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    assert f"incomplete: {name} is missing" in _reason(bundle)


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_truncated_file_is_named(bundle: Path, name: str) -> None:
    content = (bundle / name).read_bytes()
    (bundle / name).write_bytes(content[:-1])
    assert f"not intact: {name} has {len(content) - 1} bytes instead of {len(content)}" in _reason(bundle)


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_file_with_one_bit_changed_is_named(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    assert f"not intact: {name} does not have the recorded sha256" in _reason(bundle)


def test_a_manifest_without_a_required_file_is_refused(bundle: Path) -> None:
    edit_manifest(bundle, files=[entry for entry in _entries(bundle) if entry["path"] != "encoder.onnx"])
    assert "does not list encoder.onnx" in _reason(bundle)


@pytest.mark.parametrize(
    "path",
    ["../outside", "/etc/hostname", "a/../../outside", "a/..", "./encoder.onnx", "..\\outside", "", "nul\0"],
)
def test_a_path_out_of_the_bundle_is_refused(bundle: Path, path: str) -> None:
    (bundle.parent / "outside").write_bytes(b"x")
    edit_manifest(bundle, files=[*_entries(bundle), {"path": path, "sha256": "0" * 64, "size": 1}])
    assert "outside of it" in _reason(bundle)


def test_a_link_out_of_the_bundle_is_refused(bundle: Path) -> None:
    outside = bundle.parent / "outside"
    shutil.move(bundle / "vectors.npy", outside)
    (bundle / "vectors.npy").symlink_to(outside)
    assert "outside of it" in _reason(bundle)


def test_a_link_within_the_bundle_is_followed(bundle: Path) -> None:
    (bundle / "..data").mkdir()
    shutil.move(bundle / "vectors.npy", bundle / "..data" / "vectors.npy")
    (bundle / "vectors.npy").symlink_to("..data/vectors.npy")
    assert load_bundle(bundle).path("vectors.npy").stat().st_size > 0


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"x"', "{}", "\xff"])
def test_a_manifest_that_is_none_is_refused(bundle: Path, content: str) -> None:
    (bundle / "manifest.json").write_bytes(content.encode("latin-1"))
    assert "cannot be used: it is not a JSON object with a schema_version" in _reason(bundle)


def test_a_huge_manifest_is_not_read(bundle: Path) -> None:
    (bundle / "manifest.json").write_bytes(b" " * (2 << 20))
    assert "is larger than" in _reason(bundle)
