"""Transforms that are learned: on the fitting part of the model, anew in every fold, and stored in its package."""

R = ...
_ALL = ("duckdb", "python")

ROWS = (
    ("scale", "fitted", (("x", "number", R), ("method", "enum:standard|minmax|robust", "standard")), "float", "propagate", "keep", _ALL,
     True, "A number on a common scale.",
     "standard: (x - mean) / std; minmax: (x - min) / (max - min); robust: (x - median) / (q75 - q25); a divisor of 0 counts as 1", ""),
    ("fill", "fitted", (("x", "value", R), ("with", "filler", "median"), ("flag", "const:bool", False)), "filled", "accept", "keep", _ALL,
     True, "A value in place of null: the median or mean of the fitting rows, or a constant.", "", ""),
    ("onehot", "fitted", (("x", "string", R), ("max", "const:int", None)), "vector", "accept", "keep", _ALL, True,
     "One column of 0 and 1 for each category, the most frequent `max` of them; null and unknown values are all 0.", "", ""),
    ("ordinal", "fitted", (("x", "string", R),), "float", "propagate", "keep", _ALL, True,
     "The place of the category: in order of declaration, else in alphabetical order; unknown values are -1.", "", ""),
    ("target_rate", "fitted", (("x", "string", R), ("smoothing", "const:float", 20)), "float", "accept", "lower", _ALL, True,
     "The mean of the label among rows of the category, drawn to the overall mean; out-of-fold on the fitting rows.",
     "(n * mean_c + smoothing * mean) / (n + smoothing)", "Micci-Barreca 2001"),
    ("quantile_bucket", "fitted", (("x", "number", R), ("bins", "const:int", 10)), "float", "propagate", "keep", _ALL, True,
     "The number of the equally filled interval that x lies in, from 0.", "", ""),
    ("hash_bucket", "fitted", (("x", "string", R), ("buckets", "const:int", R)), "vector", "accept", "keep", _ALL, True,
     "One column of 0 and 1 for each bucket of a hash: for categories without a list.", "SHA-256 mod buckets", ""),
    ("tfidf", "fitted", (("x", "string", R), ("max_features", "const:int", 1000)), "vector", "accept", "keep", _ALL, True,
     "Weights of the most frequent words.", "tf * (ln((1 + n) / (1 + df)) + 1), rows of length 1", "Salton and Buckley 1988"),
    ("embed", "fitted", (("x", "string", R), ("model", "const:string", R)), "vector", "propagate", "keep", (), False,
     "The vector that a language model gives a text.", "", ""),
    ("pca", "fitted", (("*x", "number", R), ("components", "const:int", R)), "vector", "propagate", "keep", (), False,
     "The directions of greatest spread.", "", ""),
    ("select", "fitted", (("*x", "value", R), ("count", "const:int", R)), "vector", "propagate", "keep", (), False,
     "The columns that tell most of the label.", "", ""),
)
