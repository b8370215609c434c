"""Fit one model on one part and package it."""

from mlspec.runtime.train.stage import run

__all__ = ["run"]
