"""From a data file to a first spec: what its columns hold, what they probably are, and the text that says so."""
