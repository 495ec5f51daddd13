"""Distances between stored statistics, and what counts as drift. Reads no example."""
