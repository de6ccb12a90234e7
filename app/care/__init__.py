"""Care: concerns about a story, embargoes, and lifting them by somebody with a name."""
