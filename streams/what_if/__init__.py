"""What if: an archived day played again with other settings, beside the day as it was.

`comparing.py` is the whole way, read top to bottom; `day.py` reads the day, `seen.py` and `chances.py` learn from it
how long things take, `crews.py`, `policies.py` and `model.py` play it, `figures.py` measures.
"""
