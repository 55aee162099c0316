# make study | classroom | test | validate | data | lab | bench | tables | api | lock | clean
# Each makes the environment in .venv when it is missing.
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
RUN := .venv/bin/python
READY := .venv/ready

.PHONY: study classroom test validate data lab bench tables api lock clean

study: $(READY) ## the whole study, end to end: results/study/report.html
	$(RUN) run_all.py --profile study

classroom: $(READY) ## the same cohort with fewer permutations
	$(RUN) run_all.py --profile classroom

test: $(READY) ## library, notebooks and house rules
	$(RUN) -m ruff check . && $(RUN) -m ruff format --check . && \
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN) -m pytest -n auto --maxprocesses 4 --dist loadfile

validate: $(READY) ## hours: many cohorts and seeds; writes docs/validation.md
	$(RUN) -m validation

data: $(READY) ## the study cohort in data/synthetic/study
	$(RUN) -m cohabit simulate --force --set stool_visits=4 --out data/synthetic/study

lab: $(READY) ## JupyterLab on copies of the notebooks in lab/
	$(RUN) -m cohabit lab

bench: $(READY) ## side by side with R and Python peers: docs/benchmarks.md
	$(RUN) -m benchmarks

tables: $(READY) ## run the notebooks and store again the tables that tests compare
	$(RUN) tests/store_tables.py

api: $(READY) ## every public name, from the docstrings: docs/api.md
	$(RUN) docs/api.py

lock: ## new versions for everything; needs uv; writes no address
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-header --no-strip-extras --extra test pyproject.toml -o requirements.lock --upgrade

clean: ## everything that can be made again; not the environment
	rm -rf results lab .cache .pytest_cache .ruff_cache .hypothesis data/synthetic/study

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "cohabit needs Python 3.11 to 3.13 on the PATH; none was found"; exit 1; }
	@echo "making the environment in .venv (about 1.1 GB; a few minutes the first time)"
	$(PYTHON) -m venv --clear .venv
	@if command -v uv >/dev/null; then \
		uv pip install --quiet --python $(RUN) --compile-bytecode --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(RUN) --no-deps --no-build-isolation -e .; \
	else \
		$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $(READY)
