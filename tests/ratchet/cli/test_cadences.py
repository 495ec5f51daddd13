"""A life with spans of an hour, a week and a month, over what their calendars are known to trip on."""

from __future__ import annotations

from typing import get_args

import pytest

from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.spec.cadence import Cadence
from ratchet.storage.tables import SpanTable
from tests.factories.lives import Life
from tests.factories.models import make_model
from tests.ratchet.cli.conftest import Ratchet

# The hour that New York's clock never shows, a week 53, a leap day.
FIRST: dict[Cadence, str] = {"hour": "2024-03-10T00Z", "week": "2020-W46", "month": "2023-05"}


@pytest.mark.parametrize("cadence", sorted(set(get_args(Cadence)) - {"day"}))
def test_a_first_load_a_champion_and_a_night_watched(ratchet: Ratchet, life: Life, cadence: Cadence):
    calendar, first = Calendar("America/New_York", cadence), FIRST[cadence]
    spans = calendar.range(first, calendar.shift(first, 12))
    name = f"{cadence}ly"
    changes = {"source.span": cadence, "source.first_span": first}
    model = make_model(life("loaded").project, name, changes)
    (model.path / "histograms.yaml").write_text(
        (model.path / "histograms.yaml").read_text().replace("2024-03-01", first)
    )

    answer = ratchet(model, "run", name, "--load-from", first, "--from", spans[-2], "--to", spans[-1])
    assert (answer.code, answer.err) == (0, "")
    loaded, watched = answer.out.splitlines()
    assert loaded.startswith(f"{spans[-2]} | 1800 rows in, 1800 kept, 0 quarantined; 1650 outcomes | not scored")
    assert "request | gate: pass (cold start)" in loaded
    assert loaded.endswith("promote: version 1 is champion since entry 2")
    assert watched.startswith(
        f"{spans[-1]} | 150 rows in, 150 kept, 0 quarantined; 150 outcomes | 150 examples scored by version 1 | "
    )

    examples = SpanTable(f"{model.project.home}/tables/{name}/examples")
    assert examples.spans() == spans == sorted(ManifestStore(model.store, model.id, "examples").validated())
    rows = examples.read(spans, columns=["span", "sent_at"])
    assert [calendar.containing(instant) for instant in rows["sent_at"]] == rows["span"].to_list()
    assert rows.height == 13 * 150
