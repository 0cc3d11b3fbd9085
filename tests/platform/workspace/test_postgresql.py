"""The same store on a server that many learners share."""

import pytest

from unravel.errors import UnravelError
from unravel.workspace.store import Store


@pytest.fixture(scope="module")
def place(postgresql: str) -> str:
    return postgresql


def test_records_and_progress_are_those_of_the_file(place, report, result):
    store = Store(place, "ann")
    store.record_report(report(result("softmax", "failed"), result("tokens", "not started")))
    store.record_report(report(result("softmax"), seed=2**40))
    store.record_report(report(result("softmax", "error")))
    store.record_hint("tokens", 1)
    store.record_give_up("tokens")
    stand = store.progress()["softmax"]
    assert (stand.status, stand.best_status, stand.attempts, stand.points) == ("error", "passed", 3, 3)
    assert (store.progress()["tokens"].hints, store.progress()["tokens"].gave_up) == (1, True)
    assert [attempt.seed for attempt in store.attempts("softmax")] == [1, 2**40, 1]
    assert Store(place, "ben").progress() == {}


@pytest.mark.parametrize("change", ["UPDATE attempts SET points = 9", "DELETE FROM hints", "TRUNCATE give_ups"])
def test_records_can_not_be_changed(place, change):
    with pytest.raises(UnravelError, match="append-only"):
        Store(place, "ann")._database.run(change, {})


def test_a_server_that_is_down_is_said_in_a_sentence():
    pytest.importorskip("psycopg")
    with pytest.raises(UnravelError, match="server is up") as caught:
        Store("postgresql://unravel:secret@/postgres?host=/nowhere", "ann").progress()
    assert "secret" not in str(caught.value)


def test_the_history_and_the_diagnoses_are_the_same_there(postgresql, report, result):
    store = Store(postgresql, "history")
    store.record_report(report({**result("softmax", "failed"), "diagnosis": "you forgot to divide"}))
    store.record_hint("softmax", 1)
    store.record_give_up("split")
    kinds = [(event.kind, event.exercise, event.status) for event in store.history()]
    assert kinds == [("attempt", "softmax", "failed"), ("hint", "softmax", ""), ("give up", "split", "")]
    assert store.diagnoses() == {"softmax": ("you forgot to divide",)}
