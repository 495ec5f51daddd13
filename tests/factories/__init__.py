"""Generated model folders, and lives of them that tests start from."""
