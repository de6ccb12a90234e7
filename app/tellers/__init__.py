"""Tellers at their own door: what is held of a story, what they allow, what came of it, and the way back."""
