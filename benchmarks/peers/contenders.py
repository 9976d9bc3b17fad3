"""What each kind of contender is measured by: our server, the servers of the registry, the loop, the rules."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from benchmarks.encoder_loop import EncoderLoop
from benchmarks.load.bulk import start_processes
from benchmarks.load.generator import GeneratorLagError
from benchmarks.peers.blocks import (
    Block,
    Plan,
    Texts,
    answers,
    bulk_throughput,
    idle_latency,
    sustained_rate,
    throughput,
)
from benchmarks.peers.callers import FAILURES, Caller, OurCaller
from benchmarks.peers.environments import cores
from benchmarks.peers.equality import Coded, UnequalError, require_equal
from benchmarks.peers.registry import PEERS, Peer, Setting
from benchmarks.peers.rules import NAME as RULES
from benchmarks.peers.rules import Rules, rules
from benchmarks.peers.running import UnavailableError, running
from benchmarks.service import Service, serving

OURS, CEILING = "ours", "loop"
NAMES = (OURS, CEILING, *(peer.name for peer in PEERS), RULES)
OUR_FLAGS = ("--cache-bytes", "0")
"""Nothing is kept from note to note, as peers keep nothing: sections of the corpus come again in later repeats, and
whole notes while a rate is searched."""
NOTES, BULK = "throughput", "bulk throughput"
RATE, IDLE_P50, IDLE_P99 = "rate with p99 within 250 ms", "idle p50", "idle p99"


class OwnServerError(Exception):
    """Our own server does not start or answer: the run has nothing to compare with; the message says why."""


class Contenders:
    """All contenders on one bundle; `flags` are given to our server.

    What is quiet while it is idle is started when it is measured first and runs until `close`; each is warmed up anew
    in every repeat, and with more notes where it has just been started.
    """

    def __init__(
        self, bundle: Path, terminology: Path | None, plan: Plan, seed: int, flags: Sequence[str] = ()
    ) -> None:
        self._bundle, self._terminology, self._plan, self._seed = bundle, terminology, plan, seed
        self._flags = (*OUR_FLAGS, *flags)
        self._held = AsyncExitStack()
        self._callers: dict[str, Caller] = {}
        self._warm: set[str] = set()
        self._service: Service | None = None
        self._loop: EncoderLoop | None = None
        self._rules: Rules | None = None
        self._answers: dict[int, list[Coded]] = {}

    async def close(self) -> None:
        """End what still runs."""
        await self._held.aclose()

    async def measure(self, name: str, repeat: int, texts: Texts, setting: Setting | None) -> Block:
        """Measure one contender; what keeps it from being measured is told in the block.

        Raises OwnServerError.
        """
        block = Block(repeat, name, "" if setting is None else str(setting))
        try:
            if name == OURS:
                await self._ours(block, texts)
            elif name == CEILING:
                self._ceiling(block, texts)
            elif name == RULES:
                self._by_rules(block, texts)
            else:
                await self._peer(block, texts, setting)
        except UnequalError as error:
            block.equal, block.reason, block.is_final = False, f"its answers are not ours: {error}", True
        except (UnavailableError, GeneratorLagError, RuntimeError, *FAILURES) as error:
            if name == OURS and not isinstance(error, GeneratorLagError):
                raise OwnServerError(_told(error)) from error
            block.is_final = isinstance(error, UnavailableError)
            block.lagged = isinstance(error, GeneratorLagError)
            block.reason = _told(error)
        return block

    async def best_setting(self, peer: Peer, texts: Texts) -> tuple[Setting, dict[str, float]]:
        """Return the setting with which a peer codes most notes a second, and what each gave.

        Raises what the last one failed with, one of UnavailableError, RuntimeError and FAILURES, where none works.
        """
        rates: dict[Setting, float] = {}
        failed: Exception = UnavailableError("it has no settings")
        for setting in peer.settings:
            try:
                async with running(peer, setting, self._bundle) as caller:
                    await throughput(caller, texts.started)
                    rates[setting] = await throughput(caller, texts.saturating, self._plan.limit_s / 2)
            except (UnavailableError, RuntimeError, *FAILURES) as error:
                failed = error
        if not rates:
            raise failed
        best = max(rates, key=rates.__getitem__)
        return best, {str(setting): round(rate, 2) for setting, rate in rates.items()}

    async def _ours(self, block: Block, texts: Texts) -> None:
        caller = await self._our_caller()
        with self._warming(OURS, texts) as notes:
            await throughput(caller, notes)
        self._answers[block.repeat] = await answers(caller, texts.checked)
        block.checked = len(texts.checked)
        await self._common(block, caller, texts)
        assert self._service is not None  # noqa: S101 - it is there where its caller is
        block.values[BULK] = await bulk_throughput(self._service, texts.bulk)

    async def _peer(self, block: Block, texts: Texts, setting: Setting | None) -> None:
        peer = next(peer for peer in PEERS if peer.name == block.contender)
        setting = setting or peer.settings[0]
        block.setting = str(setting)
        expected = await self._expected(block.repeat, texts.checked)
        async with AsyncExitStack() as own:
            if peer.name not in self._callers:
                stack = self._held if peer.is_quiet else own
                server = running(peer, setting, self._bundle)
                self._callers[peer.name] = await stack.enter_async_context(server)
                if not peer.is_quiet:
                    own.callback(self._callers.pop, peer.name)
                    own.callback(self._warm.discard, peer.name)
            caller = self._callers[peer.name]
            with self._warming(peer.name, texts) as notes:
                await throughput(caller, notes)
            found = await answers(caller, texts.checked, together=setting.batch > 1)
            block.checked = require_equal(expected, found)
            block.equal = True
            await self._common(block, caller, texts)

    async def _our_caller(self) -> Caller:
        """Return a caller of our server, which is started when it is asked for first; raises OwnServerError."""
        if OURS not in self._callers:
            folder = self._held.enter_context(tempfile.TemporaryDirectory())
            try:
                server = serving(Path(folder), *self._flags, bundle=self._bundle)
                service = self._held.enter_context(server)
                await asyncio.to_thread(start_processes, service)
            except (RuntimeError, OSError) as error:
                raise OwnServerError(str(error)) from error
            self._service = service
            caller = self._callers[OURS] = OurCaller(service.target)
            self._held.push_async_callback(caller.close)
        return self._callers[OURS]

    @contextmanager
    def _warming(self, name: str, texts: Texts) -> Iterator[tuple[str, ...]]:
        """Give the notes that a contender is warmed up with; it is warm where the block ends well."""
        yield texts.warm_up if name in self._warm else texts.started
        self._warm.add(name)

    async def _common(self, block: Block, caller: Caller, texts: Texts) -> None:
        """Measure what all servers are measured by."""
        idle = await idle_latency(caller, texts.idle)
        block.idle = idle.encoded()
        block.values |= {IDLE_P50: idle.percentile(50) * 1000, IDLE_P99: idle.percentile(99) * 1000}
        block.values[NOTES] = await throughput(caller, texts.saturating, self._plan.limit_s)
        if block.repeat < self._plan.rate_repeats:
            start = block.values[NOTES] / 2
            rate, block.trials = await sustained_rate(
                caller, texts.offered, start, self._plan.trial_s, self._seed + block.repeat
            )
            block.values[RATE] = rate

    async def _expected(self, repeat: int, texts: Sequence[str]) -> list[Coded]:
        """Return what our server answers, asked anew where this run has not measured it in this repeat."""
        if repeat not in self._answers:
            try:
                self._answers[repeat] = await answers(await self._our_caller(), texts)
            except FAILURES as error:
                raise OwnServerError(_told(error)) from error
        return self._answers[repeat]

    def _ceiling(self, block: Block, texts: Texts) -> None:
        self._loop = self._loop or EncoderLoop(self._bundle)
        loop = self._loop
        block.setting = f"1 x {cores()}"
        with self._warming(CEILING, texts) as notes:
            loop.encode([window for text in notes for window in loop.windows(text)], cores())
        windows = [window for text in texts.bulk for window in loop.windows(text)]
        block.values[BULK] = len(texts.bulk) / loop.encode(windows, cores())

    def _by_rules(self, block: Block, texts: Texts) -> None:
        if self._rules is None:
            self._rules = self._held.enter_context(rules(self._bundle, self._terminology))
        pipeline = self._rules
        block.setting = f"{cores()} x 1, {pipeline.terms:,} terms"
        with self._warming(RULES, texts) as notes:
            pipeline.code(notes)
        seconds, coded = pipeline.code(texts.bulk)
        if not any(coded):
            raise UnavailableError("it found nothing in any note")
        block.values[BULK] = len(texts.bulk) / seconds


def _told(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
