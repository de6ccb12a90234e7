"""Charts: what the stories that a reader may read have in common, where people would rather look than read."""
