"""A bundle becomes the current one if it opens, codes its canary and is not worse on the same sets."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bertillon_models import install_command
from bertillon_models.cli import main
from bertillon_server.app.settings import Settings
from bertillon_server.app.startup import StartupError
from recorded_bundle import another, record
from small_bundle import edit_manifest, write_small_bundle


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    write_small_bundle(folder)
    return folder


@pytest.fixture(autouse=True)
def canary(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(settings: Settings) -> str:
        return f"{settings.bundle} codes its canary"

    monkeypatch.setattr(install_command, "check", check)


def install(bundle: Path, current: Path, *flags: str) -> Result:
    return CliRunner().invoke(main, ["install", str(bundle), "--current", str(current), *flags])


def linked(folder: Path, bundle: Path) -> Path:
    link = folder / "current"
    install_command.point(link, bundle)
    return link


def test_the_link_points_at_the_bundle_relative_to_itself(small: Path, tmp_path: Path) -> None:
    bundle = another(small, tmp_path / "own" / "1")
    result = install(bundle, tmp_path / "current")
    assert result.exit_code == 0, result.output
    assert str((tmp_path / "current").readlink()) == "own/1"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_bundle_that_is_not_worse_takes_the_place(small: Path, tmp_path: Path) -> None:
    old, new = (
        another(small, tmp_path / "1", f1=0.5, recall=0.6),
        another(small, tmp_path / "2", f1=0.5, recall=0.7),
    )
    link = linked(tmp_path, old)
    assert install(new, link).exit_code == 0
    assert link.resolve() == new


def test_a_worse_bundle_is_refused_in_one_sentence_unless_forced(small: Path, tmp_path: Path) -> None:
    old, new = (
        another(small, tmp_path / "1", f1=0.5, recall=0.6),
        another(small, tmp_path / "2", f1=0.6, recall=0.5),
    )
    link = linked(tmp_path, old)
    result = install(new, link)
    assert result.exit_code == 1
    assert "is worse than" in result.output
    assert "recall 0.500 instead of 0.600; give --force" in result.output
    assert result.output.count("\n") == 1
    assert link.resolve() == old
    assert install(new, link, "--force").exit_code == 0
    assert link.resolve() == new


def test_figures_of_other_sets_prove_nothing(small: Path, tmp_path: Path) -> None:
    old, new = another(small, tmp_path / "1", f1=0.5), another(small, tmp_path / "2")
    record(new, "another set", f1=0.9)
    result = install(new, linked(tmp_path, old))
    assert result.exit_code == 1
    assert "were not scored on the same sets" in result.output


def test_a_bundle_without_a_record_or_with_that_of_another_build_is_refused(
    small: Path, tmp_path: Path
) -> None:
    link = linked(tmp_path, another(small, tmp_path / "1", f1=0.5))
    new = another(small, tmp_path / "2")
    assert "no evaluation of small/2" in install(new, link).output
    record(new, f1=0.9)
    edit_manifest(new, licence="MIT")
    assert "no evaluation of small/2" in install(new, link).output


def test_a_damaged_bundle_is_not_installed_even_by_force(small: Path, tmp_path: Path) -> None:
    bundle = another(small, tmp_path / "1", f1=0.5)
    (bundle / "vectors.npy").unlink()
    result = install(bundle, tmp_path / "current", "--force")
    assert result.exit_code == 1
    assert result.output.endswith("is incomplete: vectors.npy is missing\n")
    assert not (tmp_path / "current").exists()


def test_a_bundle_that_does_not_code_its_canary_is_not_installed_even_by_force(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(settings: Settings) -> str:
        raise StartupError(f"the bundle {settings.bundle.name} does not code its canary as recorded")

    monkeypatch.setattr(install_command, "check", check)
    result = install(another(small, tmp_path / "1", f1=0.5), tmp_path / "current", "--force")
    assert (result.exit_code, result.output) == (
        1,
        "Error: the bundle 1 does not code its canary as recorded\n",
    )


def test_a_current_bundle_that_no_longer_opens_is_replaced(small: Path, tmp_path: Path) -> None:
    old, new = another(small, tmp_path / "1", f1=0.9), another(small, tmp_path / "2")
    link = linked(tmp_path, old)
    (old / "manifest.json").unlink()
    assert install(new, link).exit_code == 0
    assert link.resolve() == new


def test_a_folder_in_the_place_of_the_link_is_left_alone(small: Path, tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    result = install(another(small, tmp_path / "1"), tmp_path / "current", "--force")
    assert result.exit_code == 1
    assert "is no link" in result.output
