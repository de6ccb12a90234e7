"""Curation: the queue, the review desk, themes and transitions."""
