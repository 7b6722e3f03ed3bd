"""Datums: against an independent implementation, there and back, and what is refused."""

from __future__ import annotations

import geocoordinates_ffi as oracle  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.datums import DATUMS, from_wgs84, to_wgs84
from geo.errors import UnknownDatum
from geo.places import Position, metres

lons, lats = st.floats(73.5, 135.0), st.floats(3.0, 53.5)  # China, away from the rim of the rectangle


@given(lons, lats)
def test_gcj02_and_bd09_agree_with_an_independent_implementation(lon: float, lat: float) -> None:
    """Forwards, both shifted datums are what another package says, to a hundredth of a millimetre."""
    place = oracle.Wgs84(lat=lat, lon=lon)
    gcj, bd = oracle.wgs84_to_gcj02(place), oracle.wgs84_to_bd09(place)
    assert metres(Position(*from_wgs84(lon, lat, "gcj02")), Position(gcj.lon, gcj.lat)) < 1e-5
    assert metres(Position(*from_wgs84(lon, lat, "bd09")), Position(bd.lon, bd.lat)) < 1e-5


@given(lons, lats, st.sampled_from(DATUMS))
def test_there_and_back(lon: float, lat: float, datum: str) -> None:
    """Into a datum and back out of it ends within 3e-8 m; 3 micrometres on the 105th meridian."""
    # the formula has a root of |lon - 105| in it, whose slope has no bound there
    back_lon, back_lat = to_wgs84(*from_wgs84(lon, lat, datum), datum)
    allowed = (3e-8 if abs(lon - 105) > 1e-3 else 3e-6) / 111_195
    assert abs(back_lon - lon) < allowed
    assert abs(back_lat - lat) < allowed


def test_the_shift_has_the_known_size() -> None:
    """Between WGS 84 and GCJ-02 lie some hundred metres, so a forgotten datum cannot pass unnoticed."""
    for lon, lat in [(119.2, 34.8), (116.39, 39.9), (120.28, 31.9), (87.6, 43.8)]:
        assert 200 < metres(Position(lon, lat), Position(*from_wgs84(lon, lat, "gcj02"))) < 800


@pytest.mark.parametrize("place", [(-74.0, 40.7), (2.35, 48.86), (139.7, 35.7), (105.0, 0.5), (105.0, 56.0)])
def test_outside_china_nothing_is_shifted(place: tuple[float, float]) -> None:
    """Outside the rectangle GCJ-02 is WGS 84, both ways."""
    assert from_wgs84(*place, "gcj02") == place
    assert to_wgs84(*place, "gcj02") == place


@pytest.mark.parametrize("datum", ["wgs84", "cgcs2000"])
def test_wgs84_and_cgcs2000_are_one(datum: str) -> None:
    """CGCS2000 is taken as WGS 84: not a bit changes."""
    assert to_wgs84(119.2, 34.8, datum) == (119.2, 34.8)
    assert from_wgs84(119.2, 34.8, datum) == (119.2, 34.8)


@pytest.mark.parametrize("datum", DATUMS)
def test_columns_are_converted_as_their_pairs(datum: str) -> None:
    """Arrays give arrays with the same values as one by one, and numbers give plain floats."""
    east, north = np.array([119.2, 119.3, -74.0]), np.array([34.8, 34.9, 40.7])
    for convert in (to_wgs84, from_wgs84):
        columns = convert(east, north, datum)
        singly = [convert(float(x), float(y), datum) for x, y in zip(east, north, strict=True)]
        assert [type(value) for value in singly[0]] == [float, float]
        np.testing.assert_array_equal(np.column_stack(columns), singly)


@pytest.mark.parametrize("convert", [to_wgs84, from_wgs84])
@pytest.mark.parametrize("datum", ["GCJ02", "wgs-84", "", "nad83"])
def test_an_unknown_datum_is_refused(convert: object, datum: str) -> None:
    """A datum that nobody knows is refused with its name and the known ones, never guessed."""
    assert callable(convert)
    with pytest.raises(UnknownDatum, match=f"'{datum}'.*gcj02"):
        convert(119.2, 34.8, datum)
