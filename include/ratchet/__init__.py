"""What Ratchet decides: spans, statistics, verdicts, the gate, the ledger. Never imports Airflow."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("ratchet-ml")
