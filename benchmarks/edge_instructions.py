"""Instructions per frame and stage of the live loop on aarch64, free of the noise of timing; needs root.

    make .devices/ready
    sudo .devices/venv/bin/python benchmarks/edge_instructions.py --against COMMIT

The virtual machine of `make test-v4l2` runs with QEMU's `-icount shift=0`: an instruction takes a nanosecond of its
clock, kernel included. So the stages that fashion-edge times are counts; they repeat within a percent. Instructions are
not time: a Cortex-A72 executes one to two in a cycle, and waits for memory.

Every frame of the rendered demo, 640x480, is decoded, labelled, drawn and written as a JSON line in one thread. `own`
is the sum without decoding and inference, which FFmpeg and LiteRT do. COMMIT is counted in the same machine.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fashion_edge.typed_json import encode_json

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "system" / "devices"))

FRAMES = 150
TIMEOUT_S = 1800.0
OTHERS = ("capture", "infer")  # work of FFmpeg and LiteRT


def main(argv: Sequence[str] | None = None) -> int:
    """Boot the machine, print the table, write it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", metavar="COMMIT", help="count this commit as well")
    parser.add_argument("--json", type=Path, help="write the counts here")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    args = parser.parse_args(argv)
    trees = {"after": zip_tree()} | ({"before": zip_commit(args.against)} if args.against else {})
    counts = run_machine(trees)
    document = {
        "command": "benchmarks/edge_instructions.py" + (f" --against {args.against}" if args.against else ""),
        "machine": {"cpu": "Cortex-A72, by QEMU", "cores": 1},
        "frames": FRAMES,
        "commits": {"before": args.against, "after": describe_commit()},
        "runtime": {name: version(name) for name in ("ai-edge-litert", "numpy", "opencv-python-headless")},
        "counts": counts,
    }
    print(to_markdown(document))
    if args.json:
        args.json.write_bytes(encode_json(document, indent=1) + b"\n")
    if args.markdown:
        args.markdown.write_text(to_markdown(document) + "\n")
    return 0


def describe_commit() -> str:
    """This tree's commit; `-dirty` with changes that are not committed."""
    return git("describe", "--always", "--dirty", "--exclude=*").decode().strip()


def git(*argv: str) -> bytes:
    """What a git command prints."""
    return subprocess.run(["git", "-C", str(REPOSITORY), *argv], stdout=subprocess.PIPE, check=True).stdout


def zip_commit(commit: str) -> bytes:
    """The edge package of a commit."""
    return git("archive", "--format=zip", commit, "edge")


def zip_tree() -> bytes:
    """The edge package of this tree."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for file in sorted(REPOSITORY.glob("edge/**/*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(REPOSITORY))
    return data.getvalue()


def run_machine(trees: dict[str, bytes]) -> dict[str, dict[str, dict[str, int]]]:
    """Counts by tree, then `drawn` and `not drawn`, then stage."""
    from testbed import machine
    from testbed.host import why_not
    from testbed.wheels import build_wheel

    from fashion_render.demo import write_clip

    if reason := why_not():
        raise SystemExit(f"edge_instructions: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder, "clip.mp4")
        write_clip(clip, FRAMES)
        files = {"clip.mp4": clip.read_bytes(), **{f"{name}.zip": data for name, data in trees.items()}}
        tools = machine.build(build_wheel(Path(folder)), files)
    started = time.monotonic()
    text = machine.boot(tools, TIMEOUT_S, "instructions.sh", machine.COUNTING)
    print(f"the machine ran for {time.monotonic() - started:.0f} s", file=sys.stderr)
    facts = [json.loads(line[5:]) for line in text.splitlines() if line.startswith("FACT ")]
    if len(facts) != len(trees):
        raise SystemExit(f"edge_instructions: the machine failed:\n{text[-3000:]}")
    return {fact.pop("tree"): fact for fact in facts}


def to_markdown(document: dict[str, Any]) -> str:
    """Thousands of instructions, a table for each way to run."""
    lines = []
    for way in ("drawn", "not drawn"):
        columns = {name: counts[way] for name, counts in sorted(document["counts"].items(), reverse=True)}
        rows = [(stage, [column[stage] for column in columns.values()]) for stage in columns["after"]]
        own = [sum(n for stage, n in column.items() if stage not in OTHERS) for column in columns.values()]
        lines += [f"| {way}, 1,000 instructions | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"]
        lines += [f"| {stage} | {' | '.join(f'{n / 1e3:,.1f}' for n in row)} |" for stage, row in [*rows, ("own", own)]]
        if len(own) == 2:
            lines += ["", f"Own work after / before: {own[1] / own[0]:.2f}"]
        lines += [""]
    commits = ", ".join(f"{name} {commit}" for name, commit in document["commits"].items() if commit)
    runtime = ", ".join(f"{name} {number}" for name, number in document["runtime"].items())
    lines += [
        "QEMU's aarch64 machine (Cortex-A72, one processor, `-icount shift=0`), Debian trixie.",
        f"Medians of {document['frames']} frames of 640x480 without the first 30; {commits}; {runtime}.",
        f"Command: `{document['command']}`",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
