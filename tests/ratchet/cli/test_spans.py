from __future__ import annotations

import json

from tests.factories.lives import WATCHED, Life
from tests.factories.models import day
from tests.ratchet.cli.conftest import Ratchet, assert_told


class TestIngest:
    def test_names_the_new_revision_and_what_depends_on_the_one_before(self, ratchet: Ratchet, life: Life):
        model = life("watched")
        model.deliver(day(5), salt="corrected")
        answer = ratchet(
            model, "ingest", "parcels", "--from", day(5), "--to", day(5), "--reason", "the carrier's mistake"
        )
        assert (answer.code, answer.err) == (0, "")
        assert "150 rows in, 150 kept" in answer.out
        assert f"examples {day(5)}, revision 2: the carrier's mistake" in answer.out
        assert "and model versions 1, which scored 2 spans (ledger entries 1, 2)" in answer.out
        listed = ratchet(model, "revisions", "parcels")
        assert "the carrier's mistake" in listed.out
        (found,) = json.loads(ratchet(model, "revisions", "parcels", "--json").out)
        assert (found["span"], found["models"], found["schema_version"]) == (day(5), ["1"], 1)

    def test_of_the_same_bytes_names_none(self, ratchet: Ratchet, life: Life):
        model = life("watched")
        answer = ratchet(model, "ingest", "parcels", "--from", day(5), "--to", day(6))
        assert (answer.code, len(answer.out.splitlines())) == (0, 1)


class TestSpans:
    def test_are_listed_with_their_revision_and_counts(self, ratchet: Ratchet, life: Life):
        model = life("watched")
        model.deliver(day(WATCHED), twice=1)
        ratchet(model, "ingest", "parcels", "--from", day(WATCHED), "--to", day(WATCHED))
        rows = json.loads(ratchet(model, "spans", "parcels", "--json").out)["spans"]
        assert len(rows) == WATCHED
        newest = rows[-1]
        assert (newest["revision"], newest["rows_in"], newest["rows_kept"], newest["rows_quarantined"]) == (
            2,
            151,
            150,
            1,
        )
        assert (newest["is_validated"], rows[0]["is_validated"]) == (False, True)
        assert "delivered again with other bytes" in ratchet(model, "spans", "parcels").out

    def test_of_an_unknown_table_are_refused(self, ratchet: Ratchet, life: Life):
        model = life("loaded")
        assert_told(ratchet(model, "spans", "parcels", "--table", "labels"), "E-INPUT", "must be examples")


class TestErase:
    def test_says_what_was_erased_and_never_the_key(self, ratchet: Ratchet, life: Life):
        model = life("champion")
        entity = f"{day(5)}-0007"
        answer = ratchet(model, "erase", "--entity", entity)
        assert (answer.code, answer.err) == (0, "")
        assert "parcels: 2 rows of 1 spans erased" in answer.out
        assert "versions 1 were trained on it (not reproducible since entry 3 of the ledger" in answer.out
        assert entity not in answer.out
        assert "not reproducible since entry 3" in ratchet(model, "status", "parcels").out
        again = ratchet(model, "erase", "--entity", entity, "--model", "parcels")
        assert (again.code, len(model.objects("ledger"))) == (0, 3)

    def test_of_nobody_says_so(self, ratchet: Ratchet, life: Life):
        assert "nothing of the entity was found" in ratchet(life("loaded"), "erase", "--entity", "nobody").out
