from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from ratchet.errors import InputError, LedgerError, LostRaceError, StoreError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger, entry_name
from ratchet.ledger.entries import Entry
from ratchet.ledger.state import LedgerState
from ratchet.storage.local import LocalStore
from ratchet.storage.objects import open_store
from ratchet.storage.s3 import S3Store
from tests.faults.moto_server import S3Server
from tests.faults.proxy import FaultProxy
from tests.ratchet.ledger.factory import AT, FLIGHTS, RELEASE, append, crown, version

PROMOTE = Path(__file__).with_name("promote.py")


@pytest.fixture
def ledger(store_uri: str) -> Ledger:
    return Ledger(open_store(store_uri), FLIGHTS)


class CountingStore(LocalStore):
    """Counts what is asked of the store."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.asked: list[str] = []

    def read(self, name: str) -> bytes:
        self.asked.append("read")
        return super().read(name)

    def has(self, name: str) -> bool:
        self.asked.append("has")
        return super().has(name)

    def list(self, prefix: str) -> list[str]:
        raise AssertionError("a reader never lists")


class TestAppend:
    def test_an_empty_ledger_has_no_champion(self, ledger: Ledger):
        assert (list(ledger.entries()), ledger.read_state(), ledger.verify()) == ([], LedgerState(), [])
        assert ledger.find("decision-1") is None

    def test_entries_follow_one_another(self, ledger: Ledger):
        first = append(ledger, "bootstrap", crown(1))
        second = append(ledger, "promotion", crown(2))
        assert [first, second] == list(ledger.entries())
        assert (second.number, second.previous) == (2, first.digest)
        assert list(ledger.entries(after=1)) == [second]
        state = ledger.read_state()
        assert (state.number, state.head, state.champion) == (2, second.digest, version(2))
        assert ledger.verify() == []

    def test_a_rerun_returns_the_entry_it_has_and_writes_nothing(self, ledger: Ledger):
        first = append(ledger, "bootstrap", crown(1), decision_id="d", after=0)
        append(ledger)
        again = append(ledger, "bootstrap", crown(1), decision_id="d", after=0, at=AT + timedelta(hours=1))
        assert again == first
        assert ledger.read_state().number == 2

    def test_another_decision_on_the_same_state_has_lost(self, ledger: Ledger):
        append(ledger, "bootstrap", crown(1))
        with pytest.raises(LostRaceError, match=r"Entry 1 of flights is taken, a bootstrap by release \(decision"):
            append(ledger, "bootstrap", crown(2), decision_id="late", after=0)
        assert ledger.read_state().champion == version(1)

    @pytest.mark.parametrize("after", [-1, 2])
    def test_nothing_follows_an_entry_that_is_not_there(self, ledger: Ledger, after: int):
        append(ledger)
        with pytest.raises(InputError, match="ends at entry 1"):
            append(ledger, after=after)

    def test_what_may_not_follow_is_not_written(self, ledger: Ledger):
        with pytest.raises(InputError, match="needs a champion"):
            append(ledger, "promotion", crown(1))
        assert ledger.read_state().number == 0

    def test_a_decision_id_names_one_kind_of_entry(self, ledger: Ledger):
        append(ledger, "bootstrap", crown(1), decision_id="d")
        with pytest.raises(InputError, match="entry 1 already, a bootstrap"):
            append(ledger, "promotion", crown(2), decision_id="d")

    def test_segments_have_chains_of_their_own(self, store_uri: str):
        store = open_store(store_uri)
        whole, segment = Ledger(store, FLIGHTS), Ledger(store, ModelId("flights", "eu"))
        append(whole, "bootstrap", crown(1))
        append(segment, "bootstrap", crown(2))
        assert (whole.read_state().champion, segment.read_state().champion) == (version(1), version(2))
        assert (whole.verify(), segment.verify()) == ([], [])

    def test_a_number_taken_between_look_and_write_is_lost_to_another_and_kept_by_the_same_decision(
        self, tmp_path: Path
    ):
        other = Ledger(LocalStore(str(tmp_path)), FLIGHTS)
        for decision_id, is_same in (("theirs", False), ("mine", True)):

            class LateStore(LocalStore):
                def write_once(self, name: str, data: bytes, decision_id: str = decision_id) -> bool:
                    append(other, decision_id=decision_id)
                    return super().write_once(name, data)

            mine = Ledger(LateStore(str(tmp_path)), FLIGHTS)
            if is_same:
                assert append(mine, decision_id="mine").decision_id == "mine"
            else:
                with pytest.raises(LostRaceError, match="decision theirs"):
                    append(mine, decision_id="mine")
        assert [entry.decision_id for entry in other.entries()] == ["theirs", "mine"]


class TestReadState:
    def test_the_state_of_an_instant(self, ledger: Ledger):
        for number in (1, 2, 3):
            append(ledger, "bootstrap" if number == 1 else "promotion", crown(number))
        assert ledger.read_state(at=AT - timedelta(microseconds=1)).champion is None
        assert ledger.read_state(at=AT).champion == version(1)
        assert ledger.read_state(at=AT + timedelta(days=1, microseconds=-1)).champion == version(1)
        assert ledger.read_state(at=AT + timedelta(days=1)).champion == version(2)
        assert ledger.read_state(at=AT + timedelta(days=99)) == ledger.read_state()

    def test_a_late_clock_hides_nobody_elses_entry(self, ledger: Ledger):
        append(ledger, "bootstrap", crown(1), at=AT + timedelta(hours=2))
        append(ledger, "promotion", crown(2), at=AT)
        assert ledger.read_state(at=AT + timedelta(hours=1)).champion is None
        assert ledger.read_state(at=AT + timedelta(hours=2)).champion == version(2)

    def test_a_naive_instant_is_refused(self, ledger: Ledger):
        with pytest.raises(InputError, match="aware"):
            ledger.read_state(at=AT.replace(tzinfo=None))


@pytest.fixture(scope="module")
def long_home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A chain of 250 entries with a promotion in each block."""
    home = str(tmp_path_factory.mktemp("home"))
    ledger = Ledger(LocalStore(home), FLIGHTS)
    for number in range(1, 251):
        if number % 60 == 1:
            append(ledger, "bootstrap" if number == 1 else "promotion", crown(number), after=number - 1)
        else:
            append(ledger, after=number - 1)
    return home


class TestLongChain:
    def test_what_is_asked_again_costs_a_look_for_the_next_number(self, long_home: str):
        store = CountingStore(long_home)
        ledger = Ledger(store, FLIGHTS)
        first = ledger.read_state()
        store.asked.clear()
        assert ledger.read_state() == first
        assert store.asked == ["read", "has"]

    def test_each_hundredth_entry_carries_the_state_and_the_chain_is_sound(self, long_home: str):
        ledger = Ledger(LocalStore(long_home), FLIGHTS)
        assert [entry.number for entry in ledger.entries() if entry.state is not None] == [100, 200]
        assert ledger.verify() == []

    def test_the_state_is_the_fold_of_all_entries(self, long_home: str):
        ledger = Ledger(LocalStore(long_home), FLIGHTS)
        state = ledger.read_state()
        assert state == ledger.read_state(at=AT + timedelta(days=1000))
        assert (state.number, state.champion) == (250, version(241))
        assert state.previous_champions == tuple(version(number) for number in (1, 61, 121, 181))
        assert state.counts == {"bootstrap": 1, "promotion": 4, "override": 245}

    def test_reading_starts_from_the_newest_state_and_never_lists(self, long_home: str):
        store = CountingStore(long_home)
        Ledger(store, FLIGHTS).read_state()
        assert store.asked.count("read") <= 53
        assert store.asked.count("has") <= 4

    @pytest.mark.parametrize("number", [1, 99, 100, 101, 200, 201, 250])
    def test_a_decision_is_found_in_each_block(self, long_home: str, number: int):
        found = Ledger(LocalStore(long_home), FLIGHTS).find(f"decision-{number}")
        assert found is not None
        assert found.number == number

    def test_a_decision_that_was_not_taken_is_not_found(self, long_home: str):
        assert Ledger(LocalStore(long_home), FLIGHTS).find("decision-251") is None

    def test_a_state_of_another_version_is_folded_again(self, long_home: str, monkeypatch: pytest.MonkeyPatch):
        expected = Ledger(LocalStore(long_home), FLIGHTS).read_state()
        monkeypatch.setattr("ratchet.ledger.chain.STATE_VERSION", 3)
        ledger = Ledger(LocalStore(long_home), FLIGHTS)
        assert ledger.read_state() == expected
        found = ledger.find("decision-7")
        assert found is not None
        assert found.number == 7


def _damage(store: LocalStore, number: int, old: bytes, new: bytes) -> None:
    name = entry_name(FLIGHTS, number)
    data = store.read(name)
    assert old in data
    store.write(name, data.replace(old, new))


def _forge_state(store: LocalStore, number: int) -> None:
    name = entry_name(FLIGHTS, number)
    entry = Entry.from_bytes(store.read(name))
    assert entry.state is not None
    _rewrite_from(store, number, {"state": {**entry.state, "champion": version(666).to_json()}})


def _rewrite_from(store: LocalStore, number: int, changes: dict[str, object]) -> None:
    """Change an entry and link all that follow to it again, as someone would who can write to the store."""
    from dataclasses import replace

    previous = None
    while store.has(entry_name(FLIGHTS, number)):
        entry = Entry.from_bytes(store.read(entry_name(FLIGHTS, number)))
        entry = replace(entry, **(changes if previous is None else {"previous": previous}))
        store.write(entry_name(FLIGHTS, number), entry.to_bytes())
        previous, number = entry.digest, number + 1


class TestVerify:
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        store = LocalStore(str(tmp_path))
        ledger = Ledger(store, FLIGHTS)
        append(ledger, "bootstrap", crown(1))
        append(ledger, "promotion", crown(2))
        for _ in range(3):
            append(ledger)
        return store

    @pytest.fixture
    def ledger(self, store: LocalStore) -> Ledger:
        return Ledger(store, FLIGHTS)

    def test_an_altered_entry_is_named(self, store: LocalStore, ledger: Ledger):
        _damage(store, 2, b'"name":"release"', b'"name":"release2"')
        (problem,) = ledger.verify()
        assert problem.startswith("Entry 2 was altered, or entry 3 forged: entry 3 names sha256:")
        with pytest.raises(LedgerError, match="entry 2"):
            ledger.read_state()

    @pytest.mark.parametrize("number", [1, 3])
    def test_a_removed_entry_is_named_and_stops_every_reader_and_writer(
        self, store: LocalStore, ledger: Ledger, number: int
    ):
        Path(store.uri, entry_name(FLIGHTS, number)).unlink()
        assert ledger.verify() == [f"Entry {number} is missing."]
        with pytest.raises(LedgerError, match=f"Entry {number} of flights is missing, and entry {number + 1} is there"):
            ledger.read_state()
        with pytest.raises(LedgerError, match="missing"):
            append(ledger, after=number - 1)

    def test_an_entry_cut_short_is_named(self, store: LocalStore, ledger: Ledger):
        name = entry_name(FLIGHTS, 3)
        store.write(name, store.read(name)[:100])
        problems = ledger.verify()
        assert problems[0].startswith("Entry 3 cannot be read (100 bytes).")
        assert len(problems) == 2
        with pytest.raises(LedgerError, match="000003.json: The bytes are no entry"):
            ledger.read_state()

    def test_a_chain_cut_at_its_end_is_named_by_who_has_seen_more(self, store: LocalStore, ledger: Ledger):
        seen = ledger.read_state()
        assert ledger.verify(seen) == []
        Path(store.uri, entry_name(FLIGHTS, 5)).unlink()
        assert ledger.verify() == []
        assert ledger.verify(seen) == ["The chain was cut: entry 5 was seen once and is gone."]

    def test_a_chain_rewritten_with_all_its_links_is_named_by_who_has_seen_it(self, store: LocalStore, ledger: Ledger):
        seen = ledger.read_state()
        _rewrite_from(store, 2, {"body": crown(3)})
        assert ledger.verify() == []
        (problem,) = ledger.verify(LedgerState(number=seen.number, head=seen.head))
        assert problem.startswith(f"Entry 5 was rewritten: it was seen with {seen.head}")

    def test_a_transition_that_may_not_be_is_named(self, store: LocalStore, ledger: Ledger):
        _rewrite_from(store, 2, {"body": crown(1)})
        (problem,) = ledger.verify()
        assert problem.startswith("Entry 2 may not follow: Version 1")
        with pytest.raises(LedgerError, match="Entry 2 of flights may not be there"):
            ledger.read_state()

    def test_an_entry_of_another_model_or_number_is_named(self, store: LocalStore, ledger: Ledger):
        store.write(entry_name(FLIGHTS, 2), store.read(entry_name(FLIGHTS, 3)))
        assert "Entry 2 is entry 3 of flights." in ledger.verify()
        _rewrite_from(store, 1, {"model": "other"})
        assert "Entry 1 is entry 1 of other." in ledger.verify()
        with pytest.raises(LedgerError, match="holds entry 1 of other"):
            ledger.read_state()

    @pytest.mark.parametrize("name", ["notes.txt", "1.json", "0000006.json", "000000.json", "a/000006.json"])
    def test_what_is_no_entry_is_named(self, store: LocalStore, ledger: Ledger, name: str):
        store.write(f"ledger/flights/{name}", b"")
        assert ledger.verify() == [f"ledger/flights/{name} is no entry of the chain."]

    def test_a_forged_state_is_named(self, long_home: str, tmp_path: Path):
        store = _copy(long_home, tmp_path / "copy")
        _forge_state(store, 100)
        (problem,) = Ledger(store, FLIGHTS).verify()
        assert problem == "The state that entry 100 carries is not what follows: ['champion'] differ."

    def test_a_state_left_out_is_named(self, long_home: str, tmp_path: Path):
        store = _copy(long_home, tmp_path / "copy")
        _rewrite_from(store, 200, {"state": None})
        assert Ledger(store, FLIGHTS).verify() == ["Entry 200 must carry a state if, and only if, it is a 100th one."]


def _copy(home: str, target: Path) -> LocalStore:
    source, store = LocalStore(home), LocalStore(str(target))
    for name in source.list(""):
        store.write(name, source.read(name))
    return store


class TestKills:
    @pytest.mark.parametrize(
        ("point", "is_written"),
        [
            ("ledger.append.before_write", False),
            ("storage.write_once.before_link", False),
            ("storage.write_once.after_link", True),
            ("ledger.append.after_write", True),
        ],
    )
    def test_a_killed_promotion_is_there_or_not_and_a_rerun_finishes_it_once(
        self, tmp_path: Path, point: str, is_written: bool
    ):
        _check_kill(str(tmp_path), point, is_written)

    @pytest.mark.parametrize(
        ("point", "is_written"), [("ledger.append.before_write", False), ("ledger.append.after_write", True)]
    )
    def test_the_same_on_s3(self, s3: S3Server, point: str, is_written: bool):
        _check_kill(s3.fresh_uri(), point, is_written)


def _check_kill(uri: str, point: str, is_written: bool) -> None:
    ledger = Ledger(open_store(uri), FLIGHTS)
    append(ledger, "bootstrap", crown(1))
    assert _promote(uri, crash_at=point) == -signal.SIGKILL
    assert ledger.read_state().champion == version(2 if is_written else 1)
    for _ in range(2):
        assert _promote(uri) == 0
    assert [entry.kind for entry in ledger.entries()] == ["bootstrap", "promotion"]
    assert ledger.verify() == []


def _promote(uri: str, *, crash_at: str = "") -> int:
    environment = {**os.environ, "RATCHET_CRASH_AT": crash_at}
    command = [sys.executable, "-m", "tests.ratchet.ledger.promote", uri]
    return subprocess.run(command, env=environment, timeout=60, cwd=Path(__file__).parents[3]).returncode


class TestLostReplies:
    @pytest.fixture
    def uri(self, s3: S3Server) -> str:
        return s3.fresh_uri()

    @pytest.fixture
    def ledger(self, proxy: FaultProxy, uri: str) -> Ledger:
        return Ledger(S3Store(uri, connect_timeout_seconds=1, read_timeout_seconds=1, attempts=2), FLIGHTS)

    def test_an_append_whose_reply_was_lost_is_won_exactly_once(self, ledger: Ledger, proxy: FaultProxy):
        state = ledger.read_state()
        store = ledger._store
        written = store.write_once

        def lose_the_reply(name: str, data: bytes) -> bool:
            proxy.set_mode("trunc:0", times=1)
            return written(name, data)

        store.write_once = lose_the_reply  # type: ignore[method-assign]
        entry = append(ledger, "bootstrap", crown(1), after=state.number)
        assert proxy.faults == 1
        assert list(ledger.entries()) == [entry]
        assert ledger.verify() == []

    def test_an_append_that_never_gets_a_reply_is_found_by_its_rerun(self, ledger: Ledger, proxy: FaultProxy):
        store = ledger._store
        written = store.write_once

        def lose_every_reply(name: str, data: bytes) -> bool:
            proxy.set_mode("trunc:0")
            return written(name, data)

        store.write_once = lose_every_reply  # type: ignore[method-assign]
        with pytest.raises(StoreError):
            append(ledger, "bootstrap", crown(1), decision_id="d", after=0)
        assert proxy.faults == 2
        proxy.set_mode("pass")
        store.write_once = written  # type: ignore[method-assign]
        entry = append(ledger, "bootstrap", crown(1), decision_id="d", after=0)
        assert list(ledger.entries()) == [entry]

    def test_a_store_that_is_down_moves_no_champion(self, ledger: Ledger, proxy: FaultProxy):
        append(ledger, "bootstrap", crown(1))
        proxy.set_mode("refuse")
        with pytest.raises(StoreError):
            append(ledger, "promotion", crown(2), after=1)
        assert proxy.faults >= 1
        proxy.set_mode("pass")
        assert ledger.read_state().champion == version(1)


def test_the_author_is_kept(ledger: Ledger):
    assert append(ledger).author == RELEASE


def test_importing_the_ledger_is_cheap_enough_for_a_dag_file():
    heavy = "{'boto3', 'botocore', 'deltalake', 'polars', 'pandas', 'pyarrow', 'numpy', 'mlflow'}"
    code = f"import sys, ratchet.ledger.chain, ratchet.storage.objects; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
