"""Stories as they are sent: details, recordings, progress, and the media that people play."""
