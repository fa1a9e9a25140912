"""The XML engine: documents in parts, one item's subtree at a time, against the format's schema and mapping; and back."""
