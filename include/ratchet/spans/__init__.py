"""Spans: their keys, their sources, their ingestion, and the record formats of what they hold."""
