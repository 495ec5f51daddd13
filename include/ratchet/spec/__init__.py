"""The model spec: parsed once, at the edge, into frozen values."""
