"""What administrators do with the whole service: serve it, check it, fill it, show it."""
