"""Active days, streaks and time, derived from events in any order and any time zone."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unravel.workspace.activity import START, Day, activity, monday_of
from unravel.workspace.history import Event

NOON = datetime(2030, 5, 15, 12, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)

moments = st.datetimes(datetime(2029, 1, 1), datetime(2031, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
kinds = st.sampled_from([("attempt", "passed"), ("attempt", "failed"), ("hint", ""), ("give up", "")])
done = st.builds(lambda kind, name, at: Event(kind[0], name, kind[1], at), kinds, st.sampled_from("ab"), moments)
histories = st.lists(done)
zones = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))


def attempt(moment, exercise="softmax", status="failed"):
    return Event("attempt", exercise, status, moment)


def days_ago(*numbers):
    return [attempt(NOON - number * DAY) for number in numbers]


@pytest.mark.parametrize(
    ("ago", "streak", "longest"),
    [
        ((), 0, 0),
        ((0,), 1, 1),
        ((1,), 1, 1),  # today is not over yet
        ((2,), 0, 1),
        ((0, 1, 2), 3, 3),
        ((1, 2, 4), 2, 2),
        ((0, 3, 4, 5, 6, 9), 1, 4),
        ((0, 0, 0), 1, 1),
    ],
)
def test_a_streak_is_the_active_days_in_a_row_up_to_today(ago, streak, longest):
    found = activity(days_ago(*ago), now=NOON, zone=UTC)
    assert (found.streak, found.longest) == (streak, longest)


def test_the_day_is_that_of_the_learners_calendar():
    late = datetime(2030, 5, 14, 23, 30, tzinfo=UTC)  # in Tokyo it is 08:30 of the 15th
    assert set(activity([attempt(late)], now=NOON, zone=UTC).days) == {date(2030, 5, 14)}
    assert set(activity([attempt(late)], now=NOON, zone=ZoneInfo("Asia/Tokyo")).days) == {date(2030, 5, 15)}
    assert activity([], now=late, zone=ZoneInfo("Asia/Tokyo")).today == date(2030, 5, 15)


def test_two_minutes_around_midnight_are_two_days_in_a_row():
    around = [datetime(2030, 5, 14, 23, 59, tzinfo=UTC), datetime(2030, 5, 15, 0, 1, tzinfo=UTC)]
    assert activity(map(attempt, around), now=NOON, zone=UTC).streak == 2
    assert activity(map(attempt, around), now=NOON, zone=ZoneInfo("America/New_York")).streak == 1


def test_a_streak_runs_through_the_change_to_summer_time():
    zone = ZoneInfo("Europe/Berlin")  # the clock went from 02:00 to 03:00 on 31 March 2030
    local = [datetime(2030, 3, day, hour, 30, tzinfo=zone) for day, hour in ((30, 23), (31, 23), (29, 0))]
    found = activity(map(attempt, local), now=datetime(2030, 4, 1, 0, 10, tzinfo=zone), zone=zone)
    assert found.streak == 3


def test_an_exercise_is_passed_once_on_the_day_it_first_passed():
    events = [
        attempt(NOON, status="passed"),
        attempt(NOON - DAY, status="passed"),
        attempt(NOON - 2 * DAY),
        attempt(NOON, "split", "passed"),
    ]
    found = activity(events, now=NOON, zone=UTC).days
    assert [found[NOON.date() - number * DAY].passed for number in (2, 1, 0)] == [0, 1, 1]


def test_a_pause_ends_a_sitting():
    def minutes(*gaps):
        moment, events = NOON, [attempt(NOON)]
        for gap in gaps:
            moment += timedelta(minutes=gap)
            events.append(attempt(moment))
        return activity(events, now=NOON, zone=UTC).total.minutes

    assert minutes() == 5
    assert minutes(10, 20) == 35
    assert minutes(30) == 35
    assert minutes(31) == 10
    assert minutes(0, 0) == 5  # one run of the grader over many exercises takes no longer


def test_weeks_begin_on_monday_and_end_with_this_one():
    found = activity(days_ago(0, 2, 3), now=NOON, zone=UTC).weeks(3)
    assert [monday for monday, _ in found] == [date(2030, 4, 29), date(2030, 5, 6), date(2030, 5, 13)]
    assert [week.attempts for _, week in found] == [0, 1, 2]


@given(histories, zones, st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(events, zone, chance):
    shuffled = sorted(events, key=lambda event: chance.random())
    assert activity(shuffled, now=NOON, zone=zone) == activity(events, now=NOON, zone=zone)


@given(histories, zones)
def test_a_time_zone_moves_what_was_done_but_makes_none_of_it(events, zone):
    here, there = activity(events, now=NOON, zone=UTC), activity(events, now=NOON, zone=zone)
    for name in ("attempts", "hints", "passed"):
        assert getattr(here.total, name) == getattr(there.total, name)
    assert here.total.minutes == pytest.approx(there.total.minutes)
    assert here.total.attempts == sum(event.kind == "attempt" for event in events)
    assert here.total.passed == len({event.exercise for event in events if event.passed})


@given(histories, zones)
def test_streaks_against_a_slow_count(events, zone):
    found = activity(events, now=NOON, zone=zone)
    marked = {event.moment.astimezone(zone).date() for event in events}
    assert set(found.days) == marked
    runs, run = [0], 0
    for number in range(-800, 800):
        run = run + 1 if found.today + number * DAY in marked else 0
        runs.append(run)
    assert found.longest == max(runs)
    assert found.streak <= found.longest
    assert (found.streak > 0) == bool({found.today, found.today - DAY} & marked)


@given(histories)
def test_time_is_at_least_a_start_for_each_sitting_and_at_most_one_for_each_event(events):
    spent = activity(events, now=NOON, zone=UTC).total.minutes
    assert (spent > 0) == bool(events)
    if events:
        span = max(event.moment for event in events) - min(event.moment for event in events)
        assert START / timedelta(minutes=1) <= spent + 1e-6
        assert spent <= (span + START * len(events)) / timedelta(minutes=1) + 1e-6


def test_the_first_day_of_a_week_is_in_it():
    for number in range(400):
        day = date(2029, 1, 1) + number * DAY
        assert monday_of(day).weekday() == 0
        assert 0 <= (day - monday_of(day)).days < 7
    assert Day(1, 2, 3, 4.0) + Day(1, 1, 1, 1.0) == Day(2, 3, 4, 5.0)
