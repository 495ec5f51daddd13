"""The scoring service: one champion, answered over HTTP, every answer on record."""
