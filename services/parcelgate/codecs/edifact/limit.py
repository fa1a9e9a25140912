"""Limits of the EDIFACT engine: for each segment, each message header and each item, never for the interchange."""

# What is decoded at once, bytes.
PIECE = 64 * 1024
# Smaller parts are put together first, bytes.
PIECE_LEAST = 4 * 1024
# Text before UNA or UNB, and the service string and UNB themselves, bytes.
BEFORE = 4 * 1024
OPENING = 8 * 1024
# One segment, bytes; after a longer one nothing more of the document is read.
SEGMENT = 64 * 1024
# One item: segments, characters; a larger one is rejected.
ITEM_SEGMENTS = 20_000
ITEM = 1024 * 1024
# Segments of a message that stand in no item.
HEADER_SEGMENTS = 2_000
# Shapes of items (shape.py): a recipe is written after so many of a kind, so many of one shape; shapes with recipes, and met.
SHAPE_TIMES = 3
RECIPES = 8
SHAPES = 512
SHAPES_MET = 4096
# Faults listed for one item, and for all that stands beside the items.
FAULTS_OF_ONE = 100
# Message references of one interchange that are held against each other.
REFERENCES = 10_000
