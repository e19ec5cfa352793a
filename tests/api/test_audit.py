"""The audit log: every administrative change leaves a line, and no line holds a secret."""

from __future__ import annotations

from .world import APP, KEY, World, run


@run
async def test_every_change_is_noted_with_who_what_and_from_where(world: World) -> None:
    async with world.operator() as operator:
        made = (await operator.post("/v2/applications", json={"name": "New"})).json()
        await operator.put(f"/v2/applications/{made['id']}", json={"name": "Newer", "capabilities": {"voice": {}}})
        await operator.post("/number/update", data={"msisdn": "33123456789", "app_id": made["id"]})
        await operator.post("/number/update", data={"msisdn": "33123456789", "app_id": "none"})
        await operator.post("/number/cancel", data={"msisdn": "33123456789"})
        await operator.delete(f"/v2/applications/{made['id']}")
        secret = (await operator.post(f"/accounts/{KEY}/secrets", json={"secret": "Second5678"})).json()
        await operator.delete(f"/accounts/{KEY}/secrets/{secret['id']}")
        page = (await operator.get("/ringline/v1/audit", params={"page_size": 3})).json()
    entries = world.shelf.audit_log
    assert [(one.action, one.target) for one in entries] == [
        ("application.create", made["id"]),
        ("application.update", made["id"]),
        ("number.update", "33123456789"),
        ("number.cancel", "33123456789"),
        ("application.delete", made["id"]),
        ("secret.create", secret["id"]),
        ("secret.revoke", secret["id"]),
    ]
    assert {(one.actor, one.source) for one in entries} == {(KEY, "192.0.2.9")}
    assert dict(entries[1].details) == {"changed": "name, voice"}
    assert "PRIVATE" not in str(entries)
    assert "Second5678" not in str(entries)
    assert (page["count"], [one["action"] for one in page["_embedded"]["entries"]]) == (
        7,
        ["secret.revoke", "secret.create", "application.delete"],
    )
    assert page["_links"]["next"]["href"] == "http://voice.example/ringline/v1/audit?page_size=3&page=2"


@run
async def test_only_the_account_may_read_it(world: World) -> None:
    async with world.client() as client:
        assert (await client.get("/ringline/v1/audit")).status_code == 401
    assert world.directory.application(APP) is not None
