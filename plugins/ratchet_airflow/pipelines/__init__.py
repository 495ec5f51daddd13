"""From a spec to its DAGs, one file a DAG. Wiring only: what is decided lives in ``ratchet``."""
