"""The embedded bus: queues in the same SQLite file, for one gateway process."""
