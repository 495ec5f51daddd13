"""The window of a candidate, its search, its fit, and its track in MLflow."""
