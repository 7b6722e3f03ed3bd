"""geo knows where: places, datums, grids, tagging, cells and tracks.

It imports nothing of `streams` or `app`, and everything in it but reading and writing files is pure.
Inside there is only WGS 84: longitude and latitude in degrees, always in that order.
"""
