"""From the files and databases of a source to one typed, verified table."""
