"""What happens to a recording, in order: inspect, render, transcribe, tag, index."""
