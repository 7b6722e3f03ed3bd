"""The indicators (指标): each defined once, as one SQL file, and counted from the cases themselves.

`sql/<name>.sql` is the definition: its first lines say its names, its cohort, what it is and what it means; the rest
selects the cases. `base/*.sql` makes what they select from: each case once, as it stood at the cut-off (`facts`), and
the three cohorts, which are never mixed: `came_in`, `fell_due`, `closed_in`. `counting.py` runs them over the archive
and today, by period and by group; `docs/indicators.md` lists them.

A figure is a count or a mean over rows that are cases, so every figure can be opened down to its cases.
"""
