"""Fits that are shared among the workers of a Dask cluster."""
