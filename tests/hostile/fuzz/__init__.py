"""Generated hostile input: each kind is one module, with its generator and with the promises of every case.

A case is a function of a seed, so that a failed one can be run again: the failure names its seed, and

    ./dev test -n 0 tests/hostile/fuzz -k 'reports-' --seed 1234

runs only this case. The seeds are the same in every session: `kinds.py` says how many cases of each kind CI runs, and
`--everything` runs twenty times as many. A generator takes a `random.Random`, so hypothesis can make its random
choices, too (`mutation.by_hypothesis`).
"""
