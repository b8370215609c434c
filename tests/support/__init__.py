"""Shared by the tests: nothing of it ships."""
