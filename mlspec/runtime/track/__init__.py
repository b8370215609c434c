"""Write what a run found into MLflow, and register what its gates let pass."""
