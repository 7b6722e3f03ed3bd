"""History: everything that ever happened, as GeoParquet per site and day.

Read `schema.py` for what is kept, `store.py` for where and how it is committed, `follow.py` for the worker that keeps
it, `reading.py` for asking. Redis holds the living state; here is what was.
"""
