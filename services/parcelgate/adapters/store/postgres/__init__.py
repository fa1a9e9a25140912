"""The store of the cluster: PostgreSQL."""
