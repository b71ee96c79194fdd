"""From cheap scorers to dear ones: a dear one sees only what can still change the result."""
