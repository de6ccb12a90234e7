"""Whether the service lives and is ready: for load balancers, containers and people who watch."""
