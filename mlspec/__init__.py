"""The mlspec compiler."""
