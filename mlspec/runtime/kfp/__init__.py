"""What Kubeflow Pipelines wants to know of a stage that ran: artifacts with metadata, and what its page draws."""
