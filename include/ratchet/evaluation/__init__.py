"""Metrics with intervals, baselines, slices, the paired comparison of contenders, and the gate."""
