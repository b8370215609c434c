"""The other side of each figure: what a person would write by hand, and single parts of ours run alone."""
