import csv
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from siyu.people.customers import regions
from siyu.people.customers.regions import (
    Region,
    address_names,
    children,
    is_district,
    path_of,
    provinces,
)

OFFICIAL = next(
    Path(__file__).parents[4].glob("*/data/regions-cn"), Path("absent")
)  # beside the project


def test_the_list_has_31_provinces_342_cities_and_2978_districts_and_three_more_at_the_top():
    top = provinces()
    cities = [city for province in top for city in children(province.code)]
    districts = [district for city in cities for district in children(city.code)]
    undivided = [city.name for city in cities if not children(city.code)]
    assert undivided == ["东莞市", "中山市", "儋州市"]
    assert (len(top), len(cities), len(districts) + len(undivided)) == (34, 342, 2978)
    assert [region.name for region in top if not children(region.code)] == [
        "台湾省",
        "香港特别行政区",
        "澳门特别行政区",
    ]


def test_every_level_is_sorted_and_carries_the_code_of_the_one_above():
    for province in provinces():
        for city in children(province.code):
            assert city.code[:2] + "0000" == province.code
            assert all(district.code[:4] + "00" == city.code for district in children(city.code))
            codes = [district.code for district in children(city.code)]
            assert all(earlier < later for earlier, later in pairwise(codes))


def test_a_path_names_province_city_and_district():
    assert path_of("330106") == ("浙江省", "杭州市", "西湖区")
    assert path_of("330100") == ("浙江省", "杭州市")
    assert path_of("330000") == ("浙江省",)
    assert path_of("110101") == ("北京市", "市辖区", "东城区")


def test_a_parcel_leaves_out_names_that_only_group():
    assert address_names("110101") == ("北京市", "东城区")
    assert address_names("429004") == ("湖北省", "仙桃市")
    assert address_names("500229") == ("重庆市", "城口县")


def test_an_address_ends_at_a_district_or_where_the_list_ends():
    assert is_district("330106")
    assert is_district("441900")
    assert is_district("810000")
    assert not is_district("330100")
    assert not is_district("330000")


@pytest.mark.parametrize("code", ["", "33", "999999", "33010", "3301060", "abcdef", "西湖区"])
def test_a_code_nobody_knows_is_no_district_and_has_no_path(code: str):
    assert not is_district(code)
    assert path_of(code) == ()
    assert code == "" or children(code) == ()


def test_a_city_without_districts_ends_an_address_itself():
    assert is_district("441900")
    assert children("441900") == ()
    assert path_of("441900") == ("广东省", "东莞市")


def test_the_list_is_read_on_first_use_not_when_the_program_starts():
    asked = (
        "from siyu.people.customers import regions as r; before = r._divisions.cache_info().currsize;"
        "r.is_district('330106'); print(before, r._divisions.cache_info().currsize)"
    )
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["0", "1"]


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official list is not on this machine")
def test_the_seed_agrees_with_the_official_list():
    def official(name: str) -> list[Region]:
        with (OFFICIAL / f"{name}.csv").open(encoding="utf-8") as lines:
            return [Region(row["code"].ljust(6, "0"), row["name"]) for row in csv.DictReader(lines)]

    ours = regions._divisions().names
    theirs = dict(official("provinces") + official("cities") + official("areas"))
    assert ours == theirs | {
        "710000": "台湾省",
        "810000": "香港特别行政区",
        "820000": "澳门特别行政区",
    }
