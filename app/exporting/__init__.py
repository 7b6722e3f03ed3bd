"""Out: any selection of what the archive keeps, in the formats that other programs open.

Read `selection.py` for what can be asked for, `columns.py` for what a row has, `rows.py` for how rows are read and what
is hidden, `writing.py` for the formats. Everything passes in batches of Arrow rows, so that a month of positions needs
no more memory than an hour; a command line and the API use the same path.
"""
