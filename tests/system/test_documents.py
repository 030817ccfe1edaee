"""What the documents promise, checked against the code and the measured figures."""

import ast
import json
import re
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from fashion_edge import __version__

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ROOT_PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = [*ROOT_PAGES, *sorted(DOCS.rglob("*.md"))]
README = PAGES[0].read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results"
SHIPPED = ROOT / "edge/fashion_edge/shipped_bundle/manifest.json"
PACKAGES = {
    "fashion_edge": ROOT / "edge",
    "fashion_render": ROOT / "edge",
    "fashion_train": ROOT / "train",
    "fashion_export": ROOT / "export",
    "fashion_bench": ROOT / "benchmarks",
}
COMMANDS = {
    "train": "fashion_train.cli",
    "export": "fashion_export.cli",
    "edge": "fashion_edge.cli.options",
    "bench": "fashion_bench.cli",
    "doctor": "fashion_edge.doctor.command",
}


def every_page() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def flags_of(name: str) -> set[str]:
    command = import_module(COMMANDS[name]).command
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    options = [flag for each in commands for option in each.params for flag in (*option.opts, *option.secondary_opts)]
    return {flag for flag in options if flag.startswith("--")} | {"--help"}


def measured(name: str) -> dict:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_of_a_command_is_described(name):
    text = every_page()
    assert not {flag for flag in flags_of(name) if not re.search(rf"{flag}(?![\w-])", text)}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_of_a_command_is_generated_from_its_options(name):
    page = (DOCS / "reference" / f"fashion-{name}.md").read_text(encoding="utf-8")
    module = re.search(r":module: (\S+)\n +:command: command\n", page)[1]
    assert getattr(import_module(module), "command", None) is import_module(COMMANDS[name]).command


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_80_columns_and_has_examples_and_exit_statuses(name):
    printed = CliRunner().invoke(import_module(COMMANDS[name]).command, ["--help"], terminal_width=80).output
    assert not [line for line in printed.splitlines() if len(line) > 80]
    assert "Example" in printed
    assert "Exit status" in printed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_its_version(name):
    printed = CliRunner().invoke(import_module(COMMANDS[name]).command, ["--version"])
    assert printed.output == f"fashion-{name} {__version__}\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_command_lines_of_a_page_use_flags_that_exist(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"\bfashion-(train|export|edge|bench|doctor)( [^\n`|;&]*)", text)
    used = {(name, flag) for name, rest in lines for flag in re.findall(r" (--[a-z][\w-]*)", rest)}
    assert not {(name, flag) for name, flag in used if flag not in flags_of(name)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files_and_headings(page):
    text = page.read_text(encoding="utf-8")
    broken = []
    for link, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", text):
        target = page.parent / link if link else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(f"{link}#{anchor}")
    broken += [name for name in re.findall(r'--8<-- "([^":]+)', text) if not (ROOT / name).is_file()]
    assert not broken


def test_every_example_is_on_a_page():
    shown = set(re.findall(r'^--8<-- "(examples/\w+\.py)"$', every_page(), re.MULTILINE))
    assert shown == {f"examples/{file.name}" for file in (ROOT / "examples").glob("*.py")}


def test_every_page_is_in_the_navigation_of_the_site():
    def pages_of(entry):
        if isinstance(entry, str):
            return [entry]
        values = entry.values() if isinstance(entry, dict) else entry
        return [page for value in values for page in pages_of(value)]

    nav = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), yaml.BaseLoader)["nav"]
    assert sorted(pages_of(nav)) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def public_names(package: str) -> list[str]:
    tree = ast.parse((PACKAGES[package] / package / "__init__.py").read_text(encoding="utf-8"))
    targets = ((node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign))
    return next((ast.literal_eval(value) for name, value in targets if getattr(name, "id", "") == "__all__"), [])


@pytest.mark.parametrize("package", PACKAGES)
def test_the_reference_shows_every_public_name_and_nothing_else(package):
    page = (DOCS / "reference" / f"python-{package.removeprefix('fashion_')}.md").read_text(encoding="utf-8")
    assert f"\n::: {package}\n" in page
    assert public_names(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_in_examples_are_of_public_names(package):
    text = every_page()
    imported = re.findall(rf"from {package} import ([\w, ]+)", text)
    names = {name.strip() for line in imported for name in line.split(",")}
    assert names <= set(public_names(package))
    assert not re.findall(rf"from {package}\.\w+ import", text)


def test_modules_that_the_architecture_names_exist():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    roots = [folder / package for package, folder in PACKAGES.items()] + [ROOT]
    named = {name.rstrip("/") for name in re.findall(r"`([a-z_0-9]+(?:/[a-z_0-9]+)*/?(?:\.py)?)`", text)} - set(
        PACKAGES
    )
    named -= {"preprocess()", "run", "put"}
    missing = {
        name for name in named if not any((root / name).exists() or (root / f"{name}.py").is_file() for root in roots)
    }
    assert len(named) > 20
    assert not missing


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 130


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert (citation["version"], str(citation["date-released"])) == changelog[0]
    assert citation["version"] == __version__


def test_the_table_of_peers_holds_what_was_measured():
    rows = re.findall(r"^\| .+ \| ([\d.]+) ms \| (\d+) \| ([\d.]+)x \|$", README, re.MULTILINE)
    peers = measured("peers-x86-64.json")["rows"]
    assert len(rows) == len(peers)
    for row, peer in zip(rows, peers, strict=True):
        assert float(row[0]) == pytest.approx(peer["p50_ms"], rel=0.01)
        assert int(row[1]) == pytest.approx(peer["frames_per_second"], abs=0.51)
        assert float(row[2]) == pytest.approx(peer["against"]["ours-int8"]["times"], rel=0.01)
    manifest = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert measured("peers-x86-64.json")["models"]["int8"] == manifest["variants"][0]["sha256"]
    blocks = peers[0]["samples_ms"]
    assert f"--rounds {len(blocks)} --frames {len(blocks[0])}" in " ".join(README.split())


def test_the_figures_of_inference_are_the_measured_medians_with_their_counts():
    p50, count = {}, {}
    for result in measured("shipped-x86-64.json")["results"]:
        if result["runtime"] == "litert" and result["threads"] == 1:
            p50[result["precision"]], count[result["precision"]] = result["p50_ms"], len(result["samples_ms"])
    figures = f"int8 {p50['int8']:.3f} ms, float32 {p50['float32']:.3f} ms"
    assert f"{figures} (medians of {count['int8']:,} and {count['float32']:,} samples)" in " ".join(README.split())


def test_the_figures_of_the_shipped_bundle_are_those_of_its_manifest():
    manifest = json.loads(SHIPPED.read_text(encoding="utf-8"))
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
