# Targets install what they need into .venv: by uv if it is there, by pip otherwise. PYTHON may name another
# interpreter (3.11 or later). Versions and hashes come from requirements/*.txt (`make lock`); torch is pinned here and
# has no hash there, because its build (CPU or CUDA) depends on the machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECONDS ?= 600
TORCH := torch==2.13.0
STUDY := $(VENV)/.study
DEV := $(VENV)/.dev
DOCS := $(VENV)/.docs
SPEECHOCEAN762 = $${ASHEARD_DATA:-../shared}/speechocean762
# A worker a core; a file's tests stay together, because they share what is slow to make.
PYTEST := $(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
VOICES := runs/voice-model/kokoro-js/voices

# pip and uv take the same options here. The lock names every package, so no dependency is resolved again.
ifneq ($(shell command -v uv),)
NEW_VENV = uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
INSTALL = uv pip install --quiet --python $(BIN)/python
INSTALL_TORCH = $(INSTALL) --torch-backend auto
else
NEW_VENV = $(PYTHON) -m venv $(VENV)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL_TORCH = $(INSTALL)
endif

.PHONY: help study study-real serve test test-all fuzz lint lock docs install-check base voice-model bench bench-inference \
	bench-serve bench-train real-labels clean

help:  ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {gsub(/[$$][$$]/, "$$", $$2); printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

study: $(STUDY)  ## run the whole study on the embedded corpus -> runs/embedded/RESULTS.md
	$(BIN)/asheard study --out runs/embedded

test: $(DEV)  ## run the tests, without those marked slow
	$(PYTEST)

test-all: $(DEV)  ## run all tests
	$(PYTEST) -m ""

fuzz: $(DEV)  ## give readers, commands and the service random and damaged inputs for SECONDS (600)
	end=$$(($$(date +%s) + $(SECONDS))); while [ $$(date +%s) -lt $$end ]; do \
		$(BIN)/pytest tests/fuzz --hypothesis-profile=fuzz -q || exit; done

lint: $(DEV)  ## check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(DOCS)  ## build the documentation site -> site/
	$(BIN)/mkdocs build --strict

install-check: $(DEV)  ## install the wheel alone; print its size and the cold start of each command
	$(BIN)/python scripts/install_check.py

serve: $(DEV)  ## serve the API and the page on http://127.0.0.1:8765, with the embedded study if it is finished
	$(BIN)/asheard serve $$(test -f runs/embedded/verdict.json && echo --study runs/embedded)

base: $(DEV)  ## train the embedded base again
	$(BIN)/python scripts/make_base.py

voice-model: $(DEV)  ## train asheard-tiny again -> runs/voice-model/asheard-tiny; needs speechocean762 and npm
	@test -d "$(SPEECHOCEAN762)" || { echo "no $(SPEECHOCEAN762); get it from openslr.org/101" \
		"and set ASHEARD_DATA to the folder that it lies in" >&2; exit 2; }
	@test -d $(VOICES) || command -v npm >/dev/null || { echo "no npm, which fetches Kokoro's voices;" \
		"install Node.js" >&2; exit 2; }
	$(INSTALL) --editable '.[make-models]'
	test -d $(VOICES) || { mkdir -p runs/voice-model && cd runs/voice-model && npm pack --silent kokoro-js@1.2.1 && \
		tar -xzf kokoro-js-1.2.1.tgz && mv package kokoro-js; }
	$(BIN)/python scripts/make_voice_model.py --speechocean762 "$(SPEECHOCEAN762)" --kokoro-voices $(VOICES)

study-real: $(DEV)  ## run the study on real speech -> runs/real/RESULTS.md; needs real corpora ($$ASHEARD_DATA)
	$(BIN)/python scripts/study_real.py --out runs/real

real-labels: $(DEV)  ## try the L1 prior on real speech -> runs/real-labels/PRIOR.md; needs the published labels
	$(BIN)/python scripts/real_labels.py --out runs/real-labels

bench: $(DEV)  ## time alignment, reading and evaluation beside peers, in the same run
	$(BIN)/python benchmarks/bench_alignment.py
	$(BIN)/python benchmarks/bench_reading.py
	$(BIN)/python benchmarks/bench_evaluation.py

bench-inference: $(DEV)  ## recordings a second, quiet and busy, beside hama and transformers.pipeline, in the same run
	$(BIN)/python benchmarks/bench_inference.py

bench-serve: $(DEV)  ## requests a second beside a service around transformers.pipeline, in the same run
	$(BIN)/python benchmarks/bench_serve.py

bench-train: $(DEV)  ## speed and memory of training beside Hugging Face's Trainer, in the same run
	$(BIN)/python benchmarks/bench_train.py

clean:  ## delete the environment and everything that was made
	rm -rf $(VENV) runs build site

lock:  ## resolve the versions again -> requirements/*.txt; needs uv
	scripts/lock.sh "$(TORCH)"

# torch first: a range would take the newest build with its CUDA packages.
$(STUDY): pyproject.toml requirements/study.txt
	$(NEW_VENV)
	$(INSTALL_TORCH) $(TORCH)
	$(INSTALL) --no-deps --require-hashes --requirement requirements/study.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

$(DEV): $(STUDY) requirements/dev.txt
	$(INSTALL) --no-deps --require-hashes --requirement requirements/dev.txt
	touch $@

$(DOCS): $(DEV) requirements/docs.txt
	$(INSTALL) --no-deps --require-hashes --requirement requirements/docs.txt
	touch $@
