"""Pages a person reads: HTML with plots, no script, nothing fetched."""
