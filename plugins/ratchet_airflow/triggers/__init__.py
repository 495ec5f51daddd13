"""What waits in the triggerer, where no worker slot is held."""
