"""Realised quality, staleness, and the decision to retrain."""
