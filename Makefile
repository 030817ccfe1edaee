# make demo: the live pipeline on rendered garments.   make test: all tests.   Both start from a bare clone.
PYTHON ?= python3
SHELL = bash -o pipefail
PIP_INSTALL = -m pip install --disable-pip-version-check --constraint constraints.txt
# A venv keeps the Python that it was begun with, so a wrong one is refused before there is any.
CHECK_PYTHON = command -v $(firstword $(PYTHON)) > /dev/null || { \
	echo "==> $(PYTHON) is not installed; install Python 3.11 to 3.13, or name one that is: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; } && \
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit( \
	"==> $(PYTHON) is Python %d.%d; it must be 3.11 to 3.13: make PYTHON=python3.12 $(MAKECMDGOALS)" % v)'
SHOW_NAMES = sed -u -n -e 's/^Collecting \([^ ]*\).*/    fetching \1/p' -e 's/^\(Installing collected packages\).*/    \1/p' -e '/^ERROR/p'

.PHONY: demo test lint edge clean

demo: .venv-demo/ready
	@echo "==> labelling 10 seconds of rendered garments (no camera needed)"
	@rm -rf demo-out
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

clean:
	rm -rf .venv .venv-demo .nox .devices demo-out dist

# Devices without the device: an arm64 userland, a virtual machine with a camera, libcamera. docs/devices.md says more.
# All that is fetched and built lies in .devices; no mount, binfmt entry or process outlives a run.
DIES_WITH_MAKE = $(if $(shell command -v setpriv),setpriv --pdeathsig KILL)
DEVICE_TESTS_aarch64 = test_aarch64.py test_left_behind.py
DEVICE_TESTS_v4l2 = test_v4l2.py
DEVICE_TESTS_picamera = test_picamera.py

.PHONY: test-devices test-aarch64 test-v4l2 test-picamera
test-devices: test-aarch64 test-v4l2 test-picamera

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
