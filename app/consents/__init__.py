"""Consent: recording it, showing what it allows and why, and withdrawing a story."""
