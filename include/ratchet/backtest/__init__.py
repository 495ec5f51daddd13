"""Replays of the past: models as they would have been trained then, scored on what came after."""
