"""What is durable of a run before it is acted on."""
