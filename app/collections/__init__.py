"""Collections: chosen by a pilot's team, released as numbered states, pulled in the formats they use."""
