"""The demo brand's house: regions, franchisees, 36 stores and their staff. Addresses are made up on real districts."""

import random
from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from siyu.people.brands import StorePlace, Unit, add_unit, hq
from siyu.people.staff import NewStaff, add_many_staff, hash_password

REGIONS = (
    ("east", "华东大区", "East China"),
    ("south", "华南大区", "South China"),
    ("middle", "华中西南大区", "Central & Southwest"),
    ("north", "华北大区", "North China"),
)
OWN = (
    # region, code, name, english, district, street, latitude, longitude (1e-6 degrees)
    ("east", "sh01", "上海静安店", "Shanghai Jing'an", "310106", "南京西路 1266 号", 31_229_900, 121_448_500),
    ("east", "sh02", "上海浦东店", "Shanghai Pudong", "310115", "世纪大道 8 号", 31_236_800, 121_501_900),
    ("east", "sh03", "上海徐汇店", "Shanghai Xuhui", "310104", "淮海中路 999 号", 31_217_600, 121_457_900),
    ("east", "hz01", "杭州湖滨店", "Hangzhou Hubin", "330102", "湖滨路 28 号", 30_256_300, 120_161_500),
    ("east", "hz02", "杭州西湖店", "Hangzhou West Lake", "330106", "龙井路 12 号", 30_236_700, 120_122_600),
    ("east", "sz01", "苏州姑苏店", "Suzhou Gusu", "320508", "观前街 88 号", 31_311_100, 120_627_600),
    ("east", "nj01", "南京新街口店", "Nanjing Xinjiekou", "320104", "中山南路 18 号", 32_041_800, 118_784_100),
    ("south", "sz11", "深圳福田店", "Shenzhen Futian", "440304", "福华三路 118 号", 22_533_900, 114_060_300),
    ("south", "sz12", "深圳南山店", "Shenzhen Nanshan", "440305", "科苑南路 2888 号", 22_512_100, 113_946_000),
    ("south", "gz01", "广州天河店", "Guangzhou Tianhe", "440106", "天河路 228 号", 23_132_600, 113_325_900),
    ("middle", "cd01", "成都锦江店", "Chengdu Jinjiang", "510104", "红星路三段 1 号", 30_653_900, 104_081_200),
    ("north", "bj01", "北京朝阳店", "Beijing Chaoyang", "110105", "建国路 87 号", 39_908_700, 116_478_300),
)  # fmt: skip
FRANCHISEES = (
    # name, english, stores: region, code, city name, english, district
    ("嘉和珠宝", "Jiahe", (("east", "f101", "宁波海曙店", "Ningbo Haishu", "330203"), ("east", "f102", "宁波鄞州店", "Ningbo Yinzhou", "330212"), ("east", "f103", "绍兴越城店", "Shaoxing Yuecheng", "330602"), ("east", "f104", "嘉兴南湖店", "Jiaxing Nanhu", "330402"), ("east", "f105", "湖州吴兴店", "Huzhou Wuxing", "330502"), ("east", "f106", "金华婺城店", "Jinhua Wucheng", "330702"))),
    ("恒瑞金行", "Hengrui", (("south", "f201", "佛山禅城店", "Foshan Chancheng", "440604"), ("south", "f202", "佛山南海店", "Foshan Nanhai", "440605"), ("south", "f203", "珠海香洲店", "Zhuhai Xiangzhou", "440402"), ("south", "f204", "惠州惠城店", "Huizhou Huicheng", "441302"))),
    ("楚和珠宝", "Chuhe", (("middle", "f301", "武汉江汉店", "Wuhan Jianghan", "420103"), ("middle", "f302", "武汉武昌店", "Wuhan Wuchang", "420106"), ("middle", "f303", "长沙芙蓉店", "Changsha Furong", "430102"), ("middle", "f304", "宜昌西陵店", "Yichang Xiling", "420502"))),
    ("京华缘", "Jinghuayuan", (("north", "f401", "天津和平店", "Tianjin Heping", "120101"), ("north", "f402", "石家庄长安店", "Shijiazhuang Chang'an", "130102"), ("north", "f403", "济南历下店", "Jinan Lixia", "370102"))),
    ("蜀玉坊", "Shuyufang", (("middle", "f501", "重庆渝中店", "Chongqing Yuzhong", "500103"), ("middle", "f502", "昆明五华店", "Kunming Wuhua", "530102"), ("middle", "f503", "贵阳南明店", "Guiyang Nanming", "520102"))),
    ("闽南金玉", "Minnan", (("south", "f601", "厦门思明店", "Xiamen Siming", "350203"), ("south", "f602", "泉州丰泽店", "Quanzhou Fengze", "350503"))),
    ("太湖珠宝", "Taihu", (("east", "f701", "无锡梁溪店", "Wuxi Liangxi", "320213"),)),
    ("岭东金店", "Lingdong", (("north", "f801", "青岛市南店", "Qingdao Shinan", "370202"),)),
)  # fmt: skip
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
GIVEN = "梅兰竹菊雅静婷雪琳玉佩环瑶琪珊怡欣悦诗涵梦晴岚芸薇若曦宁安然嘉禾子墨一诺思远明轩浩宇俊杰文博志远建国海燕丽华秀英晓彤雨桐可心佳慧美玲慧敏子涵梓萱沐阳清扬书瑶"
HOURS = {"zh-CN": "10:00–21:30", "en": "10:00–21:30"}


class House(msgspec.Struct):
    """What was built: stores by code with their region, guides by store."""

    stores: dict[str, UUID]
    own: set[UUID]
    guides: dict[UUID, list[UUID]]


def person_name(chance: random.Random) -> str:
    """An invented name of two or three characters."""
    given = chance.choice(GIVEN) + (chance.choice(GIVEN) if chance.random() < 0.78 else "")
    return chance.choice(SURNAMES) + given


async def build(session: AsyncSession, slug: str, password: str, chance: random.Random) -> House:
    """Units and staff. Everybody of the demo signs in with the same password; logins are role@slug, code.role@slug."""
    top = await hq(session)
    regions: dict[str, Unit] = {}
    for code, name, english in REGIONS:
        regions[code] = await add_unit(
            session, parent_id=top.id, kind="region", code=code, name={"zh-CN": name, "en": english}
        )
    house = House({}, set(), {})
    for region, code, name, english, district, street, latitude, longitude in OWN:
        place = StorePlace(
            address=street, district_code=district, phone=f"400-000-{chance.randrange(1000, 9999)}", hours=HOURS,
            latitude_e6=latitude, longitude_e6=longitude, pick_up=True,
        )  # fmt: skip
        unit = await add_unit(
            session,
            parent_id=regions[region].id,
            kind="store",
            code=code,
            name={"zh-CN": name, "en": english},
            store=place,
        )
        house.stores[code] = unit.id
        house.own.add(unit.id)
    await _franchise(session, house, regions, chance)
    await _staff(session, house, slug, password, top, regions, chance)
    return house


async def _franchise(
    session: AsyncSession, house: House, regions: dict[str, Unit], chance: random.Random
) -> None:
    for number, (name, english, stores) in enumerate(FRANCHISEES, 1):
        parent = await add_unit(
            session,
            parent_id=regions[stores[0][0]].id,
            kind="franchisee",
            code=f"fr{number}",
            name={"zh-CN": name, "en": english},
        )
        for _, code, store, store_en, district in stores:
            place = StorePlace(
                address=f"中山路 {chance.randrange(10, 300)} 号", district_code=district,
                phone=f"400-000-{chance.randrange(1000, 9999)}", hours=HOURS, pick_up=number <= 4,
            )  # fmt: skip
            unit = await add_unit(
                session,
                parent_id=parent.id,
                kind="store",
                code=code,
                name={"zh-CN": store, "en": store_en},
                store=place,
            )
            house.stores[code] = unit.id


async def _staff(
    session: AsyncSession,
    house: House,
    slug: str,
    password: str,
    top: Unit,
    regions: dict[str, Unit],
    chance: random.Random,
) -> None:
    hashed = await hash_password(password)
    people: list[NewStaff] = []

    def add(login: str, roles: list[str], unit: UUID) -> None:
        people.append(
            NewStaff(
                login=f"{login}@{slug}",
                name=person_name(chance),
                roles=roles,
                unit_id=unit,
                password_hash=hashed,
            )
        )

    add("ops", ["operator"], top.id)
    add("warehouse", ["warehouse"], top.id)
    for number in range(1, 21):
        add(f"hq{number:02d}", [chance.choice(["operator", "viewer", "warehouse"])], top.id)
    for code, unit in regions.items():
        add(code, ["operator"], unit.id)
    guide_of: list[tuple[int, UUID]] = []
    for code, store in house.stores.items():
        add(f"{code}.manager", ["store_manager"], store)
        for number in range(1, (3 if store in house.own else 2) + 1):
            guide_of.append((len(people), store))
            add(f"{code}.guide{number}", ["guide"], store)
    ids: Sequence[UUID] = await add_many_staff(session, people)
    for at, store in guide_of:
        house.guides.setdefault(store, []).append(ids[at])
