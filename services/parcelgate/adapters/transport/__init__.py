"""Transports: how bytes come from and go to partners."""
