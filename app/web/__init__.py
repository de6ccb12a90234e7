"""What pages share: templates, static files, and the few functions that render them."""
