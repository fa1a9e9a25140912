"""The JSON engine: documents in parts, one item at a time, against the rows of the format's mapping; and back."""
