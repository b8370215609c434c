"""Train a network with Keras on TensorFlow, behind the `train` stage of `mlspec.runtime.deep`."""
