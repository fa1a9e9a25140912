"""The embedded store: one SQLite file, one writer thread that commits whole batches."""
