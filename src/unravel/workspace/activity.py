"""When a learner worked: active days, streaks, exercises passed and time spent, all derived from what they did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from unravel.workspace.history import Event

# Two things done within this time belong to one sitting, and the time between them was spent on the course.
PAUSE = timedelta(minutes=30)
# What came before the first thing that a sitting left a trace of: reading and writing up to the first check.
START = timedelta(minutes=5)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Day:
    """One day, or a week, in the learner's own time zone. `minutes` is an estimate: see `_spent`.

    `passed` counts the exercises that passed then for the first time.
    """

    attempts: int = 0
    hints: int = 0
    passed: int = 0
    minutes: float = 0.0

    def __add__(self, other: Day) -> Day:
        return Day(
            self.attempts + other.attempts,
            self.hints + other.hints,
            self.passed + other.passed,
            self.minutes + other.minutes,
        )


@dataclass(frozen=True)
class Activity:
    """The active days, in order; a day on which nothing was done is absent. `today` is the learner's date."""

    days: Mapping[date, Day]
    today: date

    @property
    def streak(self) -> int:
        """The active days in a row up to today. A day that is not over yet breaks nothing."""
        last = self.today if self.today in self.days else self.today - ONE_DAY
        return _run_up_to(last, self.days)

    @property
    def longest(self) -> int:
        """The most active days in a row, ever."""
        ends = (day for day in self.days if day + ONE_DAY not in self.days)
        return max((_run_up_to(day, self.days) for day in ends), default=0)

    @property
    def total(self) -> Day:
        """Everything together."""
        return sum(self.days.values(), Day())

    def weeks(self, number: int) -> tuple[tuple[date, Day], ...]:
        """The last `number` weeks, this one last: each with its Monday."""
        monday = monday_of(self.today)
        starts = [monday - timedelta(weeks=back) for back in reversed(range(number))]
        return tuple((start, sum((self.days.get(day, Day()) for day in week(start)), Day())) for start in starts)


def activity(events: Iterable[Event], *, now: datetime | None = None, zone: tzinfo | None = None) -> Activity:
    """What `events`, in any order, say of the days in time zone `zone` (None: this computer's)."""
    events = sorted(events, key=lambda event: event.moment)
    days: dict[date, Day] = {}
    passed: set[str] = set()
    for event, spent in zip(events, _spent(events), strict=True):
        fresh = event.passed and event.exercise not in passed
        passed |= {event.exercise} if fresh else set()
        done = Day(int(event.kind == "attempt"), int(event.kind == "hint"), int(fresh), spent.total_seconds() / 60)
        day = _local(event.moment, zone)
        days[day] = days.get(day, Day()) + done
    return Activity(dict(sorted(days.items())), _local(now or datetime.now(UTC), zone))


def monday_of(day: date) -> date:
    """The first day of its week.

    >>> monday_of(date(2030, 1, 6))
    datetime.date(2029, 12, 31)
    """
    return day - timedelta(days=day.weekday())


def week(monday: date) -> tuple[date, ...]:
    """Seven days, from that one on."""
    return tuple(monday + timedelta(days=number) for number in range(7))


def _spent(events: list[Event]) -> Iterator[timedelta]:
    """How long each thing took, about: the time since the one before, or `START` where that was another sitting."""
    before: datetime | None = None
    for event in events:
        since = event.moment - before if before is not None else PAUSE + START
        yield since if since <= PAUSE else START
        before = event.moment


def _run_up_to(day: date, days: Mapping[date, Day]) -> int:
    length = 0
    while day - length * ONE_DAY in days:
        length += 1
    return length


def _local(moment: datetime, zone: tzinfo | None) -> date:
    """The date that the learner's calendar showed. With no zone, `astimezone` asks the system, summer time and all."""
    return moment.astimezone(zone).date()
