"""From speech to text: the engines, their weights, captions, and the process they run in."""
