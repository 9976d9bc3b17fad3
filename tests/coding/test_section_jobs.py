"""Jobs that are coded together come to what each comes to alone, and one that fails leaves the others alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from bertillon_server.catalog.store import Catalog
from bertillon_server.coding.coder import Coder
from bertillon_server.coding.packing import unpack
from bertillon_server.coding.results import NoteInput
from bertillon_server.coding.section_cache import alone
from bertillon_server.coding.section_jobs import Answer, Failed, Job, code_jobs, job_of
from bertillon_server.inference.batching import Batcher
from small_knowledge import PHRASE, RELEASE, encode, knowledge

TEXTS = ("HPI: cough.\n\nPMH: asthma.\n", f"Assessment:\n1. {PHRASE.capitalize()}\n2. HTN\n", "Plan: rest.\n")
BATCHER = Batcher(workers=1)


class CountingEncoder:
    """Encodes windows of the fake tokenizer and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        self.calls += 1
        return np.stack(encode(list(ids)))


@pytest.fixture(scope="module")
def coders() -> Iterator[dict[str, Coder]]:
    with Catalog.open() as catalog:
        yield {RELEASE: Coder(knowledge(catalog))}


@pytest.fixture(scope="module")
def jobs(coders: dict[str, Coder]) -> list[Job]:
    made = []
    for text in TEXTS:
        note = NoteInput(text)
        outline = coders[RELEASE].outline(note, ())
        lones = [alone(note, section, outline.versions, codeable=True) for section in outline.sections]
        made.append(job_of(RELEASE, lones))
    return made


def packed(answers: Sequence[Answer | Failed]) -> list[tuple[bytes, ...] | str]:
    return [answer.reason if isinstance(answer, Failed) else answer.packed for answer in answers]


def test_jobs_come_to_the_same_together_as_each_alone_in_fewer_calls(
    jobs: list[Job], coders: dict[str, Coder]
) -> None:
    each, together = CountingEncoder(), CountingEncoder()
    twice = [*jobs, *jobs]
    apart = [answer for job in twice for answer in code_jobs([job], coders, each, BATCHER)]
    joined = list(code_jobs(twice, coders, together, BATCHER))
    assert packed(joined) == packed(apart)
    assert any(unpack(one, 0) for answer in joined if isinstance(answer, Answer) for one in answer.packed)
    assert together.calls == each.calls // 2


def test_calls_of_the_encoder_are_told_once(jobs: list[Job], coders: dict[str, Coder]) -> None:
    encoder = CountingEncoder()
    answers = [one for one in code_jobs(jobs, coders, encoder, BATCHER) if isinstance(one, Answer)]
    assert sum(len(answer.passes) for answer in answers) == encoder.calls
    assert [len(answer.passes) for answer in answers[1:]] == [0] * (len(jobs) - 1)


def test_a_job_of_a_release_that_is_not_loaded_fails_by_itself(
    jobs: list[Job], coders: dict[str, Coder]
) -> None:
    other = jobs[0]._replace(release="1893")
    answers = list(code_jobs([other, *jobs], coders, CountingEncoder(), BATCHER))
    assert answers[0] == Failed("KeyError")
    assert packed(answers[1:]) == packed(list(code_jobs(jobs, coders, CountingEncoder(), BATCHER)))


def test_when_the_encoder_fails_all_jobs_do_and_nothing_of_the_text_is_told(
    jobs: list[Job], coders: dict[str, Coder]
) -> None:
    def failing(ids: NDArray[np.int64]) -> NDArray[np.float32]:
        raise ValueError(f"{PHRASE} {ids}")

    answers = list(code_jobs(jobs, coders, failing, BATCHER))
    assert answers == [Failed("ValueError")] * len(jobs)
