"""Webhooks: where a pilot's own systems are told of releases and recalls; its curators set them up."""
