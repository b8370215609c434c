"""The calls that stand as field values in `train`: group -> (name, parameters, built, doc)."""

R = ...

_RATE = ("lr", ("float", 0, None), R, "The learning rate, above 0.")
_BETAS = (
    ("beta1", ("float", 0, 1), 0.9, "How slowly the mean of the gradients forgets."),
    ("beta2", ("float", 0, 1), 0.999, "How slowly the mean of their squares forgets."),
)
_WARMUP = ("warmup", ("ratio", 0, 1), 0.0, "The share of all updates in which the rate rises linearly to its full value.")
_FINAL = ("final", ("ratio", 0, 1), 0.0, "What is left of the rate at the end.")
_PROCESSES = (
    ("nodes", ("int", 1, 1_024), 1, "Machines."),
    (
        "gpus_per_node",
        ("int", 0, 1_024),
        0,
        "GPUs of each machine, each with a process of its own; 0: the processes share its cores.",
    ),
    ("processes", ("int", 1, 1_024), None, "Processes of each machine where none has a GPU; absent: 1."),
)
_EMBEDDING = ("embedding", ("int", 1, 8_192), 64, "How many numbers a word becomes.")
_HIDDEN = (
    "hidden",
    ("list", ("int", 1, 65_536), "repeats"),
    (),
    "The width of each layer after the text has become one vector.",
)
_DROPOUT = ("dropout", ("ratio", 0, 0.99), 0.0, "The share of outputs that is dropped while training.")

CALLS = {
    "network_of": (
        (
            "mlp",
            (
                ("hidden", ("list", ("int", 1, 65_536), "repeats"), R, "The width of each hidden layer; `[]` for none."),
                ("activation", ("enum", "relu", "gelu", "silu", "tanh"), "relu", "What follows each hidden layer."),
                ("dropout", ("ratio", 0, 0.99), 0.0, "The share of a hidden layer's outputs that is dropped while training."),
                ("norm", ("enum", "none", "batch", "layer"), "none", "How a hidden layer's outputs are normalised."),
            ),
            True,
            "A multilayer perceptron over columns of numbers.",
        ),
        (
            "resnet",
            (
                ("blocks", ("int", 1, 1_000), 2, "How many residual blocks."),
                ("width", ("int", 1, 65_536), 128, "The width of what the blocks add to."),
                ("widening", ("float", 0.01, 64), 2.0, "How much wider a block is inside."),
                ("dropout", ("ratio", 0, 0.99), 0.0, "The share of outputs that is dropped while training."),
            ),
            True,
            "A residual network over columns of numbers, with batch norms (Gorishniy et al. 2021).",
        ),
        (
            "cnn",
            (
                (
                    "channels",
                    ("list", ("int", 1, 4_096), "repeats"),
                    (16, 32),
                    "How many channels each stage has; each but the first halves the image.",
                ),
                ("kernel", ("int", 1, 15), 3, "How many pixels high and wide a filter is."),
                ("layers", ("int", 1, 16), 1, "How many convolutions a stage has."),
                (
                    "pool",
                    ("enum", "average", "flatten"),
                    "average",
                    "What of the last stage is read: each channel's mean, or all of it.",
                ),
                ("dropout", ("ratio", 0, 0.99), 0.0, "The share of what is read that is dropped while training."),
            ),
            True,
            "A convolutional network over an image: stages of convolutions with batch norms, and a linear layer at the end.",
        ),
        (
            "timm.*",
            (
                ("pretrained", "bool", False, "Whether training starts from weights that are there already."),
                (
                    "weights",
                    "string",
                    None,
                    "Their file in the project, `.safetensors`; with a `revision` the model's name on the hub.",
                ),
                ("digest", "string", None, "The file must have this digest, `sha256:…`; a run says which one it has found."),
                ("revision", "string", None, "The commit of the hub, 40 hexadecimal digits; a run fetches none."),
                ("dropout", ("ratio", 0, 0.99), 0.0, "The share of what the last layer reads that is dropped while training."),
                ("freeze", "bool", False, "Whether only the last layer is trained."),
            ),
            True,
            "A network over an image, by its name in the library `timm`: `timm.resnet18()`.",
        ),
        (
            "bag",
            (_EMBEDDING, _HIDDEN, _DROPOUT),
            True,
            "The mean of the vectors of a text's words, whatever their order, and layers after it.",
        ),
        (
            "text_cnn",
            (
                _EMBEDDING,
                ("channels", ("int", 1, 65_536), 64, "How many filters of each width."),
                ("widths", ("list", ("int", 1, 100)), (3, 4, 5), "Over how many neighbouring words the filters go."),
                _HIDDEN,
                _DROPOUT,
            ),
            True,
            "Filters over neighbouring words of a text (Kim 2014).",
        ),
        (
            "text_transformer",
            (
                _EMBEDDING,
                ("layers", ("int", 1, 100), 2, "How many layers."),
                ("heads", ("int", 1, 1_024), 4, "In how many ways a layer looks at the other words."),
                ("widening", ("float", 0.01, 64), 2.0, "How much wider a layer is inside."),
                _HIDDEN,
                _DROPOUT,
            ),
            True,
            "A small transformer encoder over the words of a text.",
        ),
        (
            "transformers.AutoModelForSequenceClassification",
            (
                ("model", "string", R, "The folder of the model in the project; with a `revision` its name on the hub."),
                (
                    "digest",
                    "string",
                    R,
                    "What is read of it must have this digest, `sha256:…`; a run says which one it has found.",
                ),
                ("length", ("int", 2, 8_192), 128, "How many tokens of a text are read."),
                ("revision", "string", None, "The commit of the hub, 40 hexadecimal digits; a run fetches none."),
                ("freeze", "bool", False, "Whether the model stays as it is, and only what is put behind it is trained."),
            ),
            True,
            "A pretrained model of the library `transformers`, trained further, with its own tokenizer.",
        ),
    ),
    "optimise_by": (
        (
            "adamw",
            (_RATE, ("weight_decay", ("float", 0, None), 0.01, "The decay of weights, apart from the gradient."), *_BETAS),
            True,
            "AdamW.",
        ),
        (
            "adam",
            (_RATE, ("weight_decay", ("float", 0, None), 0.0, "The decay of weights, as part of the gradient."), *_BETAS),
            True,
            "Adam.",
        ),
        (
            "sgd",
            (
                _RATE,
                ("momentum", ("float", 0, 1), 0.0, "The momentum."),
                ("nesterov", "bool", False, "Nesterov's momentum."),
                ("weight_decay", ("float", 0, None), 0.0, "The decay of weights, as part of the gradient."),
            ),
            True,
            "Stochastic gradient descent.",
        ),
    ),
    "schedule_by": (
        ("cosine", (_WARMUP, _FINAL), True, "The rate falls along half a cosine."),
        ("linear", (_WARMUP, _FINAL), True, "The rate falls along a line."),
        (
            "one_cycle",
            (
                ("warmup", ("ratio", 0, 1), 0.3, "The share of all updates in which the rate rises."),
                ("start", ("ratio", 0, 1), 0.04, "With what of the rate it starts."),
                ("final", ("ratio", 0, 1), 4e-6, "What is left of the rate at the end."),
            ),
            True,
            "The rate rises and falls once, along cosines.",
        ),
        (
            "step",
            (
                ("every", ("int", 1, None), R, "After how many epochs the rate falls."),
                ("factor", ("ratio", 0, 1), 0.1, "What is left of it each time."),
                _WARMUP,
            ),
            True,
            "The rate falls in steps.",
        ),
        (
            "plateau",
            (
                (
                    "epochs",
                    ("int", 1, None),
                    R,
                    "After how many epochs without gain on the metric of `stop_early` the rate falls.",
                ),
                ("factor", ("ratio", 0, 1), 0.1, "What is left of it each time."),
                _WARMUP,
            ),
            True,
            "The rate falls when nothing is gained.",
        ),
    ),
    "strategy_by": (
        ("single", (("gpus", ("int", 0, 1), 0, "Whether the one device is a GPU."),), True, "One device."),
        ("ddp", _PROCESSES, True, "Processes that each learn from a share of every batch, with all of the weights."),
        ("fsdp", _PROCESSES, True, "The same, each process with a share of the weights and of what the optimiser keeps."),
        (
            "ray",
            (
                ("workers", ("int", 1, 4_096), R, "How many processes, each where the cluster has room for it."),
                ("gpus", ("int", 0, 1), 0, "Whether each of them has a GPU."),
                (
                    "address",
                    "string",
                    "auto",
                    "Host and port of a running cluster; `auto`: the one of this machine, or of RAY_ADDRESS.",
                ),
            ),
            True,
            "As `ddp`, the processes being workers of Ray Train.",
        ),
    ),
    "stop_by": (
        (
            "patience",
            (
                ("epochs", ("int", 1, None), R, "Epochs without gain."),
                ("on", "metric", R, "The metric."),
                ("part", "part", R, "The rows it is taken on."),
                ("min_gain", "points", 0.0, "A gain below it counts as none."),
            ),
            True,
            "Ends when nothing is gained; the epoch that was best counts.",
        ),
    ),
    "checkpoint_by": (
        (
            "keep",
            (
                ("best", ("int", 0, None), 1, "Of how many of the best epochs the weights are kept."),
                ("last", ("int", 1, None), 1, "How many of the last states are kept, to go on from."),
                (
                    "every",
                    "duration",
                    None,
                    "The time between two states; absent: at the end of an epoch, at most one in five seconds.",
                ),
            ),
            True,
            "Kept states.",
        ),
    ),
    "board_of": (
        (
            "board",
            (
                ("scalars", "bool", True, "Curves."),
                ("images", ("int", 0, None), 0, "Images an epoch."),
                ("profile_steps", ("int", 0, None), 0, "Steps that are profiled."),
            ),
            True,
            "TensorBoard.",
        ),
    ),
}
