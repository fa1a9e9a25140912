"""Limits of the XML engine: for each item and for the header, never for the document."""

# What is handed to the parser at once, bytes.
PIECE = 64 * 1024
# Everything before the root element, bytes.
PROLOG = 64 * 1024
# One item, bytes; a larger one is rejected.
ITEM = 1024 * 1024
# Bytes without the end of an item, after which nothing more of the document is read.
GAP = 4 * ITEM
# One item: elements, attributes, depth.
ELEMENTS = 40_000
ATTRIBUTES = 2_000
DEPTH = 64
# Attributes of the root element.
ROOT_ATTRIBUTES = 64
# Faults listed for one item; of one document's unknown names.
FAULTS_OF_ONE = 100
# Shapes of items (shape.py): written after so many times, so many a format, of so many elements; met and remembered.
SHAPE_TIMES = 8
SHAPES = 512
SHAPE_ELEMENTS = 400
SHAPES_MET = 4096
# Shapes are tried on so many items; if fewer than half had one met before, the next so many are read without.
SHAPES_TRIED = 250
SHAPES_LEFT_ALONE = 10_000
# Bad items of an interchange that are explained in full.
EXPLAINED = 200
