"""The runtime: what executes one stage of a plan, on every target. Importing the package loads nothing of it."""
