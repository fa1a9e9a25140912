"""The EDIFACT engine (ISO 9735, syntax versions 1 to 4): interchanges to records and back, one item at a time."""
