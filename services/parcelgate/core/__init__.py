"""The bottom floor: identifiers, faults, code lists, settings, clock, ports and the runner that owns transactions."""
