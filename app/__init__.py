"""What people and programs meet: pages, the API, the command line."""
