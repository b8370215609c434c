"""The calls that stand as field values in blocks of serving and scoring: group -> (name, parameters, built, doc)."""

R = ...

CALLS = {
    "serve_by": (
        (
            "fastapi",
            (
                ("host", "string", "127.0.0.1", "The address it listens on.", "loosening"),
                ("port", ("int", 1, 65_535), 8080, "The port."),
                ("workers", ("int", 1, 256), 1, "Processes."),
                ("token", "secret", None, "A bearer token that requests must carry.", "drop_loosens"),
            ),
            True,
            "Our server on FastAPI.",
        ),
        (
            "vllm",
            (
                ("tensor_parallel", ("int", 1, None), 1, "GPUs a replica."),
                ("max_context", ("int", 1, None), None, "Tokens."),
                ("quantisation", ("enum", "awq", "gptq", "fp8"), None, "The number format."),
                ("prefix_cache", "bool", False, "Keeps what prompts share."),
            ),
            False,
            "vLLM.",
        ),
    ),
    "limit_by": (
        (
            "per",
            (
                ("unit", ("enum", "api_key", "address"), R, "For whom it counts."),
                ("rate", "rate", R, "How much."),
                ("burst", ("int", 1, None), None, "How many at once."),
            ),
            False,
            "A limit for each.",
        ),
    ),
    "arm_by": (
        (
            "traffic",
            (("model", "model", R, "The model."), ("share", ("ratio", 0, 1), R, "Its share.")),
            False,
            "A share of requests.",
        ),
    ),
    "table_to": (
        ("csv", (("path", "string", R, "The file, relative to the spec."),), True, "A CSV file."),
        ("parquet", (("path", "string", R, "The file, relative to the spec."),), True, "A parquet file."),
        ("jsonl", (("path", "string", R, "The file, relative to the spec."),), True, "One JSON object a line."),
    ),
}
