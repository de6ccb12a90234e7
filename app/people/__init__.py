"""Signing in and out, one-time links, API keys."""
