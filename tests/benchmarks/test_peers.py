"""The comparison with peers: what is equal, who is skipped and why, what is measured again and what is not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, replace
from itertools import chain
from pathlib import Path
from typing import NoReturn, cast

import pytest
from benchmarks.load.generator import GeneratorLagError, LoadResult
from benchmarks.load.latencies import Latencies
from benchmarks.load.outcomes import Outcome
from benchmarks.notes import GivenNote, demo_note
from benchmarks.peers import environments
from benchmarks.peers.blocks import QUICK, Block, Plan, Texts, bulk_throughput, sustained_rate
from benchmarks.peers.callers import Caller, CallFailedError, HttpCaller, OurCaller
from benchmarks.peers.comparison import failure_of, figures_of, measured_of, rows_of
from benchmarks.peers.contenders import BULK, CEILING, IDLE_P50, NOTES, OURS, RATE, Contenders, OwnServerError
from benchmarks.peers.equality import Coded, UnequalError, coded_from_json, require_equal
from benchmarks.peers.kept import Choice, Kept
from benchmarks.peers.registry import PEERS, Peer, Setting
from benchmarks.peers.rules import NAME as RULES
from benchmarks.peers.rules import PACKAGES as RULES_PACKAGES
from benchmarks.peers.running import UnavailableError, running
from benchmarks.peers.scenario import compare
from benchmarks.peers.servers.note_job import NoteJob
from benchmarks.peers.study import STARTED, WARM_UP, measure, order, texts_of
from benchmarks.scenario import Bench
from benchmarks.service import BUNDLE, Service, serving
from hypothesis import given
from hypothesis import strategies as st

ANSWER: Coded = (("E11.9", ((10, 18), (40, 48))), ("I10", ((20, 32),)))
ENVIRONMENTS = (*(peer.name for peer in PEERS), RULES)
PLAN = Plan(
    repeats=3, rate_repeats=0, checked=1, idle=1, saturating=1, limit_s=1.0, trial_s=0.0, is_choosing=False
)


# What counts as equal


def test_the_same_codes_with_the_same_spans_are_equal() -> None:
    assert require_equal([ANSWER, ()], [ANSWER, ()]) == 2


@pytest.mark.parametrize(
    "other",
    [
        ANSWER[::-1],
        ANSWER[:1],
        (("E11.8", ANSWER[0][1]), ANSWER[1]),
        (("E11.9", ((10, 18),)), ANSWER[1]),
        (("E11.9", ((10, 18), (40, 49))), ANSWER[1]),
    ],
    ids=["another order", "a code less", "another code", "a span less", "a span that ends elsewhere"],
)
def test_an_answer_that_differs_in_one_place_is_caught(other: Coded) -> None:
    with pytest.raises(UnequalError, match="1 of 2 notes"):
        require_equal([ANSWER, ANSWER], [ANSWER, other])


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([ANSWER], []), ([()], [()])])
def test_a_comparison_of_nothing_is_no_equality(ours: list[Coded], theirs: list[Coded]) -> None:
    with pytest.raises(UnequalError):
        require_equal(ours, theirs)


def test_the_job_that_peers_serve_answers_as_our_server_does(tmp_path: Path) -> None:
    async def answered(target: str) -> Coded:
        caller = OurCaller(target)
        try:
            return await caller.code(demo_note())
        finally:
            await caller.close()

    with serving(tmp_path) as server:
        ours = asyncio.run(answered(server.target))
    both = NoteJob(BUNDLE, 1).code([demo_note(), demo_note()[:1000]])
    assert require_equal([ours], [coded_from_json(both[0])]) == 1


class _Answering(Caller):
    """Answers as we do, with `muddled` in place of it while another call is under way; keeps what it was sent."""

    def __init__(self, muddled: Coded = ANSWER) -> None:
        self.sent: list[str] = []
        self._muddled = muddled
        self._under_way = 0

    def request(self, text: str) -> bytes:
        return text.encode()

    async def send(self, request: bytes, timeout_s: float = 1.0) -> Sequence[bytes]:
        self.sent.append(request.decode())
        self._under_way += 1
        await asyncio.sleep(0.001 * min(timeout_s, 1.0))
        company, self._under_way = self._under_way > 1, self._under_way - 1
        return [b"muddled" if company else b""]

    def coded(self, reply: Sequence[bytes]) -> Coded:
        return self._muddled if reply[0] else ANSWER

    async def close(self) -> None:
        pass


def _serve(monkeypatch: pytest.MonkeyPatch, caller: Caller) -> None:
    """Have every peer served by a caller without a server."""

    @asynccontextmanager
    async def runs(*_: object) -> AsyncIterator[Caller]:
        yield caller

    monkeypatch.setattr("benchmarks.peers.contenders.running", runs)


async def test_a_setting_that_batches_is_checked_with_notes_that_come_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _serve(monkeypatch, _Answering(muddled=ANSWER[::-1]))
    contenders = Contenders(BUNDLE, None, PLAN, 7)
    contenders._answers[0] = [ANSWER, ANSWER]
    texts = replace(_texts(), checked=("a", "b"))
    alone = await contenders.measure("mosec", 0, texts, Setting(2, 1))
    batched = await contenders.measure("mosec", 0, texts, Setting(2, 1, batch=4))
    assert (alone.equal, alone.checked) == (True, 2)
    assert (batched.equal, batched.values) == (False, {})


class _Coding:
    """A server that codes so many notes of each stream, and the caller of it."""

    target = "127.0.0.1:1"

    def __init__(self, coded: int) -> None:
        self._coded, self._notes = coded, 100.0

    def metric(self, name: str, **labels: str) -> float:
        assert (name, labels) == ("notes_total", {"code": "OK"})
        return self._notes

    @asynccontextmanager
    async def calling(self, *_: object, **__: object) -> AsyncIterator[_Coding]:
        yield self

    async def bulk(self, _: Iterable[bytes]) -> None:
        self._notes += self._coded


async def test_a_stream_that_ends_well_without_a_note_of_it_coded_is_no_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, broken = _Coding(3), _Coding(2)
    monkeypatch.setattr("benchmarks.peers.blocks.calling", whole.calling)
    assert await bulk_throughput(cast("Service", whole), ["a", "b", "c"]) > 0
    monkeypatch.setattr("benchmarks.peers.blocks.calling", broken.calling)
    with pytest.raises(RuntimeError, match="2 of 3 notes of a bulk stream were coded"):
        await bulk_throughput(cast("Service", broken), ["a", "b", "c"])


# Environments


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_peer_has_a_lock_with_hashes_and_no_registry(name: str) -> None:
    lock = environments.lock_of(name).read_text("utf-8")
    packages = re.findall(r"^[A-Za-z0-9._-]+(?:\[[^]]*\])?==\S+", lock, re.MULTILINE)
    assert len(packages) > 5
    assert len(packages) == len(re.findall(r"^\S", lock, re.MULTILINE))
    assert "--hash=sha256:" in lock
    assert "://" not in lock
    wanted = (
        RULES_PACKAGES if name == RULES else (next(p.package for p in PEERS if p.name == name), "onnxruntime")
    )
    assert all(environments.version_of(name, package) for package in wanted)


def test_peers_run_the_onnxruntime_and_the_tokenizers_that_we_run() -> None:
    ours = (environments.LOCKS.parent / "runtime.txt").read_text("utf-8")
    for peer in PEERS:
        for package in ("onnxruntime", "tokenizers"):
            assert f"\n{package}=={environments.version_of(peer.name, package)} " in ours


def test_a_missing_environment_names_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    assert "python -m benchmarks peers install mosec" in str(environments.missing("mosec"))
    (tmp_path / "mosec").mkdir()
    (tmp_path / "mosec" / ".made").write_text("mosec==0.0.1", "utf-8")
    assert "older lock" in str(environments.missing("mosec"))
    (tmp_path / "mosec" / ".made").write_text(environments.lock_of("mosec").read_text("utf-8"), "utf-8")
    assert environments.missing("mosec") is None
    assert environments.python_of("mosec") == tmp_path / "mosec" / "bin" / "python"


# Who is skipped


async def test_a_peer_without_an_environment_is_skipped_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    contenders = Contenders(BUNDLE, None, PLAN, 7)
    contenders._answers[0] = [ANSWER]
    block = await contenders.measure("ray", 0, _texts(), None)
    assert "no environment" in str(block.reason)
    [row] = rows_of([block], {})
    assert row.skipped_reason == block.reason
    assert row.ratio is None


async def test_a_server_that_ends_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.running.missing", lambda _: None)
    words = [sys.executable, "-c", "print('no GPU for this one'); raise SystemExit(3)"]
    peer = Peer("one", "One", "one", (), lambda *_: (words, {}), lambda port: HttpCaller(port, "/"))
    with pytest.raises(UnavailableError, match="exit code 3: no GPU for this one"):
        async with running(peer, Setting(1, 1), BUNDLE):
            pass


async def test_a_server_of_ours_that_does_not_start_ends_the_run_and_skips_no_peer(tmp_path: Path) -> None:
    contenders = Contenders(tmp_path / "no bundle", None, PLAN, seed=1)
    kept = Kept(tmp_path / "peers.jsonl", {})
    with pytest.raises(OwnServerError, match="did not start"):
        await measure(contenders, kept, [demo_note()], PLAN, names=(OURS, PEERS[0].name))
    assert not kept.blocks


class _Failing(Caller):
    """Answers nothing."""

    def request(self, text: str) -> bytes:
        return text.encode()

    async def send(self, request: bytes, timeout_s: float = 1.0) -> Sequence[bytes]:
        raise CallFailedError(f"status 500 for {len(request)} bytes within {timeout_s} s")

    def coded(self, reply: Sequence[bytes]) -> Coded:
        raise AssertionError(f"there is no reply, but {len(reply)} messages")

    async def close(self) -> None:
        pass


async def test_a_peer_whose_calls_fail_is_told_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def runs(*_: object) -> AsyncIterator[Caller]:
        yield _Failing()

    monkeypatch.setattr("benchmarks.peers.contenders.running", runs)
    contenders = Contenders(BUNDLE, None, PLAN, 7)
    contenders._answers[0] = [ANSWER]
    block = await contenders.measure("mosec", 0, replace(_texts(), started=()), None)
    assert "status 500" in str(block.reason)
    assert not block.is_final


async def test_a_failure_of_our_own_server_ends_the_run_and_is_not_put_down_to_a_peer() -> None:
    contenders = Contenders(BUNDLE, None, PLAN, 7)
    contenders._callers[OURS] = _Failing()
    for name in (OURS, "mosec"):
        with pytest.raises(OwnServerError, match="status 500"):
            await contenders.measure(name, 0, replace(_texts(), started=()), None)


def test_a_repeat_without_us_says_so_at_every_peer() -> None:
    ours = Block(0, OURS, reason="the generator could not keep up")
    [row] = rows_of([ours, _block("mosec", 0, {NOTES: 9.0})], {})
    assert row.ratio is None
    assert row.skipped_reason == "ours was not measured in repeat 1: the generator could not keep up"


async def test_a_setting_that_does_not_start_leaves_the_others_of_a_peer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Setting] = []

    @asynccontextmanager
    async def runs(_: Peer, setting: Setting, __: Path) -> AsyncIterator[Setting]:
        started.append(setting)
        if setting.batch > 1:
            raise UnavailableError("no room for batches")
        yield setting

    async def paced(*_: object) -> float:
        return 5.0

    monkeypatch.setattr("benchmarks.peers.contenders.running", runs)
    monkeypatch.setattr("benchmarks.peers.contenders.throughput", paced)
    contenders = Contenders(BUNDLE, None, PLAN, 7)
    peer = next(peer for peer in PEERS if len({setting.batch for setting in peer.settings}) > 1)
    best, rates = await contenders.best_setting(peer, _texts())
    assert started == list(peer.settings)
    assert best.batch == 1
    assert len(rates) < len(started)
    only = replace(peer, settings=tuple(setting for setting in peer.settings if setting.batch > 1))
    with pytest.raises(UnavailableError, match="no room for batches"):
        await contenders.best_setting(only, _texts())


def test_a_wrong_answer_is_no_figure() -> None:
    wrong = Block(
        0,
        "mosec",
        checked=0,
        equal=False,
        reason="its answers are not ours: 1 of 2 notes",
        values={NOTES: 9.0},
    )
    rows = rows_of([_block(OURS, 0, {NOTES: 10.0}), wrong], {})
    assert [(row.outputs_equal, row.ratio) for row in rows] == [(False, None)]
    assert not figures_of(rows)


def test_a_peer_that_answered_something_else_once_has_no_figures_at_all() -> None:
    wrong = Block(1, "mosec", equal=False, reason="its answers are not ours: 1 of 2 notes", is_final=True)
    blocks = [_block(OURS, repeat, {NOTES: 10.0}) for repeat in range(2)]
    right = _block("mosec", 0, {NOTES: 30.0})
    right.idle, right.trials = Latencies([0.1]).encoded(), [{"rate": 4.0}]
    blocks += [right, wrong, _block("ray", 0, {NOTES: 5.0})]
    rows = {row.peer: row for row in rows_of(blocks, {})}
    assert (rows["mosec"].ratio, rows["mosec"].values, rows["mosec"].outputs_equal) == (None, (), False)
    assert rows["mosec"].skipped_reason == wrong.reason
    measured = measured_of(blocks, {}, 2)
    assert measured.figures["throughput_over_best_peer"].value == pytest.approx(2.0)
    assert not measured.histograms
    assert not measured.details["trials"]


def _late() -> GeneratorLagError:
    late = Latencies([0.5])
    result = LoadResult(1, 1.0, 1.0, 0.1, Counter({Outcome.OK: 1}), late, Latencies(), late, [])
    return GeneratorLagError(result, 0.025)


async def test_a_generator_that_could_not_keep_up_fails_the_run_and_is_not_put_down_to_the_peer_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def lags(*_: object) -> None:
        raise _late()

    _serve(monkeypatch, _Answering())
    monkeypatch.setattr("benchmarks.peers.contenders.sustained_rate", lags)
    contenders = Contenders(BUNDLE, None, replace(PLAN, rate_repeats=1), 7)
    contenders._answers[0] = [ANSWER]
    block = await contenders.measure("mosec", 0, _texts(), None)
    assert block.lagged
    assert not block.is_final
    assert str(failure_of([block])).startswith("mosec: the generator could not keep up")


def test_what_cannot_run_here_fails_no_run_and_other_answers_do() -> None:
    absent = Block(0, "ray", reason="no environment", is_final=True)
    wrong = Block(0, "mosec", equal=False, reason="its answers are not ours", is_final=True)
    assert failure_of([absent, _block(OURS, 0, {NOTES: 3.0})]) is None
    assert failure_of([absent, wrong, wrong]) == "mosec: its answers are not ours"


class _Late(_Answering):
    """Refuses what is offered."""

    async def outcome(self, request: bytes, timeout_s: float = 1.0) -> Outcome:
        del request, timeout_s
        return Outcome.SHED


async def test_every_rate_that_was_tried_can_be_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.blocks.MAX_LAG_S", 10.0)
    rate, trials = await sustained_rate(_Late(), ["Gout."], 400.0, 0.0, 7)
    assert rate == 0.0
    assert len(trials) > 1
    for trial in json.loads(json.dumps(trials, allow_nan=False)):
        assert (trial["sustained"], trial["within"]) == (False, 0.0)
        assert trial["run"]["outcomes"]["shed"] == trial["run"]["sent"]
        assert Latencies.decoded(trial["run"]["histograms"]["lag"]).count == trial["run"]["sent"]


# The run


async def _warmed_up(name: str, monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Measure a peer in two repeats; return the notes that it was warmed up with in each."""
    caller, warmed = _Answering(), []
    _serve(monkeypatch, caller)
    contenders = Contenders(BUNDLE, None, PLAN, 7)
    for repeat in range(2):
        contenders._answers[repeat] = [ANSWER]
        caller.sent.clear()
        await contenders.measure(name, repeat, _texts(), None)
        warmed.append(set(caller.sent[: caller.sent.index(demo_note())]))
    return warmed


async def test_a_peer_that_stays_up_is_warmed_up_with_more_notes_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await _warmed_up("mosec", monkeypatch) == [{"Hypertension.", "Anemia."}, {"Gout."}]


async def test_a_peer_that_is_started_anew_is_warmed_up_with_more_notes_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await _warmed_up("ray", monkeypatch) == [{"Hypertension.", "Anemia."}] * 2


def test_a_process_that_was_started_codes_the_notes_that_cost_more_before_it_is_measured() -> None:
    texts = texts_of([demo_note()], QUICK, 7)
    assert (len(texts.started), len(texts.warm_up)) == (STARTED, WARM_UP)


def test_flags_of_a_run_of_all_benchmarks_are_given_to_our_server(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    def starts(_: Path, *flags: str, bundle: Path) -> NoReturn:
        given.extend(flags)
        raise RuntimeError(f"not here with {bundle}")

    monkeypatch.setattr("benchmarks.peers.contenders.serving", starts)
    monkeypatch.setattr("benchmarks.peers.scenario.missing", lambda _: None)
    with pytest.raises(OwnServerError):
        compare(replace(_bench(), flags=("--threads=1",)))
    assert given == ["--cache-bytes", "0", "--threads=1"]


def test_other_answers_fail_the_scenario_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def measures(_: Contenders, kept: Kept, *__: object, **___: object) -> bool:
        kept.add(Block(0, "mosec", equal=False, reason="its answers are not ours", is_final=True))
        return True

    monkeypatch.setattr("benchmarks.peers.scenario.measure", measures)
    monkeypatch.setattr("benchmarks.peers.scenario.missing", lambda _: None)
    with pytest.raises(RuntimeError, match="mosec: its answers are not ours"):
        compare(_bench())


async def test_the_loop_encodes_the_windows_of_a_note() -> None:
    block = await Contenders(BUNDLE, None, PLAN, 7).measure(CEILING, 0, _texts(), None)
    assert block.reason is None
    assert block.values[BULK] > 0


class _Contenders(Contenders):
    """Measures nothing and says so; `mosec` does not run."""

    def __init__(self) -> None:
        super().__init__(BUNDLE, None, PLAN, 7)
        self.measured: list[tuple[str, int]] = []

    async def measure(self, name: str, repeat: int, *_: object) -> Block:
        self.measured.append((name, repeat))
        return (
            Block(repeat, name, reason="it does not run here", is_final=True)
            if name == "mosec"
            else Block(repeat, name)
        )


async def test_contenders_take_turns_and_one_that_failed_is_not_tried_again(tmp_path: Path) -> None:
    contenders = _Contenders()
    kept = Kept(tmp_path / "blocks.jsonl", {})
    assert await measure(contenders, kept, [demo_note()], PLAN, names=(OURS, "mosec", "ray"))
    assert contenders.measured == [
        (OURS, 0),
        ("mosec", 0),
        ("ray", 0),
        ("ray", 1),
        (OURS, 1),
        ("ray", 2),
        (OURS, 2),
    ]


async def test_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    file = tmp_path / "blocks.jsonl"
    kept = Kept(file, {"seed": 7})
    kept.add(Choice("ray", 2, 1, 4, {"2 x 1": 3.0}))
    kept.add(_block(OURS, 0, {NOTES: 10.0}))
    contenders, steps = _Contenders(), Counter[str]()
    again = Kept(file, {"seed": 7})
    assert again.choices["ray"].setting == Setting(2, 1, 4)
    assert await measure(
        contenders, again, [demo_note()], PLAN, names=(OURS,), step=lambda: steps.update(["step"])
    )
    assert contenders.measured == [(OURS, 1), (OURS, 2)]
    assert steps.total() == PLAN.repeats
    unmeasured = Kept(tmp_path / "others.jsonl", {"seed": 8})
    assert not await measure(contenders, unmeasured, [demo_note()], PLAN, names=(OURS,), until=0.0)


@given(st.integers(0, 20))
def test_every_repeat_has_everyone_once(repeat: int) -> None:
    assert sorted(order(["a", "b", "c"], repeat)) == ["a", "b", "c"]


def test_the_notes_of_a_repeat_are_the_same_for_all_and_new_in_the_next() -> None:
    assert texts_of([demo_note()], QUICK, 7) == texts_of([demo_note()], QUICK, 7)
    assert texts_of([demo_note()], QUICK, 7) != texts_of([demo_note()], QUICK, 8)


def test_no_repeat_has_the_notes_of_another_whoever_gave_them() -> None:
    given = [GivenNote(f"Plan: continue drug {n} for the cough of this week.") for n in range(1_000)]
    for notes in ([demo_note()], given):
        first, second = (
            set(chain.from_iterable(astuple(texts_of(notes, QUICK, 7, repeat)))) for repeat in (0, 1)
        )
        assert not first & second


# The figures


def test_ratios_say_how_many_times_we_are_better() -> None:
    blocks = [
        _block(
            OURS,
            repeat,
            {NOTES: 20.0 * drift, RATE: 12.0 * drift, BULK: 30.0 * drift, IDLE_P50: 40.0 / drift},
        )
        for repeat, drift in enumerate((1.0, 1.5, 0.9))
    ]
    for name, pace in (("ray", 10.0), ("mosec", 16.0)):
        blocks += [
            _block(name, repeat, {NOTES: pace * drift, RATE: 6.0 * drift, IDLE_P50: 60.0 / drift})
            for repeat, drift in enumerate((1.0, 1.5, 0.9))
        ]
    blocks += [_block(CEILING, repeat, {BULK: 40.0 * drift}) for repeat, drift in enumerate((1.0, 1.5, 0.9))]
    rows = rows_of(blocks, {})
    ratios = {(row.peer, row.metric): row.ratio for row in rows}
    assert ratios["ray", NOTES] == pytest.approx(2.0)
    assert ratios["mosec", IDLE_P50] == pytest.approx(1.5)
    figures = measured_of(blocks, {}, 3).figures
    assert figures["throughput_over_best_peer"].value == pytest.approx(1.25)
    assert figures["rate_over_best_peer"].value == pytest.approx(2.0)
    assert figures["serving_efficiency"].value == pytest.approx(0.75)
    assert figures["serving_efficiency"].interval == pytest.approx((0.75, 0.75))


def _rates(**by_name: tuple[float, ...]) -> list[Block]:
    return [
        _block(name, repeat, {RATE: rate})
        for name, rates in by_name.items()
        for repeat, rate in enumerate(rates)
    ]


def test_a_rate_of_nothing_in_a_repeat_leaves_the_ratio_of_the_medians_and_is_told() -> None:
    blocks = _rates(**{OURS: (3.0, 0.0, 4.0)}, mosec=(2.0, 2.0, 2.0))
    [row] = rows_of(blocks, {})
    assert (row.ratio, row.interval) == (1.5, None)
    assert "was 0 in a repeat, ours 0, theirs 2: the ratio is that of the medians" in str(row.skipped_reason)


def test_a_server_that_sustains_nothing_misses_the_gate_and_is_not_left_out() -> None:
    figures = figures_of(rows_of(_rates(**{OURS: (0.0, 0.0, 3.0)}, mosec=(2.0, 2.0, 2.0)), {}))
    assert figures["rate_over_best_peer"].value == 0.0


def test_the_best_peer_stays_the_best_where_one_of_its_repeats_gave_nothing() -> None:
    blocks = _rates(**{OURS: (6.0, 6.0, 6.0)}, litserve=(20.0, 0.0, 20.0), fastapi=(2.0, 2.0, 2.0))
    assert figures_of(rows_of(blocks, {}))["rate_over_best_peer"].value == pytest.approx(0.3)


def test_against_a_peer_that_sustains_nothing_there_is_no_ratio() -> None:
    [row] = rows_of(_rates(**{OURS: (6.0, 6.0, 6.0)}, fastapi=(0.0, 0.0, 2.0)), {})
    assert row.ratio is None
    assert "there is no ratio" in str(row.skipped_reason)
    assert not figures_of([row])


def _block(name: str, repeat: int, values: dict[str, float]) -> Block:
    return Block(repeat, name, checked=2, equal=None if name in {OURS, CEILING} else True, values=values)


def _texts() -> Texts:
    return Texts(
        started=("Hypertension.", "Anemia."),
        warm_up=("Gout.",),
        checked=(demo_note(),),
        idle=("Asthma.",),
        saturating=("Gout.",),
        bulk=(demo_note(),),
        offered=(),
    )


def _bench() -> Bench:
    steps = contextlib.nullcontext(lambda: None)
    return Bench(BUNDLE, (demo_note(),), 7, is_full=False, steps=lambda *_: steps)
