"""Training of a tiny random encoder: it learns, and an interruption changes nothing."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

torch = pytest.importorskip("torch")

from bertillon_models.training.network import ClinicalEncoder  # noqa: E402 - needs torch
from bertillon_models.training.sampling import Sampler, Step  # noqa: E402
from bertillon_models.training.section_rows import FIRST_ROW, LAST_ROW  # noqa: E402
from bertillon_models.training.stems import Stems  # noqa: E402
from bertillon_models.training.trainer import Settings, Trainer  # noqa: E402
from small_bundle import random_weights  # noqa: E402
from small_learning import TITLES, small_bank, small_sampler, small_tokenizer  # noqa: E402

SETTINGS = Settings(steps=6, seed=3, save_every=2)


class RunEndedError(Exception):
    """The run was ended from outside."""


class Interrupting:
    """Draws the steps of a sampler up to one at which the run is ended."""

    def __init__(self, sampler: Sampler, at: int) -> None:
        self._sampler, self._at = sampler, at

    def step(self, number: int) -> Step:
        if number == self._at:
            raise RunEndedError
        return self._sampler.step(number)


def quiet() -> Console:
    return Console(file=io.StringIO())


def begun(
    folder: Path, settings: Settings = SETTINGS, interrupted_at: int = -1
) -> tuple[Trainer, ClinicalEncoder]:
    """Return a trainer of a fresh encoder, always the same one."""
    folder.mkdir(exist_ok=True)
    tokenizer, stems = small_tokenizer(folder), Stems(TITLES)
    sampler = Interrupting(small_sampler(tokenizer, stems), interrupted_at)
    torch.manual_seed(99 if interrupted_at < 0 else 7)
    model = ClinicalEncoder.from_weights(random_weights(1, outliers=False))
    bank = small_bank(stems)
    trainer = Trainer(
        model,
        sampler,  # type: ignore[arg-type]
        bank,
        tokenizer,
        settings,
        folder / "run",
        torch.device("cpu"),
    )
    return trainer, model


def logged(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text("utf-8").splitlines()]


def state(model: ClinicalEncoder) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}


def test_a_few_steps_lower_every_loss(tmp_path: Path) -> None:
    settings = Settings(steps=30, seed=3, trunk_rate=1e-3, head_rate=1e-2, save_every=5)
    trainer, model = begun(tmp_path, settings)
    before = state(model)
    trainer.run(quiet())
    first, *_, last = logged(tmp_path)
    assert (first["step"], last["step"]) == (5, 30)
    for name in ("link", "tags", "assertion", "codeable", "axes", "procedure"):
        assert last[name] < 0.8 * first[name]
    after = state(model)
    changed = {name for name, array in after.items() if not np.array_equal(array, before[name])}
    # Words keep the meanings they were published with; the tokens of sections are not words.
    assert changed == before.keys() - {"words.weight"}
    assert "sections" in changed
    words = model.to_weights().words
    np.testing.assert_array_equal(words[FIRST_ROW:LAST_ROW], after["sections"])
    np.testing.assert_array_equal(words[LAST_ROW:], before["words.weight"][LAST_ROW:])


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The weights of a run from its first step to its last."""
    trainer, model = begun(tmp_path_factory.mktemp("whole"))
    trainer.run(quiet())
    return state(model)


@pytest.mark.parametrize("at", [1, 2, 5])
def test_a_run_that_was_interrupted_ends_with_the_weights_of_one_that_was_not(
    tmp_path: Path, uninterrupted: dict[str, np.ndarray], at: int
) -> None:
    trainer, _ = begun(tmp_path, interrupted_at=at)
    with pytest.raises(RunEndedError):
        trainer.run(quiet())
    again, model = begun(tmp_path)
    # What was done after the last checkpoint is done again.
    assert again.resume() == at - at % SETTINGS.save_every
    again.run(quiet())
    for name, array in state(model).items():
        np.testing.assert_array_equal(array, uninterrupted[name], err_msg=name)
    assert [row["step"] for row in logged(tmp_path)] == [2, 4, 6]


def test_a_run_that_is_done_is_not_run_again(tmp_path: Path, uninterrupted: dict[str, np.ndarray]) -> None:
    trainer, _ = begun(tmp_path)
    trainer.run(quiet())
    again, model = begun(tmp_path, interrupted_at=0)
    assert again.resume() == SETTINGS.steps
    again.run(quiet())
    np.testing.assert_array_equal(state(model)["heads.weight"], uninterrupted["heads.weight"])


def test_a_run_begins_at_the_beginning_without_a_checkpoint(tmp_path: Path) -> None:
    assert begun(tmp_path)[0].resume() == 0


@pytest.mark.parametrize(
    "changes", [{"steps": 7}, {"seed": 4}, {"trunk_rate": 1e-3}, {"head_rate": 1e-4}, {"batch": 2}]
)
def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path, changes: dict[str, float]) -> None:
    short = replace(SETTINGS, steps=1)
    begun(tmp_path, short)[0].run(quiet())
    other, model = begun(tmp_path, replace(short, **changes))  # type: ignore[arg-type]
    before = state(model)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is of a run with other settings"):
        other.resume()
    np.testing.assert_array_equal(state(model)["heads.weight"], before["heads.weight"])


def test_a_checkpoint_from_before_there_were_students_and_batches_is_gone_on_from(tmp_path: Path) -> None:
    trainer, _ = begun(tmp_path, replace(SETTINGS, steps=1))
    trainer.run(quiet())
    saved = torch.load(trainer.checkpoint, weights_only=True)
    for name in ("layers", "batch"):
        del saved["settings"][name]
    torch.save(saved, trainer.checkpoint)
    assert begun(tmp_path, replace(SETTINGS, steps=1))[0].resume() == 1


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    trainer, _ = begun(tmp_path, replace(SETTINGS, steps=1))
    trainer.run(quiet())
    state = torch.load(trainer.checkpoint, weights_only=True)
    del state["model"]["sections"]
    torch.save(state, trainer.checkpoint)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is of another network; remove it"):
        begun(tmp_path, replace(SETTINGS, steps=1))[0].resume()


def test_another_seed_ends_elsewhere(tmp_path: Path, uninterrupted: dict[str, np.ndarray]) -> None:
    trainer, model = begun(tmp_path, replace(SETTINGS, seed=4))
    trainer.run(quiet())
    assert not np.array_equal(state(model)["heads.weight"], uninterrupted["heads.weight"])


@pytest.mark.parametrize("steps", [1, 3, 40, 400])
def test_no_step_is_longer_than_the_peak_and_the_last_ones_are_short(tmp_path: Path, steps: int) -> None:
    trainer, _ = begun(tmp_path, replace(SETTINGS, steps=steps))
    rates = []
    for number in range(steps):
        trainer._set_rates(number)
        rates.append([group["lr"] / group["peak"] for group in trainer._optimiser.param_groups])
    assert all(trunk == pytest.approx(heads) for trunk, heads in rates)
    factors = [trunk for trunk, _ in rates]
    assert 0 < min(factors) <= max(factors) <= 1
    peak = factors.index(max(factors))
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert peak <= max(1, 0.1 * steps)
