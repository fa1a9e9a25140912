"""Private nodes of RabbitMQ and PostgreSQL: for the demo of the cluster and for the tests, never for operation."""
