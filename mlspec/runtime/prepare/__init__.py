"""From rows to parts and feature values."""
