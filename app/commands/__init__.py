"""The commands of the command line, a file for each group.

The command line imports all of them to know what there is. So they import what they need (the settings, Redis, the
centre with its maps) only where they work: `gridpost --help` answers at once, and a worker starts with its own alone.
"""
