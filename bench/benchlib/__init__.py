"""The benchmark of howdah and its peers; `bench/run.py` is its command."""
