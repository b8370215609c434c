"""The table of codes, one module per family; `mlspec.diagnostics.table` looks a code up."""
