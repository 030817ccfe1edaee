# make demo: the live pipeline on rendered garments.   make test: all tests.   Both start from a bare clone.
PYTHON ?= python3
SHELL = bash -o pipefail
PIP_INSTALL = -m pip install --disable-pip-version-check --constraint constraints.txt
SHOW_NAMES = sed -u -n -e 's/^Collecting \([^ ]*\).*/    fetching \1/p' -e 's/^\(Installing collected packages\).*/    \1/p' -e '/^ERROR/p'

.PHONY: demo test lint edge clean

demo: .venv-demo/ready
	@echo "==> labelling 10 seconds of rendered garments (no camera needed)"
	@.venv-demo/bin/fashion-edge --source demo --seconds 10 --headless \
		--jsonl demo-out/labels.jsonl --save demo-out/pictures --overwrite

test: .venv/ready
	@echo "==> running all tests"
	@.venv/bin/python -m pytest

lint: .venv/ready
	@echo "==> ruff, mypy, import-linter, deptry"
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/deptry .

# The wheel as a Pi gets it: no TensorFlow, one environment for each Python that is here.
edge: .venv/ready
	@echo "==> edge tests against the wheel, without TensorFlow"
	@.venv/bin/nox --session edge

.venv-demo/ready: pyproject.toml constraints.txt
	@echo "==> setting up .venv-demo with the edge alone (no TensorFlow); about half a minute"
	@$(PYTHON) -m venv .venv-demo
	@.venv-demo/bin/python $(PIP_INSTALL) --editable '.[headless]' 2>&1 | $(SHOW_NAMES)
	@touch $@

.venv/ready: pyproject.toml constraints.txt
	@echo "==> setting up .venv with everything, TensorFlow included; two to four minutes"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python $(PIP_INSTALL) --editable '.[dev]' 2>&1 | $(SHOW_NAMES)
	@touch $@

clean:
	rm -rf .venv .venv-demo .nox demo-out dist
