"""Serve the fake package as a real process: `python serve_fake.py FOLDER CONFIG.json`, the address on stderr."""

import json
import os
import sys
import time
from pathlib import Path

from mlspec.runtime.serve.config import read_config
from mlspec.runtime.serve.listen import Listen
from mlspec.runtime.serve.main import serve_package

sys.path.insert(0, str(Path(__file__).parent))
from fake_package import FakePackage


class SlowPackage(FakePackage):
    """Takes ten seconds a call when asked by the age 90, one by the age 89. Another digest is another model: it scores the opposite."""

    digest = os.environ.get("FAKE_DIGEST", FakePackage.digest)

    def score(self, records):
        time.sleep(max({90: 10.0, 89: 1.0}.get(record["age"], 0.0) for record in records))
        found = super().score(records)
        if self.digest != FakePackage.digest:
            found.score = 1 - found.score
        return found


if __name__ == "__main__":
    folder, config = Path(sys.argv[1]), json.loads(sys.argv[2])
    listen = Listen(**{"port": 0, **(json.loads(sys.argv[3]) if len(sys.argv) > 3 else {})})
    sys.exit(serve_package(lambda: SlowPackage(folder / "package"), read_config(config), listen, project_root=folder))
