from __future__ import annotations

import pytest

from ratchet.spec.gaps import find_gaps
from tests.factories.models import parcels_spec
from tests.ratchet.spec.conftest import Write, refusal

SECTION = "  pii: {}\n  prohibited: {}\n  groups: {}\n"


def governed(*lines: str) -> str:
    return "".join(f"  {line}\n" for line in lines)


class TestRefusals:
    @pytest.mark.parametrize(
        ("lines", "at", "words"),
        [
            pytest.param(
                ["pii: {weight: direct}"], "weight: {role", "features.columns.weight: is personal data", id="feature"
            ),
            pytest.param(
                ["pii: {weight: direct}", "pseudonymise: [weight]"], "weight: {role", "is personal data", id="pseudonym"
            ),
            pytest.param(["pii: {depot: sensitive}"], "slices:", "depot is personal data", id="slice"),
            pytest.param(["prohibited: {carrier: {}}"], "carrier: {role", "is prohibited", id="prohibited"),
            pytest.param(["pii: {hour: direct}"], "hour: {role", "is personal data", id="derived"),
        ],
    )
    def test_what_no_model_may_read_is_refused_by_file_and_line(
        self, write: Write, lines: list[str], at: str, words: str
    ):
        path = write(SECTION, governed(*lines))
        line = path.read_text().partition(at)[0].count("\n") + 1
        told = refusal(path)
        assert told.startswith(f"spec.yaml:{line}: ")
        assert words in told

    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            (["pii: {parcel_id: direct}"], "pii.parcel_id: names the examples, so it cannot be withheld"),
            (["pii: {is_late: direct}"], "is_late is the time, the label or the span"),
            (["pii: {faith: sensitive}", "pseudonymise: [faith]"], "its few values show through any pseudonym"),
            (["pii: {age: direct}", "groups: {age: {}}"], "groups.age: age is personal data (pii) and withheld"),
            (["pii: {a: direct}", "quasi_identifiers: [a]"], "a is personal data (pii) and withheld"),
            (["pii: {a: direct}", "prohibited: {a: {}}"], "a is personal data (pii) and withheld"),
            (["prohibited: {delivered_at: {}}"], "delivered_at is withheld at ingestion (features.leaks)"),
            (["accepted_proxies: {depot: known}"], "depot is no feature"),
            (["groups: {hour: {}}"], "hour is derived here, not delivered"),
            (["pii: {email: personal}"], "Input should be 'direct' or 'sensitive'"),
            (["key_variable: secret"], "governance.key_variable"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, write: Write, lines: list[str], words: str):
        told = refusal(write(SECTION, governed(*lines)))
        assert words in told
        assert not told.startswith("spec.yaml:1:")

    def test_every_fault_is_told_at_once(self, write: Write):
        told = refusal(write(SECTION, governed("pii: {weight: direct, depot: direct}")))
        assert told.count("spec.yaml:") == 2


class TestWhatIsTaken:
    def test_a_prohibited_column_may_be_a_slice(self):
        spec = parcels_spec({"governance.prohibited": {"depot": {}}})
        assert (spec.hidden_columns(), spec.governed_columns()) == (("depot",), ())

    def test_sensitive_data_may_be_pseudonymised_to_measure_its_proxies(self):
        spec = parcels_spec(
            {
                "governance.pii": {"faith": "sensitive"},
                "governance.pseudonymise": ["faith"],
                "governance.prohibited": {"faith": {}},
            }
        )
        assert (spec.governance.withheld, spec.governed_columns()) == ((), ("faith",))


class TestGaps:
    def test_a_question_is_answered_by_an_empty_mapping_but_not_by_silence(self):
        assert find_gaps(parcels_spec()) == []
        told = find_gaps(parcels_spec({"governance.pii": None, "governance.licence": None}))
        assert [at for at, _ in told] == [("governance", "licence"), ("governance", "pii")]
