"""Pilots and who works in them: what administrators run, without reading a story."""
