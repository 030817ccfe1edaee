# make help lists the targets. make demo and make test work from a bare clone.
PYTHON ?= python3
SHELL = bash -o pipefail
PIP_INSTALL = -m pip install --disable-pip-version-check --constraint constraints.txt
# A virtual environment keeps the Python that created it, so a wrong version is refused first.
CHECK_PYTHON = command -v $(firstword $(PYTHON)) > /dev/null || { \
	echo "==> $(PYTHON) is not installed; install Python 3.11 to 3.13, or give another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; } && \
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit( \
	"==> $(PYTHON) is Python %d.%d; it must be 3.11 to 3.13: make PYTHON=python3.12 $(MAKECMDGOALS)" % v)'
SHOW_NAMES = sed -u -n -e 's/^Collecting \([^ ]*\).*/    fetching \1/p' -e 's/^\(Installing collected packages\).*/    \1/p' -e '/^ERROR/p'

# Tests that run in parallel; those with a browser, a broker or an RTSP server measure delays and run alone after them.
JOBS ?= 2
PARALLEL = -n $(JOBS) --dist loadfile

.PHONY: help demo test test-fast lint docs edge pictures clean

help: ## list the targets
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | \
		awk -F '|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: .venv-demo/ready ## label rendered garments for 10 seconds: no camera, no TensorFlow
	@echo "==> labelling 10 seconds of rendered garments (no camera needed)"
	@rm -rf demo-out
	@.venv-demo/bin/fashion-edge --source demo --seconds 10 --headless \
		--jsonl demo-out/labels.jsonl --save demo-out/pictures --overwrite

test: .venv/ready ## run all tests that need no special device
	@echo "==> running all tests; about 5 minutes on two cores"
	@.venv/bin/python -m pytest $(PARALLEL) -m "not devices and not browser and not broker"
	@.venv/bin/python -m pytest -m "browser or broker"

test-fast: .venv/ready ## run the quick tests, under a minute on two cores
	@echo "==> running the quick tests; less than a minute on two cores"
	@.venv/bin/python -m pytest -q $(PARALLEL) -m "not slow and not browser and not broker and not devices"

lint: .venv/ready ## check style, types, imports, dependencies and spelling
	@echo "==> ruff, mypy, import-linter, deptry, codespell"
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/deptry .
	@.venv/bin/codespell

docs: .venv/ready ## build the documentation site in site/; warnings are errors
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet

# The wheel as a Pi gets it: no TensorFlow, one environment for each installed Python.
edge: .venv/ready ## test the wheel without TensorFlow on every installed Python from 3.11 to 3.13
	@echo "==> edge tests against the wheel, without TensorFlow"
	@.venv/bin/nox --session edge

pictures: .venv/ready ## render the moving picture of the README again
	@.venv/bin/python docs/make_pictures.py

.venv-demo/ready: pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	@echo "==> setting up .venv-demo with the edge alone (no TensorFlow); about half a minute"
	@$(PYTHON) -m venv .venv-demo
	@.venv-demo/bin/python $(PIP_INSTALL) --editable '.[headless]' 2>&1 | $(SHOW_NAMES)
	@touch $@

.venv/ready: pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	@echo "==> setting up .venv with everything, TensorFlow included; two to four minutes"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python $(PIP_INSTALL) --editable '.[dev]' 2>&1 | $(SHOW_NAMES)
	@touch $@

clean: ## remove environments and everything that was built
	rm -rf .venv .venv-demo .nox .devices demo-out dist site

# Emulated devices: an arm64 userland, a virtual machine with a camera, libcamera. See docs/explanation/emulated-devices.md.
# Everything that is downloaded and built is in .devices; no mount, binfmt entry or process outlives a run.
DIES_WITH_MAKE = $(if $(shell command -v setpriv),setpriv --pdeathsig KILL)
DEVICE_TESTS_aarch64 = test_aarch64.py test_left_behind.py
DEVICE_TESTS_v4l2 = test_v4l2.py
DEVICE_TESTS_picamera = test_picamera.py

.PHONY: test-devices test-aarch64 test-v4l2 test-picamera
test-devices: test-aarch64 test-v4l2 test-picamera ## run the tests on emulated devices; needs root

test-aarch64 test-v4l2 test-picamera:
	@if [ "$$(id -u)" != 0 ]; then echo "==> $@ skipped: it needs root for namespaces of its own; sudo make $@"; exit 0; fi; \
	$(MAKE) --no-print-directory .devices/ready && echo "==> $@: one to three minutes" && \
	FASHION_DEVICES=1 exec $(DIES_WITH_MAKE) .devices/venv/bin/python -m pytest -v -p no:cacheprovider --basetemp=.devices/tmp \
		$(addprefix tests/system/devices/,$(DEVICE_TESTS_$(@:test-%=%)))

.devices/ready: pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	@echo "==> setting up .devices/venv with the edge and pytest"
	@$(PYTHON) -m venv .devices/venv
	@PIP_CACHE_DIR='$(CURDIR)/.devices/pip' .devices/venv/bin/python $(PIP_INSTALL) --editable '.[headless,onnx,test]' 2>&1 | $(SHOW_NAMES)
	@touch $@
