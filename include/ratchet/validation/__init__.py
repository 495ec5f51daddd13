"""Expectations of a model's data, their inference, and the verdict on a span."""
