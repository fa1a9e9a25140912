"""Limits of the JSON engine: for each item and for what stands around the items, never for the document."""

# What is taken from the sender's parts at once, bytes.
PIECE = 64 * 1024
# One item, or all that stands beside the items, bytes; a larger item is rejected.
ITEM = 1024 * 1024
# Characters without the end of an item, after which nothing more of the document is read.
GAP = 4 * ITEM
# One item: objects and arrays inside each other; values.
DEPTH = 64
VALUES = 40_000
# Names beside the items.
MEMBERS = 1_000
# One number: characters, and digits before or behind its point once it is written without exponent.
NUMBER = 64
# Faults listed for one item; of one document's unknown names.
FAULTS_OF_ONE = 100
