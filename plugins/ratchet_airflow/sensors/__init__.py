"""Sensors: they wait without a worker slot, and are done at once when what they wait for is there."""
