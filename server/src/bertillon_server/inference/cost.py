"""What encoding costs here and now: seconds per token and per call, learned from every batch.

And what notes cost as a whole, learned while there is a backlog: what surrounds the encoder takes processor time too.
"""

from __future__ import annotations

import math

DECAY = 0.98
"""Weight that an observation keeps with each later one: half is forgotten after 34 batches, well under a
second of full load, so that a noisy neighbour or a throttled core shows soon."""

PRIOR = ((64, 0.0030), (512, 0.0216))
"""(tokens, seconds) of two calls of a 3-layer x 384 int8 encoder on one Zen 4 core: what is believed before
anything was measured. Two observations, so the first batches outweigh them."""


BACKLOG_TOKENS = 2_048
"""Tokens admitted from which on all cores have work: the time of a note then tells what the process can do, and below
it how long a note takes that is alone."""

PACE_TOKENS = 16_384
"""Tokens of notes after which the pace of those before weighs 1/e: half is forgotten after 14 notes. Counted in
tokens, so that a sentence which came between long notes says as little of the pace as it took of the work."""

PACE_BELIEVED_TOKENS = 4_096
"""Tokens for which the encoder's pace is believed to be that of notes, before any was worked off beside others. The
first to be done may be a sentence, long after the notes that were begun before it."""

MARGIN = 1.2
"""What a promise is to allow for, over what the pace says: notes of one length differ in what they cost, and one that
misses its deadline has taken the place of one that would not have."""


class CostModel:
    """A line through (tokens, seconds) of recent batches, by least squares with exponential forgetting.

    Seconds are as workers see them side by side, so contention between the workers is in the figures.
    """

    def __init__(self, *, workers: int) -> None:
        self._workers = workers
        self._weight = self._x = self._y = self._xx = self._xy = 0.0
        self._worked_off = self._worked_s = 0.0
        self.forget()

    def forget(self) -> None:
        """Go back to the prior: the first pass of a warm-up allocates, and must not count."""
        self._weight = self._x = self._y = self._xx = self._xy = 0.0
        for tokens, seconds in PRIOR:
            self.observe(tokens, seconds)

    def observe(self, tokens: int, seconds: float) -> None:
        """Learn that a call of `tokens` tokens took `seconds`."""
        self._weight = self._weight * DECAY + 1.0
        self._x = self._x * DECAY + tokens
        self._y = self._y * DECAY + seconds
        self._xx = self._xx * DECAY + tokens * tokens
        self._xy = self._xy * DECAY + tokens * seconds

    def observe_pace(self, tokens: int, seconds: float) -> None:
        """Learn that `tokens` of notes were worked off in `seconds`, while there was more to do than cores."""
        if not self._worked_off:
            self._worked_off = PACE_BELIEVED_TOKENS
            self._worked_s = PACE_BELIEVED_TOKENS * self.seconds_per_token / self._workers
        kept = math.exp(-tokens / PACE_TOKENS)
        self._worked_off = self._worked_off * kept + tokens
        self._worked_s = self._worked_s * kept + seconds

    @property
    def workers(self) -> int:
        """Workers that encode side by side."""
        return self._workers

    @property
    def pace(self) -> float:
        """Seconds in which the process works off a token of the notes admitted: no less than the encoder takes."""
        encoding = self.seconds_per_token / self._workers
        return max(encoding, self._worked_s / self._worked_off) if self._worked_off else encoding

    @property
    def seconds_per_token(self) -> float:
        """Seconds of one worker per token, the overhead of calls of the recent sizes included."""
        return self._y / self._x

    @property
    def seconds_per_call(self) -> float:
        """Seconds of a call beyond what its tokens cost: the intercept, between zero and the mean call."""
        spread = self._weight * self._xx - self._x * self._x
        if spread <= 1e-9 * self._x * self._x:
            # All recent calls had one size: the line is not determined, and the rate alone says it all.
            return 0.0
        slope = (self._weight * self._xy - self._x * self._y) / spread
        slope = min(max(slope, 0.0), self.seconds_per_token)
        return max(0.0, self._y - slope * self._x) / self._weight

    def drain_seconds(self, tokens: int) -> float:
        """Return the seconds in which all workers together get through `tokens` of notes."""
        return tokens * self.pace

    def promise(self, tokens: int, backlog: int) -> float:
        """Return the seconds within which `tokens` of notes are surely done, after `backlog` tokens."""
        return self.seconds_per_call + MARGIN * self.drain_seconds(backlog + tokens)

    def estimate(self, tokens: int, backlog: int) -> float:
        """Return the seconds until `tokens` of notes are done that come after `backlog` tokens."""
        if backlog >= BACKLOG_TOKENS:
            return self.promise(tokens, backlog)
        # Also after a pause of the machine that made the pace look hopeless: else none would come in to disprove it.
        return self.seconds_per_call + (backlog + tokens) * self.seconds_per_token / self._workers
