"""Resumable uploads: tus 1.0.0, for recordings of stories."""
