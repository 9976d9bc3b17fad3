"""A student of fewer layers: what it begins as, and that it comes to give what its teacher gives."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

torch = pytest.importorskip("torch")

from bertillon_models.training.network import ClinicalEncoder, Padded  # noqa: E402 - needs torch
from bertillon_models.training.stems import Stems  # noqa: E402
from bertillon_models.training.student import Teacher, with_fewer_layers  # noqa: E402
from bertillon_models.training.trainer import Settings, Trainer  # noqa: E402
from bertillon_models.weights import EncoderWeights  # noqa: E402
from small_bundle import SHAPE, random_weights  # noqa: E402
from small_learning import TITLES, small_bank, small_sampler, small_tokenizer  # noqa: E402

CPU = torch.device("cpu")
STEPS = 40


def weights_of(layers: int) -> EncoderWeights:
    return random_weights(shape=replace(SHAPE, layers=layers), outliers=False)


def taught(folder: Path, weights: EncoderWeights, layers: int) -> list[dict[str, float]]:
    """Train a student and return what was logged."""
    tokenizer, stems = small_tokenizer(folder), Stems(TITLES)
    settings = Settings(steps=STEPS, seed=3, trunk_rate=3e-3, head_rate=1e-2, save_every=5, layers=layers)
    trainer = Trainer(
        ClinicalEncoder.from_weights(with_fewer_layers(weights, layers)),
        small_sampler(tokenizer, stems),
        small_bank(stems),
        tokenizer,
        settings,
        folder / "run",
        CPU,
        Teacher(weights, CPU),
    )
    trainer.run(Console(file=io.StringIO()))
    return [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("of", "layers", "kept"), [(6, 3, [1, 3, 5]), (6, 2, [2, 5]), (6, 1, [5]), (2, 1, [1]), (3, 2, [1, 2])]
)
def test_a_student_begins_as_layers_evenly_apart_up_to_the_last(
    of: int, layers: int, kept: list[int]
) -> None:
    weights = weights_of(of)
    student = with_fewer_layers(weights, layers)
    assert student.shape.layers == len(student.layers) == layers
    assert all(layer is weights.layers[place] for layer, place in zip(student.layers, kept, strict=True))
    assert student.words is weights.words
    assert student.heads is weights.heads


@pytest.mark.parametrize("layers", [0, 2, 3])
def test_a_student_has_fewer_layers_than_its_teacher(layers: int) -> None:
    with pytest.raises(ValueError, match=f"a student of these weights has 1 to 1 layers, not {layers}"):
        with_fewer_layers(weights_of(2), layers)


def test_the_distance_is_nothing_to_itself_and_ignores_padding() -> None:
    weights = weights_of(2)
    batch = Padded.of([np.array([2, 7, 8, 3]), np.array([2, 9, 3])], CPU)
    teacher, same = Teacher(weights, CPU), ClinicalEncoder.from_weights(weights).eval()
    with torch.no_grad():
        hidden = same(batch)
        moved = hidden.clone()
        moved[1, 3] += 100  # padding
        assert teacher.distance(hidden, batch).shape == (7,)
        assert float(teacher.distance(moved, batch).max()) < 1e-6
        moved[0, 1] *= 2
        distance = teacher.distance(moved, batch)
    # A state twice as long is off by as much as it is long.
    assert float(distance[1]) == pytest.approx(1, abs=1e-5)
    assert float(distance.sum()) == pytest.approx(1, abs=1e-5)


def test_a_student_comes_nearer_to_its_teacher_while_it_learns(tmp_path: Path) -> None:
    first, *_, last = taught(tmp_path, weights_of(3), 1)
    assert last["taught"] < 0.8 * first["taught"]
    assert last["link"] < first["link"]
