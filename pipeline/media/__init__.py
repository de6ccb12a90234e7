"""Decoding and encoding: ffmpeg in a cage, what a recording is, and what is made from it."""
