"""Decide the gates from stored numbers, and stop a run whose gates failed."""
