from __future__ import annotations

import pytest
from benchmarks.page.flame import flame
from benchmarks.stacks import CODING, OTHER, SERVER, STAGES, by_stage, folded, stage_of

FOLDED = """\
_bootstrap (threading.py:1002);_work (/x/site-packages/bertillon_server/coding/pool.py:70);read (/x/server/src/bertillon_server/coding/reading.py:5) 30
_bootstrap (threading.py:1002);encode (/x/server/src/bertillon_server/inference/encoder.py:5);run (/x/onnxruntime/capi.py:9) 60
_bootstrap (threading.py:1002);run (/x/lib/python3.11/concurrent/futures/thread.py:9) 10
_bootstrap (threading.py:1002);EpollSelector.select (/x/lib/python3.11/selectors.py:468) 500
"""  # noqa: E501 - as py-spy writes them


def test_time_goes_to_the_stage_of_the_innermost_function_of_ours_and_waiting_to_none() -> None:
    assert by_stage(folded(FOLDED, 7)) == {"encoder": 0.6, "reading": 0.3, OTHER: 0.1}


def test_what_other_processes_compute_is_told_apart() -> None:
    sampled = FOLDED + 'process 9:"python -P";main (/x/bertillon_server/coding/reading.py:5) 60\n'
    sampled += 'process 7:"server";process 8:"python";main (/x/bertillon_server/coding/reading.py:5) 40\n'
    sampled += 'process 7:"server";main (/x/bertillon_server/coding/reading.py:5) 20\n'
    stacks = folded(sampled, 7)
    assert by_stage(stacks, CODING) == {"reading": 100 / 220}
    assert by_stage(stacks, SERVER)["reading"] == 50 / 220
    assert by_stage(stacks)["reading"] == 150 / 220


def test_what_several_stages_call_counts_for_the_caller() -> None:
    words = "words_of (bertillon_server/coding/words.py)"
    assert stage_of(["link (bertillon_server/coding/linking.py)", words]) == "linking"
    assert stage_of(["read_section (bertillon_server/coding/reading.py)", words]) == "reading"
    assert stage_of([words]) == "reading"


@pytest.mark.parametrize(
    ("file", "stage"),
    [
        ("bertillon_server/coding/section_rules.py", "sections"),
        ("bertillon_server/coding/assertion/scope.py", "assertion rules"),
        ("bertillon_server/coding/encounter.py", "encounter rules"),
        ("bertillon_server/inference/scheduler.py", "scheduling"),
        ("bertillon_server/inference/tokenizer.py", "tokenizing"),
        ("bertillon_server/api/convert.py", "protobuf and API"),
        ("bertillon_server/app/metrics.py", "flow and threads"),
    ],
)
def test_every_layer_has_its_stage(file: str, stage: str) -> None:
    assert stage_of([f"work ({file})"]) == stage
    assert stage in {name for name, _ in STAGES}


def test_a_flame_graph_begins_where_the_work_does() -> None:
    svg = flame(folded(FOLDED, 7).items())
    assert "_bootstrap" not in svg
    assert "read (bertillon_server/coding/reading.py): 30.0% (reading)" in svg
    assert flame([]) == ""
