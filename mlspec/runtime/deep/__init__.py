"""Train one network on one part and package it: `stage.run` is the stage."""
