"""The endpoint of the script by hand: FastAPI over onnxruntime: `python -m benchmarks.peers.census_served FOLDER PORT`."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

FOLDER = Path(sys.argv[1])
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.intra_op_num_threads = 1
SESSION = onnxruntime.InferenceSession(FOLDER / "model.onnx", OPTIONS, providers=["CPUExecutionProvider"])
TRANSFORM = json.loads((FOLDER / "transform.json").read_text())
app = FastAPI()


class Person(BaseModel):
    """One request."""

    age: int = Field(ge=17, le=90)
    workclass: str | None
    education_num: int = Field(ge=1, le=16)
    occupation: str | None
    relationship: str
    capital_gain: int = Field(ge=0, le=99_999)
    capital_loss: int = Field(ge=0, le=4_356)
    hours_per_week: int = Field(ge=1, le=99)


def features(person: Person) -> np.ndarray:
    """The row of the matrix."""
    row = [(getattr(person, name) - centre) / TRANSFORM["width"][name] for name, centre in TRANSFORM["centre"].items()]
    row += [math.log1p(person.capital_gain), math.log1p(person.capital_loss)]
    for name, values in TRANSFORM["values"].items():
        given = getattr(person, name) or "missing"
        row += [float(given == value) for value in values]
    return np.array([row], dtype=np.float32)


@app.get("/ready")
async def ready() -> dict[str, bool]:
    """Whether the model is loaded."""
    return {"ready": True}


@app.post("/predict")
async def predict(person: Person) -> dict[str, float]:
    """The probability of an income above 50K."""
    _, scores = SESSION.run(None, {"X": features(person)})
    return {"score": float(np.asarray(scores)[0, 1])}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
