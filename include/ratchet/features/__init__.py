"""Row-level derived columns, and the transform that is fitted inside the model."""
