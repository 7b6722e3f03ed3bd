"""Mutual aid over HTTP: two centres on one server, each with its own accounts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient

from app import centre as centres
from app.accounts import Accounts
from app.centre import Centre
from app.server import serve_centre
from streams.embedded import Valkey
from streams.keys import Keys
from streams.mutual import Mutual
from streams.organisation import Partner
from tests.app.conftest import CHEAP, PASSWORD, alert
from tests.streams.samples import fix


class Side(NamedTuple):
    """One site: its centre and a client of its web app."""

    centre: Centre
    web: TestClient
    worker: Mutual

    def call(self, method: str, path: str, role: str = "supervisor", **body: Any) -> Any:
        """The answer to a request of a role."""
        headers = {"Authorization": f"Bearer {self.centre.accounts.new_token(role)}"}
        given = {"json": body} if method == "POST" else {}
        return self.web.request(method, path, headers=headers, **given)


def side(loaded: Centre, url: str, site: str, other: str, folder: Path) -> Centre:
    """A centre of this site that has agreed with the other."""
    settings = loaded.settings.model_copy(update={"redis_url": url, "site": site, "state_dir": folder})
    accounts = Accounts(centres.open_redis(settings, decode=True), Keys(site), CHEAP)
    partner = Partner(name="邻镇", name_en="Neighbour", site=other, lends=2)
    organisation = dataclasses.replace(loaded.org, partners={other: partner})
    found = dataclasses.replace(
        loaded, settings=settings, queue=centres.open_queue(settings), accounts=accounts, org=organisation
    )
    found.queue.register(list(found.register.patrols))
    for role in ("operator", "supervisor", "leader"):
        accounts.add(role, role, PASSWORD, found.now())
    return found


@pytest.fixture
def two(loaded: Centre, valkey: Valkey, site: str, tmp_path: Path) -> Iterator[tuple[Side, Side]]:
    """The lender, one of whose patrols has just been heard, and the borrower."""
    names = (f"{site}-n", f"{site}-s")
    lender, borrower = (
        side(loaded, valkey.url, one, other, tmp_path) for one, other in zip(names, reversed(names), strict=True)
    )
    patrol = next(iter(lender.register.patrols))
    fixed = fix(patrol, "1", 0, 119.17, 34.94)
    event = fixed.event.__class__(**{
        **{name: getattr(fixed.event, name) for name in fixed.event.__struct_fields__},
        "at": lender.now(), "received": lender.now(),
    })  # fmt: skip
    lender.queue.record([fixed._replace(event=event)], lender.now())
    with TestClient(serve_centre(lender), base_url="http://gridpost.test") as web, \
            TestClient(serve_centre(borrower), base_url="http://gridpost.test") as other_web:  # fmt: skip
        sides = Side(lender, web, Mutual(lender.desk())), Side(borrower, other_web, Mutual(borrower.desk()))
        for each in sides:
            each.worker.look()
        yield sides


def waiting(borrower: Side) -> dict[str, Any]:
    """A case of the borrower that waits for somebody."""
    answer = borrower.call("POST", "/api/v1/events", **alert())
    found: dict[str, Any] = borrower.call("GET", f"/api/v1/cases/{answer.json()['opened'][0]}").json()
    return found


def test_a_case_goes_to_a_partners_patrol_and_both_see_its_clocks(two: tuple[Side, Side]) -> None:
    """Offered, asked, approved, confirmed by the worker; both lists show the same clocks, and the end."""
    lender, borrower = two
    case = waiting(borrower)
    aid = f"/api/v1/cases/{case['no']}/aid"
    (offer,) = borrower.call("GET", aid, "operator").json()["items"]
    (patrol,) = offer["patrols"]
    assert (offer["site"], patrol["name"] != "") == (lender.centre.settings.site, True)
    assert patrol["minutes"] > 0
    assert "lon" not in patrol

    asked = borrower.call("POST", aid, "operator", lender=offer["site"], version=case["version"], text="请支援")
    assert asked.status_code == 201, asked.text
    name = asked.json()["id"]
    (seen,) = lender.call("GET", "/api/v1/aid").json()["items"]
    assert (seen["id"], seen["state"], seen["direction"], seen["text"]) == (name, "asked", "out", "请支援")
    assert seen["case"]["clocks"] == case["clocks"]

    done = lender.call("POST", f"/api/v1/aid/{name}/approve")
    assert (done.status_code, done.json()["state"]) == (200, "reserved"), done.text
    borrower.worker.look()
    (ours,), (theirs,) = (each.call("GET", "/api/v1/aid", "leader").json()["items"] for each in two)
    assert (ours["state"], theirs["state"], theirs["direction"]) == ("lent", "lent", "in")
    assert ours["case"] == theirs["case"]
    assert ours["text"] is None  # a leader reads no free text
    now = borrower.call("GET", f"/api/v1/cases/{case['no']}").json()
    assert (now["state"], now["patrol"]) == ("dispatched", f"{lender.centre.settings.site}/{patrol['patrol']}")
    assert now["clocks"] == ours["case"]["clocks"]

    home = waiting(lender)
    busy = lender.call("POST", f"/api/v1/cases/{home['no']}/dispatch", version=home["version"], patrol=patrol["patrol"])
    assert (busy.status_code, busy.json()["case"]) == (409, f"{borrower.centre.settings.site}/{case['no']}")

    back = borrower.call("POST", f"/api/v1/cases/{case['no']}/withdraw", version=now["version"])
    assert back.status_code == 200, back.text
    lender.worker.look()
    assert lender.call("GET", "/api/v1/aid").json()["items"][0]["state"] == "returned"


def test_who_may_and_what_is_refused(two: tuple[Side, Side]) -> None:
    """Operators ask, supervisors of the lender decide; the rest is refused with its status and a sentence."""
    lender, borrower = two
    case = waiting(borrower)
    path, site = f"/api/v1/cases/{case['no']}/aid", lender.centre.settings.site
    assert borrower.call("POST", path, "leader", lender=site, version=case["version"]).status_code == 403
    assert borrower.call("POST", path, lender="nowhere", version=case["version"]).json()["error"] == "unknown_partner"
    assert borrower.call("POST", path, lender=site, version=1).status_code == 409
    assert borrower.call("POST", "/api/v1/cases/GP-0/aid", lender=site, version=1).status_code == 404
    name = borrower.call("POST", path, lender=site, version=case["version"]).json()["id"]
    assert lender.call("POST", f"/api/v1/aid/{name}/approve", "operator").status_code == 403
    assert borrower.call("POST", f"/api/v1/aid/{name}/approve").status_code == 404
    assert lender.call("POST", f"/api/v1/aid/{name}/lend").json()["error"] == "unknown_step"
    refused = lender.call("POST", f"/api/v1/aid/{name}/refuse", text="台风")
    assert (refused.json()["state"], refused.json()["why"]) == ("refused", "台风")
    late = lender.call("POST", f"/api/v1/aid/{name}/approve")
    assert (late.status_code, late.json()["error"]) == (409, "aid_refused")
    again = borrower.call("POST", path, lender=site, version=case["version"]).json()["id"]
    assert borrower.call("POST", f"/api/v1/aid/{again}/cancel").json()["state"] in ("lapsed", "refused")
