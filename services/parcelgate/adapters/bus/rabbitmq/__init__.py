"""The bus of the cluster: RabbitMQ, over plain connections that we supervise ourselves."""
