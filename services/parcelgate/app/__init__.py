"""The top floor: the command line, the topology and the all-in-one gateway."""
