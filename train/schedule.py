"""How a budget of time or of updates is spent: learning rate, size of the batches, average of the weights."""

import dataclasses
import time

WARM_UP, REWARM_UP = 300, 100  # updates at most until the rate is full, from nothing and after moments were lost
WARM_UP_SHARE = 0.03  # of all updates at most
AVERAGE_SHARE = 0.025  # of all updates is the half-life of the average
DECAY_LIMITS = (0.5, 0.9997)  # of the average's share that stays
GROWTH = ((40_000, 4), (20_000, 2), (0, 1))  # (updates that there is time for, how much batches may grow)
GROWS_AT = (0.5, 0.75)  # progress at which batches double
ASSUMED = 10_000  # updates, until the speed is known
FIRST_ROUNDS = 3  # in which nothing is measured: compilers and caches are at work
MEASURED_AT = (0.02, 0.1)  # shares of the time after which the speed is measured


@dataclasses.dataclass
class Plan:
    """updates: that the whole run will have, as far as its speed tells"""

    updates: float
    growth: int  # of the batches, in the end

    @staticmethod
    def of(updates, growth=None):
        return Plan(updates, growth or next(factor for least, factor in GROWTH if updates >= least))

    def warm_up(self, resumed):
        """Updates until the rate is full."""
        return max(1, min(REWARM_UP if resumed else WARM_UP, round(WARM_UP_SHARE * self.updates)))

    def decay(self, done):
        """Share of the average that stays at the next update; early ones forget where the weights began."""
        low, high = DECAY_LIMITS
        wanted = 0.5 ** (1 / max(1.0, AVERAGE_SHARE * self.updates))
        return min(max(low, min(high, wanted)), (1 + done) / (10 + done))

    def accumulate(self, progress):
        """Batches whose gradients make one update."""
        return min(self.growth, 2 ** sum(progress >= start for start in GROWS_AT))

    def rate(self, progress, fall, warmed, resumed):
        """Share of the full learning rate: it rises over the first updates, falls to 0 over the last share `fall` of
        the progress. warmed: updates since the moments were 0."""
        warm = min(1.0, (warmed + 1) / self.warm_up(resumed))
        return warm * (1.0 if fall <= 0 else min(1.0, max(0.0, (1 - progress) / fall)))

    def __str__(self):
        return f"about {self.updates:,.0f} updates, batches grow {self.growth} times"


class Clock:
    """How far a run has come: by its updates, or by its time and the share of the schedule that this time is for.

    minutes, until    time from now on, and the progress at its end; or
    steps             updates at the end, earlier ones included
    """

    def __init__(self, minutes, until, steps, begun_at):
        self.minutes, self.until, self.steps, self.begun_at = minutes, until, steps, begun_at
        self.begun = self.since = time.monotonic()
        self.since_round = 0
        self.marks = [] if steps is not None else list(MEASURED_AT)

    def spent(self):
        """Share of the time."""
        return min(1.0, (time.monotonic() - self.begun) / (60 * self.minutes))

    def progress(self, updates):
        if self.steps is not None:
            return updates / self.steps
        return self.begun_at + (self.until - self.begun_at) * self.spent()

    def over(self, progress):
        return progress >= (1.0 if self.steps is not None else self.until)

    def updates(self, done, rounds):
        """Updates of the whole schedule, `done` of which are made, at the speed since the last answer; 0 where it is not
        time for an answer."""
        if self.since_round == 0 and rounds >= FIRST_ROUNDS:
            self.since, self.since_round = time.monotonic(), rounds
        elif self.since_round and self.marks and self.spent() >= self.marks[0]:
            return self.measured(done, rounds)
        return 0

    def measured(self, done, rounds):
        self.marks.pop(0)
        now = time.monotonic()
        pace = (rounds - self.since_round) / max(1e-6, now - self.since)
        self.since, self.since_round = now, rounds
        left = 60 * self.minutes * (1 - self.spent()) * pace
        return done + left * (1 - self.begun_at) / max(1e-6, self.until - self.begun_at)
