"""The target `airflow`: a constant DAG file for Airflow 3, with the plan and its identifiers as JSON beside it."""

from mlspec_airflow.target import backend

__all__ = ["backend"]
