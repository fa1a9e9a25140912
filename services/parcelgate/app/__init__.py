"""The top floor: the command line, the topology, the gateway in one process, and sample traffic."""
