"""Score packages on held-out rows: metrics, intervals, slices and the curves of the report."""
