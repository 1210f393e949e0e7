from uuid import uuid4

from siyu.people.customers import Touch, plugs


async def test_a_customer_belongs_to_the_store_and_guide_whose_link_brought_them(
    shoppers, brand, phone, console, database
):
    hq = (await console.get("/api/console/units")).json()["items"][0]["id"]
    body = {"parent_id": hq, "kind": "store", "code": "hz01", "name": {"zh-CN": "湖滨店"}}
    store = (await console.post("/api/console/units", json=body)).json()["id"]
    body = {"login": f"lin@{brand.slug}", "name": "小林", "roles": ["guide"], "unit_id": store}
    guide = (await console.post("/api/console/staff", json=body)).json()["staff"]["id"]
    body = {
        "target": {"kind": "none", "id": ""},
        "source": "wecom",
        "scene": "台卡",
        "store_id": store,
        "staff_id": guide,
        "note": "",
    }
    made = await console.post(
        "/api/console/links", json=body, headers={"Idempotency-Key": "link-1"}
    )
    assert made.status_code < 300, made.text

    visitor = shoppers.visitor(brand)
    answer = await visitor.post(
        "/api/shop/session/guest", json={"privacy_version": "1", "link": made.json()["code"]}
    )
    visitor.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    await shoppers.sign_in(visitor, phone)

    row = (await console.get("/api/console/customers")).json()["items"][0]
    assert (row["source"], row["store_name"]) == ("wecom", {"zh-CN": "湖滨店"})
    async with database.raw(brand.id) as connection:
        assert str(await connection.fetchval("select guide_id from customers")) == guide
        joined = await connection.fetchval(
            "select data from events where kind = 'customers.joined/1'"
        )
    assert (joined["source"], joined["scene"], joined["store_id"], joined["guide_id"]) == (
        "wecom",
        "台卡",
        store,
        guide,
    )


async def test_an_unknown_link_or_one_of_another_brand_is_a_direct_visit(
    shoppers, brand, phone, console
):
    visitor = shoppers.visitor(brand)
    answer = await visitor.post(
        "/api/shop/session/guest", json={"privacy_version": "1", "link": "nonsense"}
    )
    visitor.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    await shoppers.sign_in(visitor, phone)
    assert (await console.get("/api/console/customers")).json()["items"][0]["source"] == "direct"


async def test_a_link_that_outlived_its_store_and_guide_still_brings_guests(
    shoppers, brand, monkeypatch
):
    async def resolve(session, code):
        return Touch(source="wecom", store_id=uuid4(), guide_id=uuid4())

    monkeypatch.setattr(plugs, "touch_of", resolve)
    answer = await shoppers.visitor(brand).post(
        "/api/shop/session/guest", json={"privacy_version": "1", "link": "x"}
    )
    assert answer.status_code == 200
