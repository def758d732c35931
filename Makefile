PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# glibc gives freed memory back to the system after every training step unless told not to.
export MALLOC_MMAP_THRESHOLD_ := 4294967296
export MALLOC_TRIM_THRESHOLD_ := 8589934592

.PHONY: install demo test test-board test-gpu fuzz check docs clean

install: $(STAMP)

# torch first and alone: pulled in by another package it would come as a CUDA build of several GB.
$(STAMP): setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt torch
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	touch $(STAMP)

## the main job on this machine on real data; see runs/demo/report.html
demo: $(STAMP)
	$(BIN)/edgenas run --data mnist --device host --latency-ms 50% --strategy snas --baselines \
	    --search-epochs 6 --train-epochs 10 --format onnx --format tflite --format tvm --out runs/demo --resume

## what CI runs; every test has one thread, so several run at once
test: check
	$(BIN)/python -m pytest -q -n auto --maxprocesses=4 --dist worksteal

## an arm64 board, whose tools are in the folder BOARD, and QEMU with cross compilers, see docs/programs.md; what is not
## there is skipped
test-board: $(STAMP)
	EDGENAS_BOARD=$(BOARD) $(BIN)/python -m pytest -q -m board

test-gpu: $(STAMP)
	$(BIN)/python -m pytest -q -m gpu

## 2,000 wrong and hostile calls, each in a process of its own; make test has the first of them
fuzz: $(STAMP)
	cd tests && OMP_NUM_THREADS=1 $(CURDIR)/$(BIN)/python -m fuzz --calls 2000

check: $(STAMP)
	$(BIN)/ruff check .
	rm -rf build/typed && mkdir -p build/typed/edgenas
	ln -s $(CURDIR)/edgenas/* $(CURDIR)/export $(CURDIR)/devices $(CURDIR)/profiles build/typed/edgenas/
	$(BIN)/mypy
	$(BIN)/vulture

## renew the command reference
docs: $(STAMP)
	$(BIN)/python -m edgenas.cli.reference docs/commands.md

clean:
	rm -rf build .venv runs
