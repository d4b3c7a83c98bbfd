# make demo                    the demo on http://127.0.0.1:7860, environment and all
# make demo ARGS="--port 8000" with options; ARGS="--help" lists them
# make demo TORCH=cpu          the same with PyTorch's build without CUDA, from PyTorch's own package index;
#                              for a new environment only (make clean removes the old one)
# make check                   linters, type checks and the quick tests
# make test                    linters, type checks and every test
# make rooms                   render the synthetic rooms (an environment of its own, Python 3.11)
# make clean                   remove the environments

VENV := .venv
BIN := $(VENV)/bin
ROOMS := .venv-rooms
INSTALL = $(BIN)/python scenepose/app/install.py $(VENV)/install.log

# PyTorch comes first where its build is named: the rest then finds it there.
TORCH_INDEX := https://download.pytorch.org/whl/
torch = $(if $(TORCH),$(INSTALL) torch torchvision --index-url $(TORCH_INDEX)$(TORCH),true)

# The first Python on this machine that is new enough; `make demo PYTHON=...` overrides it.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo $$python && break; done)

.PHONY: demo check test rooms clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	@echo "3/3 Starting the demo; it stops with Ctrl-C."
	@$(BIN)/python demo.py $(ARGS)

check test: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m pytest $(if $(filter check,$@),-m "not slow") $(ARGS)

rooms: $(ROOMS)/.installed
	$(ROOMS)/bin/python -m train.world.render $(ARGS)

# The stamps are written last, so an interrupted installation starts again, and a finished one never does.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "2/3 Installing ScenePose into $(VENV)$(if $(TORCH), with PyTorch for $(TORCH)). $(if $(TORCH),,On \
	Linux this takes 5.5 GB, nearly all of it PyTorch with CUDA; make demo TORCH=cpu takes the one without.)"
	@$(torch)
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	@echo "Installing ScenePose and its test tools into $(VENV)."
	@$(torch)
	@$(INSTALL) --editable '.[test]'
	@touch $(VENV)/.installed $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "ScenePose needs Python 3.11 or newer, and none is on the PATH" \
		"(python3 is $$(python3 --version 2>&1 || true)). With one elsewhere: make $(MAKECMDGOALS)" \
		"PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' || { echo "ScenePose needs Python 3.11 or newer, and" \
		"$(PYTHON) is not that." >&2; exit 1; }
	@echo "1/3 Making an environment in $(VENV) with $$("$(PYTHON)" --version)."
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "Python could not make an environment in $(VENV);" \
		"on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# Blender's Python module exists for 3.11 only.
$(ROOMS)/.installed: train/world/render/requirements.txt
	@command -v python3.11 >/dev/null || { echo "The rooms renderer needs python3.11 on the PATH." >&2; exit 1; }
	@test -x $(ROOMS)/bin/python || python3.11 -m venv $(ROOMS)
	@echo "Installing the renderer into $(ROOMS). This takes about ten minutes the first time."
	@$(ROOMS)/bin/python scenepose/app/install.py $(ROOMS)/install.log --requirement train/world/render/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) $(ROOMS) build dist .pytest_cache .ruff_cache .hypothesis
