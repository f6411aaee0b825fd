"""Every message of a corpus through `postern ingest` and a running gateway: each ends in exactly one outcome, none dead."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.running import POSTERN, Running


def main(corpus: Path) -> int:
    messages = [json.loads(line) for line in (corpus / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    files = [corpus / message["file"] for message in messages if message["kind"] == "eml"]
    with tempfile.TemporaryDirectory() as folder, Running(Path(folder) / "desk", "hosting") as gateway:

        def ingest(file: Path) -> int:
            command = [*POSTERN, "ingest", "--to", "support@desk.test", str(file)]
            return subprocess.run(command, env=gateway.environment, check=False).returncode

        with ThreadPoolExecutor(2) as pool:
            codes = Counter(pool.map(ingest, files))
        gateway.run("drain", "--timeout", "300")
        rows = gateway.json("journal")
        tickets = {ticket["tag"] for ticket in gateway.json("tickets")}
    outcomes = Counter(row["outcome"] for row in rows)
    print(f"{len(files)} messages, exit codes {dict(codes)}, outcomes {dict(outcomes)}, {len(tickets)} tickets")
    unknown = [row["id"] for row in rows if row["ticket"] and row["ticket"] not in tickets]
    contents = {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    lost = contents - {row["sha256"] for row in rows}
    good = codes == {0: len(files)} and len(rows) == len(files) and not unknown and not lost
    if not good or outcomes["dead"] or None in outcomes:
        print(f"WRONG: {len(lost)} messages are not in the journal, rows on no ticket: {unknown[:5]}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
