"""Stores: each keeps the promises of core.port.Store."""
