"""How many notes a second one bulk stream gets through, against the encoder alone on the same windows."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.arithmetic import int8_peak, mean_length, operations_per_token
from benchmarks.encoder_loop import EncoderLoop
from benchmarks.load.generator import run
from benchmarks.load.grpc_calls import bulk_requests, calling
from benchmarks.machine import usable_cores
from benchmarks.scenario import Bench, Figure, Measured, Scenario, take
from benchmarks.service import Service

WARM_UP_NOTES = 150
"""What the codes of a category say is read when it is first met, in each coding process: a stream that goes on for
hours has read it after a hundred notes."""
LOOP_WARM_UP_NOTES = 20
DIFFERENT = 0.02
"""What the tokens that the server encoded may differ by from those of the loop: a section as short as
"Allergies: NKDA" comes again, and is not encoded twice."""


def measure(bench: Bench) -> Measured:
    """Alternate between a served bulk stream and the loop, each on notes that nobody has seen before."""
    repeats, notes = bench.choose((5, 48), (9, 400))
    cores = usable_cores()
    loop = EncoderLoop(bench.bundle)
    texts = bench.texts()
    served, looped, tokens_served, peaks = [], [], [], []
    tokens_all = characters = 0
    with bench.server() as server, bench.steps("bulk stream, then loop", repeats) as done:
        stream(server, take(texts, WARM_UP_NOTES))
        loop.encode(
            [window for text in take(texts, LOOP_WARM_UP_NOTES) for window in loop.windows(text)], cores
        )
        for _ in range(repeats):
            chosen = take(texts, notes)
            windows = [window for text in chosen for window in loop.windows(text)]
            tokens = sum(window.size for window in windows)
            seconds, encoded = stream(server, chosen)
            if abs(encoded - tokens) > DIFFERENT * tokens:
                raise RuntimeError(_not_the_same(encoded, tokens))
            served.append(notes / seconds)
            tokens_served.append(encoded / seconds)
            looped.append(notes / loop.encode(windows, cores))
            peaks.append(int8_peak(cores))
            tokens_all += tokens
            characters += sum(map(len, chosen))
            done()
    per_token = operations_per_token(loop.encoder_file, mean_length(windows))
    shares = [rate * per_token / peak for rate, peak in zip(tokens_served, peaks, strict=True)]
    in_loop = [
        rate * tokens_all / (notes * repeats) * per_token / peak
        for rate, peak in zip(looped, peaks, strict=True)
    ]
    return Measured(
        {
            "serving_efficiency": Figure.ratio(served, looped),
            "served": Figure.median(served, "notes/s"),
            "served_tokens": Figure.median(tokens_served, "tokens/s"),
            "loop": Figure.median(looped, "notes/s"),
            "peak_share_served": Figure.median(shares, "share"),
            "peak_share_loop": Figure.median(in_loop, "share"),
            "int8_peak": Figure.median([peak / 1e9 for peak in peaks], "GOP/s"),
            "tokens_per_note": Figure(tokens_all / (notes * repeats), "tokens"),
            "characters_per_note": Figure(characters / (notes * repeats), "characters"),
        },
        details={"operations_per_token": round(per_token), "threads": cores},
    )


def stream(server: Service, texts: Sequence[str]) -> tuple[float, float]:
    """Code notes on one stream; return the seconds and the tokens that the encoder saw.

    Raises RuntimeError unless every note was coded.
    """
    requests = list(bulk_requests(texts))
    coded, tokens = server.metric("notes_total", code="OK"), server.metric("tokens_total")

    async def timed() -> float:
        async with calling(server.target, connections=1) as caller:
            began = time.perf_counter()
            await caller.bulk(requests)
            return time.perf_counter() - began

    seconds = run(timed())
    missing = len(texts) - (server.metric("notes_total", code="OK") - coded)
    if missing:
        raise RuntimeError(f"{missing:.0f} notes of a bulk stream were not coded")
    return seconds, server.metric("tokens_total") - tokens


def _not_the_same(encoded: float, tokens: int) -> str:
    said = f"the server encoded {encoded:.0f} tokens and the loop {tokens}"
    if encoded < tokens:
        return f"{said}: what repeats is not encoded twice; --server-flag=--cache-bytes=0 has it keep nothing"
    return f"{said}: something was encoded again, as when a coding process ends"


SCENARIO = Scenario(
    "offline", "notes a second of a bulk stream, against the encoder alone in a loop", measure
)
