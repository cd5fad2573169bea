# Everything runs in .venv, which these targets make. PYTHON may name another interpreter (3.11 or later).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0
READY := $(VENV)/.ready
SPEECHOCEAN762 = $${ASHEARD_DATA:-../shared}/speechocean762
VOICES := runs/voice-model/kokoro-js/voices

.PHONY: study study-real serve test test-all lint base voice-model bench bench-serve bench-train real-labels clean

study: $(READY)  ## the whole study on the embedded corpus -> runs/embedded/RESULTS.md
	$(BIN)/asheard study --out runs/embedded

test: $(READY)  ## the tests that take minutes, not hours
	$(BIN)/pytest

test-all: $(READY)  ## and those marked slow
	$(BIN)/pytest -m ""

lint: $(READY)  ## style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

base: $(READY)  ## train the embedded base again, from nothing
	$(BIN)/python scripts/make_base.py

voice-model: $(READY)  ## train asheard-tiny again -> runs/voice-model/asheard_tiny; needs speechocean762 and npm
	@test -d "$(SPEECHOCEAN762)" || { echo "no $(SPEECHOCEAN762); get it from openslr.org/101" \
		"and set ASHEARD_DATA to the folder that it lies in" >&2; exit 2; }
	@test -d $(VOICES) || command -v npm >/dev/null || { echo "no npm, which fetches Kokoro's voices;" \
		"install Node.js" >&2; exit 2; }
	$(BIN)/pip install --quiet --editable '.[recipe]'
	test -d $(VOICES) || { mkdir -p runs/voice-model && cd runs/voice-model && npm pack --silent kokoro-js@1.2.1 && \
		tar -xzf kokoro-js-1.2.1.tgz && mv package kokoro-js; }
	$(BIN)/python scripts/make_voice_model.py --speechocean762 "$(SPEECHOCEAN762)" --kokoro-voices $(VOICES)

serve: $(READY)  ## the service and its page on http://127.0.0.1:8765, with the embedded study where there is one
	$(BIN)/asheard serve $$(test -f runs/embedded/verdict.json && echo --study runs/embedded)

bench-serve: $(READY)  ## requests a second beside a service around transformers.pipeline, in the same run
	$(BIN)/python benchmarks/bench_serve.py

bench-train: $(READY)  ## audio-seconds a second and memory of training beside Hugging Face's Trainer, in the same run
	$(BIN)/python benchmarks/bench_train.py

bench: $(READY)  ## speed beside peers, in the same run
	$(BIN)/python benchmarks/bench_alignment.py
	$(BIN)/python benchmarks/bench_reading.py
	$(BIN)/python benchmarks/bench_evaluation.py

study-real: $(READY)  ## the study on real speech -> runs/real/RESULTS.md; needs real corpora ($$ASHEARD_DATA)
	$(BIN)/python scripts/study_real.py --out runs/real

real-labels: $(READY)  ## the L1 prior on real speech -> runs/real-labels/PRIOR.md; needs the published labels
	$(BIN)/python scripts/real_labels.py --out runs/real-labels

clean:
	rm -rf $(VENV) runs build

# torch first and pinned: a range would take the newest build with its CUDA packages
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[train,dev,serve,voices,pods,ray]'
	touch $(READY)
