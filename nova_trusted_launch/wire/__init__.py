"""The shared language of hosts, schedulers, clients and the service."""
