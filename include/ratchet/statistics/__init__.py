"""One scan of a span gives mergeable statistics; windows are compared by merging them, never by reading again."""
