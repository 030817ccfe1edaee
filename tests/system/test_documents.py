"""What the documents promise, against the code and the measured figures."""

import json
import re
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fashion_edge import __version__

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = PAGES[0].read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results"
COMMANDS = {
    "train": "fashion_train.cli",
    "export": "fashion_export.cli",
    "edge": "fashion_edge.cli.options",
    "bench": "fashion_bench.cli",
    "doctor": "fashion_edge.doctor.command",
}
OF_ALL = {"--help", "--debug", "--version"}  # the README speaks of them once, for all


def flags_of(name: str) -> set[str]:
    command = import_module(COMMANDS[name]).command
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    options = [flag for each in commands for option in each.params for flag in (*option.opts, *option.secondary_opts)]
    return {flag for flag in options if flag.startswith("--")} | OF_ALL


def measured(name: str) -> dict:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_of_a_command_stands_in_the_documents(name):
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert not {flag for flag in flags_of(name) if not re.search(rf"{flag}(?![\w-])", text)}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_its_version(name):
    told = CliRunner().invoke(import_module(COMMANDS[name]).command, ["--version"])
    assert told.output == f"fashion-{name} {__version__}\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_of_a_page_has_flags_that_there_are(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"\bfashion-(train|export|edge|bench|doctor)( [^\n`|;&]*)", text)
    used = {(name, flag) for name, rest in lines for flag in re.findall(r" (--[a-z][\w-]*)", rest)}
    assert not {(name, flag) for name, flag in used if flag not in flags_of(name)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_modules_that_the_architecture_names_are_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    roots = [ROOT / "edge/fashion_edge", ROOT / "train/fashion_train", ROOT / "export/fashion_export"]
    roots += [ROOT / "benchmarks/fashion_bench", ROOT / "edge/fashion_edge/sinks"]
    known = {"fashion_edge", "fashion_train", "fashion_export", "fashion_bench", "view", "judge"}
    named = {name.split("(")[0].rstrip("/") for name in re.findall(r"`([a-z_/]+(?:\([a-z]*\))?)`", text)} - known
    assert len(named) > 20
    assert not [
        name for name in named if not any((root / name).exists() or (root / f"{name}.py").is_file() for root in roots)
    ]


def test_the_table_of_peers_holds_what_was_measured():
    rows = re.findall(r"^\| .+ \| ([\d.]+) ms \| (\d+) \| ([\d.]+)x \|$", README, re.MULTILINE)
    peers = measured("peers-x86-64.json")["rows"]
    assert len(rows) == len(peers)
    for row, peer in zip(rows, peers, strict=True):
        assert float(row[0]) == pytest.approx(peer["p50_ms"], rel=0.01)
        assert int(row[1]) == pytest.approx(peer["frames_per_second"], abs=0.51)
        assert float(row[2]) == pytest.approx(peer["against"]["ours-int8"]["times"], rel=0.01)
    manifest = json.loads((ROOT / "edge/fashion_edge/shipped_bundle/manifest.json").read_text(encoding="utf-8"))
    assert measured("peers-x86-64.json")["models"]["int8"] == manifest["variants"][0]["sha256"]
    blocks = peers[0]["samples_ms"]
    assert f"--rounds {len(blocks)} --frames {len(blocks[0])}" in " ".join(README.split())


def test_the_figures_of_inference_are_the_measured_medians_with_their_counts():
    p50, count = {}, {}
    for result in measured("shipped-x86-64.json")["results"]:
        if result["runtime"] == "litert" and result["threads"] == 1:
            p50[result["precision"]], count[result["precision"]] = result["p50_ms"], len(result["samples_ms"])
    figures = f"int8 {p50['int8']:.3f} ms, float32 {p50['float32']:.3f} ms"
    assert f"{figures} (medians of {count['int8']:,} and {count['float32']:,})" in " ".join(README.split())


def test_the_figures_of_the_bundle_that_ships_are_those_of_its_manifest():
    manifest = json.loads((ROOT / "edge/fashion_edge/shipped_bundle/manifest.json").read_text(encoding="utf-8"))
    run, size = manifest["provenance"]["run"], manifest["input"]
    stated = f"{manifest['variants'][0]['bytes']:,} bytes, {run['model']['parameters']:,} parameters"
    assert f"{stated}, {size['width']}x{size['height']} pixels" in README
    held_out = next(r["accuracy"] for r in measured("shipped-x86-64.json")["results"] if r["precision"] == "int8")
    assert measured("shipped-x86-64.json")["bundle"]["files"]["model.int8.tflite"] == manifest["variants"][0]["sha256"]
    int8 = {"val": manifest["variants"][0]["metrics"]["exact_match"], "test": held_out["exact_match"]}
    for side, name in (("val", "validation"), ("test", "test")):
        photos, tutorial = run["metrics"][side]["photos"], run["baseline"]["metrics"][side]
        row = re.search(rf"^\| {name} \(.*\) \| {photos} \|(.*) \|$", README, re.MULTILINE)
        _, exact, *others = (float(cell) for cell in re.findall(r"([\d.]+) %", row[1]))
        assert exact == round(100 * int8[side], 1)
        assert others == [round(100 * tutorial[key], 1) for key in ("label_accuracy", "exact_match")]
    assert held_out["photos"] == run["metrics"]["test"]["photos"]
