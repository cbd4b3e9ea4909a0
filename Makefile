# `make demo` runs the main job on this machine, `make test` the tests; both install what they need into .venv first.
VENV ?= .venv
ARGS ?=
# What is left to `make test-all`.
QUICK := -m "not slow"
# Three processes for two cores: much of the time is waiting for Airflow. The tests of a file stay together, because they
# share models, stages and DAG runs; tests/conftest.py has the order and what shares a running Airflow.
PYTEST := -m pytest -n 3 --dist loadfile --no-loadscope-reorder

OTHER_PYTHONS := tests/unit tests/property tests/local

.PHONY: help demo speech unit test test-all huggingface soak try-wheel docs bench lint format clean

help:
	@echo "make demo      the main job on real photographs, no account needed (ARGS='--files DIR', ARGS=--speech)"
	@echo "make speech    install what  mediabatch demo --speech  needs"
	@echo "make unit      the tests that start neither the engine nor Airflow (under 20 seconds)"
	@echo "make test      install what is missing and run the tests (7 to 10 minutes on 2 cores)"
	@echo "make test-all  everything and its coverage, on other Python versions too (about an hour)"
	@echo "make huggingface  the Hugging Face examples, on small models with random weights"
	@echo "make docs      build the site into build/site"
	@echo "make try-wheel demo and examples from the built wheel, beside Airflow 3.2.2, 3.3.1 and the newest (9 minutes)"
	@echo "make soak      pairs of runs of the whole DAG while everything fails (up to 10 minutes; ARGS='--seed N --pairs N')"
	@echo "make bench     time, memory, statements and polls, side by side with what one would use instead (half an hour)"
	@echo "make lint      ruff and mypy"
	@echo "make format    put files into ruff's format"

demo:
	@scripts/setup $(VENV) $(if $(findstring --speech,$(ARGS)),demo$(comma)speech,demo)
	@$(VENV)/bin/mediabatch demo $(ARGS)

speech:
	@scripts/setup $(VENV) demo,speech

unit:
	@scripts/setup $(VENV) test,speech
	$(VENV)/bin/python -m pytest tests/unit $(ARGS)

test:
	@scripts/setup $(VENV) test,speech
	$(VENV)/bin/python $(PYTEST) $(QUICK) $(ARGS)

lint:
	@scripts/setup $(VENV) test,speech
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

format:
	@scripts/setup $(VENV) test,speech
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# The quick tests with their coverage, in all of Airflow's processes, and the slow ones without. Then, for each other Python
# version, the tests of the pure modules and of the engine with Snowflake's clients, in an environment of its own: there the
# versions of the dependencies differ. The workflow of .github runs `make test` on every version, each on its own machine.
test-all: lint docs try-wheel
	rm -rf .coverage
	HYPOTHESIS_PROFILE=long $(VENV)/bin/python -m coverage run $(PYTEST) $(QUICK) $(ARGS)
	$(VENV)/bin/python -m coverage combine -q
	$(VENV)/bin/python -m coverage report
	$(VENV)/bin/python $(PYTEST) -m slow $(ARGS)
	@own=$$($(VENV)/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	for python in $$(scripts/find-python --all); do \
	    version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    if [ "$$version" != "$$own" ]; then \
	        echo "== Python $$version"; \
	        PYTHON=$$python scripts/setup .venv-$$version test,speech || exit 1; \
	        .venv-$$version/bin/python $(PYTEST) -m "not slow and not airflow" $(OTHER_PYTHONS) $(ARGS) || exit 1; \
	    fi; \
	done
	@scripts/try-huggingface $(VENV) $(ARGS)

# The examples with models of Hugging Face, where pip finds a build of torch for processors only.
huggingface:
	@scripts/setup $(VENV) test,speech
	@scripts/try-huggingface $(VENV) $(ARGS)

# The site, below build/site: warnings are errors, and nothing is fetched.
docs:
	@scripts/setup $(VENV) docs
	$(VENV)/bin/python -m sphinx -q -E -W --keep-going -b html docs build/site

# The built wheel, installed as users do it: beside Airflow's own constraints, and without any.
try-wheel:
	@scripts/try-wheel .venv-wheel

soak:
	@scripts/setup $(VENV) test,speech
	PYTHONPATH=tests:tests/support $(VENV)/bin/python -m faults.soak $(ARGS)

bench:
	@scripts/setup $(VENV) demo
	@scripts/setup-peers $(VENV)
	$(VENV)/bin/python -m bench $(ARGS)

clean:
	rm -rf .venv .venv-* .mediabatch build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage

comma := ,
