# Chores. `just` lists them; all expect the virtual environment of the README to be active.

default:
    @just --list

# Everything CI does, on a fresh clone
ci:
    .ci/run

# Format and lint
lint:
    ruff format .
    ruff check --fix .

# Types and layers
types:
    mypy
    lint-imports

# The tests
test *ARGS:
    pytest {{ARGS}}

# Accuracy on a folder of real goals
quality DATA:
    python benchmarks/forecast_quality.py --data {{DATA}}

# What a forecast costs
cost:
    python benchmarks/forecast_cost.py

# How a backtest grows, up to 100,000 goals
growth:
    python benchmarks/backtest_growth.py

# Try every dependency at its newest, then pin what was tried
pin:
    pip install --upgrade --upgrade-strategy eager -e '.[dev,postgres,xlsx,cluster,bench]'
    pip freeze --exclude-editable --exclude koers > constraints.txt
