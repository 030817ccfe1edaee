"""Words that readers cannot search for stay out of code, tests and documents."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUFFIXES = {".py", ".md", ".html", ".js", ".css", ".sh", ".yml", ".toml", ".cff"}
ALLOWED = {
    "tests/system/test_language.py",
}
PUBLIC_NAMES = ('"mend"', "`mend`", "--no-mend", "burst_p50_ms", "suspects.csv", "suspects.png", '"calm"')  # they stay
BANNED = {
    r"mend(s|ed|ing)?": "fix, repair; for int8: fold, equalize",
    r"judg(e|es|ed|ing|ement|ements)": "evaluate, metrics; for the export: gate",
    r"(model|is|are|be|stays?) silent|silences?": "no label above threshold, abstain; for output: prints nothing",
    r"taught|teacher marks": "soft labels, distillation",
    r"other things": "background images (out-of-distribution)",
    r"suspects?|doubtful": "likely label errors",
    r"bursts?|twins?": "near-duplicate groups; for timing: series",
    r"luck(y|ily)?": "chance, standard error, not significantly different",
    r"calm(s|ed|er|ly)?": "light augmentation, smooth, steady",
    r"wish(es|ed)?": "options, settings",
    r"asides?": "subprocess, separately",
    r"hush(ed|es)?": "suppress output",
    r"stillness": "frozen-feed detection",
    r"colours? (is|are) proved|proves? (the )?colours?": "colour self-test",
    r"eats?|eaten": "expects, consumes",
    r"anew": "again",
    r"beside": "next to",
    r"strangers?": "untrusted; another user",
    r"who(m)?ever": "a user who",
    r"goes on|went on": "continues",
    r"(is|are|was|were) asked for": "is requested, the option",
    r"holds? back": "low-confidence frames, hard examples",
    r"(?<!there )(is|are|was|were) no (?!(longer|more|better|worse|less)\b)[a-z]+": "is not ..., has no ...",
    r"(?<!there )(?-i:(is|are|was) none(?! of))": "is not ...",
    r"lest|thereof|whereof|whence|thence|hitherto|nought|naught|unto": "plain, present-day English",
}
PATTERN = re.compile(
    "|".join(
        [re.escape(name) for name in PUBLIC_NAMES]
        + [rf"(?P<w{i}>(?<![a-z])({word.replace(' ', '[ _]')})(?![a-z]))" for i, word in enumerate(BANNED)]
    ),
    re.IGNORECASE,
)


def tracked_files() -> list[Path]:
    """The files of the repository; without git, as in a source archive, nothing is checked."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.stdout.split("\0") if name and name not in ALLOWED]
    return [file for file in files if (file.suffix in SUFFIXES or file.name == "Makefile") and file.is_file()]


def find_banned(text: str) -> list[tuple[int, str, str]]:
    """Line, word and what to write in its place."""
    instead = list(BANNED.values())
    return [
        (text.count("\n", 0, match.start()) + 1, match[0], instead[int(match.lastgroup[1:])])
        for match in PATTERN.finditer(text)
        if match.lastgroup
    ]


def test_no_file_uses_a_banned_word() -> None:
    lines = [
        f"{file.relative_to(ROOT)}:{line}: {word!r}; write {instead}"
        for file in tracked_files()
        for line, word, instead in find_banned(file.read_text(encoding="utf-8"))
    ]
    print("\n".join(lines))
    assert not lines, f"{len(lines)} banned words"


@pytest.mark.parametrize(
    "text", ["mend_model", "mended", "eats bytes", "written anew", "this is no bundle", "Judge", "test_it_is_no_map"]
)
def test_a_banned_word_is_found_in_prose_and_in_names(text: str) -> None:
    assert find_banned(text)


@pytest.mark.parametrize(
    "text",
    ["recommend", "amended", "repeats", "there is no camera", "is None", '"mend": 1', "besides", "heats", "great"],
)
def test_words_that_only_contain_a_banned_one_are_fine(text: str) -> None:
    assert not find_banned(text)
