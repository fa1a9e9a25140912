"""Buses: each keeps the promises of core.port.Bus."""
