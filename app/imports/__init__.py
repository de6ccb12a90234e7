"""Many recordings at once, each with a line of a table: by a facilitator through the browser, or from a folder."""
