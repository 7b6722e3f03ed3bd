"""What can be wrong about a place, in one tree:

    GeoError
    ├── BadGridFile    a grid file cannot be read, or breaks a rule of the grid set
    ├── BadRoads       a basemap whose roads cannot be read
    ├── BadBorderFile  a file of border lines cannot be read, or breaks a rule
    ├── BadPlace       a pair of numbers is no place on earth
    └── UnknownDatum   a datum that nobody here can convert

Every message names the value that was refused and says what to do about it.
"""


class GeoError(Exception):
    """Any refusal of the geo room."""


class BadGridFile(GeoError):
    """A grid file that cannot be used; the message names the file, the feature, the value and the remedy."""


class BadRoads(GeoError):
    """A basemap whose roads cannot be read; the message names the file and the remedy."""


class BadBorderFile(GeoError):
    """A file of border lines that cannot be used; the message names the file, the feature, the value and the remedy."""


class BadPlace(GeoError):
    """A longitude and latitude that are no place (not finite, out of range, or exactly 0, 0)."""


class UnknownDatum(GeoError):
    """A datum outside wgs84, cgcs2000, gcj02 and bd09."""
