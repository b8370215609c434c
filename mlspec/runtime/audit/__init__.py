"""The audit log of a project: what was released, served and overridden, chained so that no edit goes unseen."""
