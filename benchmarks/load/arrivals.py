"""When requests arrive: a Poisson process, so independent callers who do not wait for each other."""

from __future__ import annotations

import random


def poisson_arrivals(rate: float, duration_s: float, seed: int) -> list[float]:
    """Return the seconds from the start at which requests arrive, ascending and below `duration_s`.

    `rate` is their expected number a second. The times follow from the seed alone. Raises ValueError unless rate and
    duration are above zero.
    """
    if rate <= 0 or duration_s <= 0:
        raise ValueError("a rate and a duration are above zero")
    draw = random.Random(seed)
    times: list[float] = []
    now = draw.expovariate(rate)
    while now < duration_s:
        times.append(now)
        now += draw.expovariate(rate)
    return times
