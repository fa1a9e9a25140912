"""Bus, store and transport: the only floor that knows a database driver, a broker or a file system protocol."""
