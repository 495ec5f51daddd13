"""From a table to a model folder: ``ratchet new``."""
