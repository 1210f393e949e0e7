"""The demo brand's range: 120 products of 澜玉 Lanyu, jewellery and tea, with the picture each gets.

Shape and price bands: DEMO (gold by weight 18, antique-craft 14, K gold 18, jade 16, pearl and silver 18, tea 18, tea ware
10, gifts and services 8). Prices in yuan; every name and figure is invented for the demonstration.
"""

from typing import Any

import msgspec

Look = dict[str, Any]


class Family(msgspec.Struct, frozen=True):
    """A first-level category and how its products come about."""

    key: str
    name: dict[str, str]
    code: str
    options: str
    """``none`` · ``ring`` (sizes) · ``bangle`` (inner width) · ``chain`` (length) · ``tea`` (weight)"""
    stock: int
    """Pieces per SKU at the warehouse, about."""
    rows: tuple[tuple[str, str, str, int, str, Look], ...]
    """zh title, en title, zh subtitle, price in yuan, kind of picture, look."""


def _f(**look: Any) -> Look:
    return look


# fmt: off
FAMILIES: tuple[Family, ...] = (
    Family("gold", {"zh-CN": "黄金", "en": "Gold"}, "G", "none", 24, (
        ("岁岁平安足金转运珠手链", "Peace fine gold bead bracelet", "足金 999，约 1.6 g", 2180, "bracelet", _f(metal="fine", style="cord", charm="bead")),
        ("素圈足金戒指", "Plain fine gold band", "足金 999，约 3.2 g", 4120, "gold_ring", _f(metal="fine", style="plain")),
        ("对戒 长相守", "Pair of rings, Always", "足金 999，一对约 7.8 g", 9980, "gold_ring", _f(metal="fine", style="pair")),
        ("福字足金吊坠", "Fortune fine gold pendant", "足金 999，约 4.5 g", 5860, "necklace", _f(metal="fine", shape="disc")),
        ("长命锁足金项链", "Longevity lock necklace", "足金 999，约 6.2 g", 8060, "necklace", _f(metal="fine", shape="lock")),
        ("银杏叶足金项链", "Ginkgo leaf necklace", "足金 999，约 3.9 g", 5080, "necklace", _f(metal="fine", shape="leaf")),
        ("绳纹足金手链", "Rope fine gold bracelet", "足金 999，约 8.6 g", 11180, "bracelet", _f(metal="fine", style="rope", charm="none")),
        ("圆珠足金手链", "Round bead gold bracelet", "足金 999，约 9.4 g", 12220, "bracelet", _f(metal="fine", style="beads", charm="disc")),
        ("光面足金手镯", "Polished fine gold bangle", "足金 999，约 20.1 g", 26120, "gold_bangle", _f(metal="fine", style="plain")),
        ("开口足金手镯", "Open fine gold bangle", "足金 999，约 15.3 g", 19880, "gold_bangle", _f(metal="fine", style="open")),
        ("扭纹足金手镯", "Twisted fine gold bangle", "足金 999，约 28.9 g", 37600, "gold_bangle", _f(metal="fine", style="twisted")),
        ("投资金条 5 g", "Gold bar 5 g", "足金 9999，附证书", 6490, "gold_bar", _f(style="bar", grams="5 g")),
        ("投资金条 10 g", "Gold bar 10 g", "足金 9999，附证书", 12920, "gold_bar", _f(style="bar", grams="10 g")),
        ("投资金条 20 g", "Gold bar 20 g", "足金 9999，附证书", 25780, "gold_bar", _f(style="tall", grams="20 g")),
        ("莲花纪念金币", "Lotus gold coin", "足金 999，约 3.1 g", 4280, "coin", _f(metal="fine", motif="lotus")),
        ("山河纪念金币", "Mountain gold coin", "足金 999，约 3.1 g", 4280, "coin", _f(metal="fine", motif="mountain")),
        ("望月纪念金币", "Moon gold coin", "足金 999，约 1.0 g", 1480, "coin", _f(metal="fine", motif="moon")),
        ("同心结足金小币", "Knot small gold coin", "足金 999，约 0.9 g", 1260, "coin", _f(metal="fine", motif="knot")),
    )),
    Family("antique", {"zh-CN": "古法金", "en": "Antique gold"}, "A", "none", 12, (
        ("古法 缠枝莲手镯", "Antique lotus scroll bangle", "古法錾刻，哑光磨砂", 12800, "gold_bangle", _f(metal="gold", style="engraved")),
        ("古法 素圈手镯", "Antique plain bangle", "古法手打，一口价", 9860, "gold_bangle", _f(metal="gold", style="plain")),
        ("古法 竹节手镯", "Antique bamboo bangle", "竹报平安", 11600, "gold_bangle", _f(metal="gold", style="twisted")),
        ("古法 如意开口镯", "Antique ruyi open bangle", "开口可调", 10980, "gold_bangle", _f(metal="gold", style="open")),
        ("古法 回纹戒", "Antique meander ring", "回纹不断，福寿绵长", 3680, "gold_ring", _f(metal="gold", style="engraved")),
        ("古法 素戒", "Antique plain ring", "磨砂素面", 2980, "gold_ring", _f(metal="gold", style="plain")),
        ("古法 龙凤对戒", "Antique dragon and phoenix rings", "婚嫁之选", 7980, "gold_ring", _f(metal="gold", style="pair")),
        ("古法 平安锁项链", "Antique lock necklace", "锁住平安", 6680, "necklace", _f(metal="gold", shape="lock")),
        ("古法 圆满项链", "Antique full circle necklace", "一轮圆满", 5280, "necklace", _f(metal="gold", shape="ring")),
        ("古法 祥云项链", "Antique cloud necklace", "云起云舒", 4980, "necklace", _f(metal="gold", shape="disc")),
        ("古法 编绳金珠", "Antique bead on cord", "金珠编绳", 2080, "bracelet", _f(metal="gold", style="cord", charm="disc")),
        ("古法 链条手链", "Antique chain bracelet", "手工扣接", 8680, "bracelet", _f(metal="gold", style="cable", charm="lock")),
        ("古法 海浪金币", "Antique wave coin", "海纳百川", 3280, "coin", _f(metal="gold", motif="waves")),
        ("古法 莲心金币", "Antique lotus coin", "清净莲心", 3480, "coin", _f(metal="gold", motif="lotus")),
    )),
    Family("kgold", {"zh-CN": "K 金镶嵌", "en": "Karat gold"}, "K", "ring", 16, (
        ("缠枝莲祖母绿细金戒", "Scroll ring with green stone", "18K 金", 3280, "ring", _f(jade="green", metal="gold", gem="facet")),
        ("晴空蓝水蛋面戒", "Sky cabochon ring", "18K 金", 2680, "ring", _f(jade="sky", metal="gold", gem="cab")),
        ("春彩单石戒", "Lilac solitaire ring", "18K 玫瑰金", 2980, "ring", _f(jade="lilac", metal="rose", gem="solitaire")),
        ("蜜色蛋面戒", "Honey cabochon ring", "18K 金", 1980, "ring", _f(jade="honey", metal="gold", gem="cab")),
        ("南红小金戒", "Red agate small ring", "18K 玫瑰金", 1280, "ring", _f(jade="agate", metal="rose", gem="facet")),
        ("冰种窄版戒", "Icy narrow band", "18K 金", 3680, "ring", _f(jade="icy", metal="gold", gem="band")),
        ("墨翠方圆戒", "Ink jade band", "18K 白金色", 4280, "ring", _f(jade="ink", metal="silver", gem="band")),
        ("珍珠一粒戒", "Single pearl ring", "18K 金，Akoya 珍珠", 2480, "ring", _f(metal="gold", gem="pearl")),
        ("阳绿单石戒", "Green solitaire ring", "18K 白金色", 5600, "ring", _f(jade="green", metal="silver", gem="solitaire")),
        ("微光叶子项链", "Glimmer leaf necklace", "18K 玫瑰金", 1680, "necklace", _f(metal="rose", shape="leaf")),
        ("一粒光项链", "Point of light necklace", "18K 玫瑰金", 1980, "necklace", _f(metal="rose", shape="gem")),
        ("平衡项链", "Balance bar necklace", "18K 金", 1580, "necklace", _f(metal="gold", shape="bar")),
        ("小圆满项链", "Small circle necklace", "18K 白金色", 1380, "necklace", _f(metal="silver", shape="ring")),
        ("锁骨 一滴晴水", "Icy drop necklace", "18K 金", 3180, "pendant", _f(jade="icy", metal="gold", shape="drop")),
        ("玫瑰金细链手链", "Rose gold fine bracelet", "18K 玫瑰金", 1180, "bracelet", _f(metal="rose", style="cable", charm="bead")),
        ("阳绿水滴耳环", "Green drop earrings", "18K 金", 3880, "earrings", _f(jade="green", metal="gold", style="drop")),
        ("蓝水圆环耳饰", "Sky hoop earrings", "18K 白金色", 2280, "earrings", _f(jade="sky", metal="silver", style="hoop")),
        ("蜜色长线耳饰", "Honey bar earrings", "18K 玫瑰金", 899, "earrings", _f(jade="honey", metal="rose", style="bar")),
    )),
    Family("jade", {"zh-CN": "翡翠玉石", "en": "Jade"}, "J", "none", 1, (
        ("晴水冰透平安扣吊坠", "Icy jade disc pendant", "直径 14.2 mm，附鉴定证书", 3680, "pendant", _f(jade="icy", metal="gold", shape="disc")),
        ("冰种晴水手镯", "Icy jade bangle", "一镯一证，仅此一只", 58800, "bangle", _f(jade="icy", tint="none", cut="round")),
        ("冰种飘花手镯", "Icy bangle with green drifts", "一镯一证，仅此一只", 168000, "bangle", _f(jade="icy", tint="green", cut="round")),
        ("墨翠圆条手镯", "Ink jade bangle", "透光见绿", 32800, "bangle", _f(jade="ink", tint="none", cut="round")),
        ("糯种春色手镯", "Glutinous bangle with lilac", "春带彩", 21800, "bangle", _f(jade="glutinous", tint="lilac", cut="flat")),
        ("蓝水贵妃镯", "Sky oval bangle", "贵妃圈口", 46800, "bangle", _f(jade="sky", tint="none", cut="oval")),
        ("和田白玉手镯", "Hetian white jade bangle", "细糯温润", 39800, "bangle", _f(jade="hetian", tint="none", cut="round")),
        ("阳绿水滴吊坠", "Green jade drop pendant", "起莹起光", 12800, "pendant", _f(jade="green", metal="gold", shape="drop")),
        ("冰种葫芦吊坠", "Icy gourd pendant", "福禄双全", 8600, "pendant", _f(jade="icy", metal="gold", shape="gourd")),
        ("无事牌 蓝水", "Sky plain plaque", "平安无事", 9800, "pendant", _f(jade="sky", metal="silver", shape="plaque")),
        ("和田玉无事牌", "Hetian plain plaque", "素面温润", 6800, "pendant", _f(jade="hetian", metal="gold", shape="plaque")),
        ("金枝玉叶 阳绿", "Green leaf pendant", "金枝玉叶", 15800, "pendant", _f(jade="green", metal="gold", shape="leaf")),
        ("春彩心形吊坠", "Lilac heart pendant", "一见倾心", 5200, "pendant", _f(jade="lilac", metal="rose", shape="heart")),
        ("南红珠手串", "Red agate beads", "保山南红", 4600, "beads", _f(jade="agate", accent="honey", spacer="gold")),
        ("和田玉珠手串", "Hetian beads", "羊脂级细度", 7200, "beads", _f(jade="hetian", accent="green", spacer="gold")),
        ("墨翠珠手串", "Ink jade beads", "沉静如墨", 2600, "beads", _f(jade="ink", accent="icy", spacer="silver")),
    )),
    Family("pearl", {"zh-CN": "珍珠银饰", "en": "Pearl & silver"}, "P", "none", 40, (
        ("Akoya 珍珠项链", "Akoya pearl strand", "7.0–7.5 mm，正圆", 1680, "strand", _f(pearl="white", metal="gold", style="necklace")),
        ("淡水珍珠双层项链", "Freshwater double strand", "5–6 mm", 899, "strand", _f(pearl="pink", metal="silver", style="double")),
        ("金珠手链", "Golden pearl bracelet", "南洋金珠", 1580, "strand", _f(pearl="gold", metal="gold", style="bracelet")),
        ("孔雀绿珍珠项链", "Dark pearl strand", "大溪地", 1699, "strand", _f(pearl="dark", metal="silver", style="necklace")),
        ("薰衣草珍珠手链", "Lavender pearl bracelet", "淡水珍珠", 459, "strand", _f(pearl="lavender", metal="silver", style="bracelet")),
        ("极光珍珠耳钉", "Aurora pearl studs", "925 银针", 299, "studs", _f(pearl="white", metal="silver", style="stud")),
        ("粉珠花朵耳饰", "Pink pearl flower earrings", "925 银", 369, "studs", _f(pearl="pink", metal="rose", style="flower")),
        ("金珠垂坠耳饰", "Golden pearl drops", "925 银镀金", 899, "studs", _f(pearl="gold", metal="gold", style="drop")),
        ("黑珠一粒耳钉", "Dark pearl studs", "925 银", 599, "studs", _f(pearl="dark", metal="silver", style="stud")),
        ("银链扣手链", "Silver chain bracelet", "925 银", 259, "bracelet", _f(metal="silver", style="cable", charm="disc")),
        ("银珠手链", "Silver bead bracelet", "925 银", 219, "bracelet", _f(metal="silver", style="beads", charm="none")),
        ("红绳小银锁", "Silver lock on red cord", "925 银", 199, "bracelet", _f(metal="silver", style="cord", charm="lock")),
        ("银叶项链", "Silver leaf necklace", "925 银", 329, "necklace", _f(metal="silver", shape="leaf")),
        ("银圆项链", "Silver disc necklace", "925 银", 289, "necklace", _f(metal="silver", shape="disc")),
        ("小锁银项链", "Silver lock necklace", "925 银", 359, "necklace", _f(metal="silver", shape="lock")),
        ("素银手镯", "Plain silver bangle", "足银 999", 1180, "gold_bangle", _f(metal="silver", style="plain")),
        ("扭纹银手镯", "Twisted silver bangle", "足银 999", 1280, "gold_bangle", _f(metal="silver", style="twisted")),
        ("素银对戒", "Silver pair of rings", "925 银", 399, "gold_ring", _f(metal="silver", style="pair")),
    )),
    Family("tea", {"zh-CN": "名茶", "en": "Tea"}, "T", "tea", 160, (
        ("明前龙井", "Longjing, first flush", "西湖产区，明前头采", 328, "tin", _f(color="jade", label="龙井", sub="西湖产区")),
        ("雨前龙井", "Longjing, second flush", "豆香清雅", 168, "tin", _f(color="moss", label="雨前", sub="西湖产区")),
        ("正岩大红袍", "Da Hong Pao rock tea", "武夷正岩，中足火", 428, "tin", _f(color="cinnabar", label="岩茶", sub="武夷正岩")),
        ("肉桂", "Rougui rock tea", "桂皮香显", 298, "tin", _f(color="plum", label="肉桂", sub="武夷山")),
        ("水仙", "Shuixian rock tea", "兰底醇厚", 198, "tin", _f(color="ochre", label="水仙", sub="武夷山")),
        ("安溪铁观音", "Tieguanyin", "清香型", 138, "tin", _f(color="teal", label="观音", sub="安溪")),
        ("凤凰单丛 鸭屎香", "Phoenix dancong", "花香高扬", 258, "tin", _f(color="indigo", label="单丛", sub="凤凰山")),
        ("碧螺春", "Biluochun", "洞庭山，花果香", 268, "tin", _f(color="moss", label="碧螺", sub="洞庭山")),
        ("黄山毛峰", "Huangshan Maofeng", "一芽一叶", 158, "tin", _f(color="jade", label="毛峰", sub="黄山")),
        ("祁门红茶", "Keemun black tea", "祁门香", 188, "tin", _f(color="cinnabar", label="祁红", sub="祁门")),
        ("正山小种", "Lapsang souchong", "桐木关", 218, "tin", _f(color="ink", label="小种", sub="桐木关")),
        ("茉莉银毫", "Jasmine silver tips", "七窨一提", 128, "tin", _f(color="cream", label="茉莉", sub="福州")),
        ("白毫银针饼", "Silver needle cake", "福鼎，200 g", 680, "cake", _f(color="jade", wrapper="white", label="白毫银针")),
        ("寿眉老茶饼", "Aged shoumei cake", "福鼎，357 g", 398, "cake", _f(color="ochre", wrapper="kraft", label="寿眉老茶")),
        ("古树普洱生饼", "Ancient tree raw puer", "景迈，357 g", 980, "cake", _f(color="moss", wrapper="cream", label="古树普洱")),
        ("勐海熟普饼", "Menghai ripe puer", "勐海，357 g", 298, "cake", _f(color="cinnabar", wrapper="white", label="勐海熟普")),
        ("陈皮白茶", "Tangerine peel white tea", "新会陈皮", 168, "cake", _f(color="ochre", wrapper="cream", label="陈皮白茶")),
        ("桂花乌龙 小袋", "Osmanthus oolong sachets", "12 袋", 58, "caddy", {}),
    )),
    Family("ware", {"zh-CN": "茶器", "en": "Tea ware"}, "W", "none", 30, (
        ("青瓷莲瓣杯", "Celadon lotus cup", "龙泉，120 ml", 168, "cup", _f(glaze="celadon", tea="green", shape="lotus")),
        ("天目建盏", "Tenmoku bowl", "建阳，90 ml", 398, "cup", _f(glaze="tenmoku", tea="black", shape="bowl")),
        ("天青高杯", "Sky blue tall cup", "汝窑风，150 ml", 138, "cup", _f(glaze="sky", tea="white", shape="tall")),
        ("甜白小杯", "White bowl", "景德镇，60 ml", 128, "cup", _f(glaze="white", tea="oolong", shape="bowl")),
        ("柿红釉杯", "Ochre glaze cup", "柴烧，100 ml", 198, "cup", _f(glaze="ochre", tea="puer", shape="tall")),
        ("青瓷盖碗", "Celadon gaiwan", "120 ml", 268, "gaiwan", {}),
        ("甜白盖碗", "White gaiwan", "110 ml", 298, "gaiwan", {}),
        ("紫泥石瓢壶", "Purple clay teapot", "宜兴，220 ml", 2680, "teapot", {}),
        ("朱泥水平壶", "Red clay teapot", "宜兴，120 ml", 1980, "teapot", {}),
        ("段泥仿古壶", "Sand clay teapot", "宜兴，180 ml", 1580, "teapot", {}),
    )),
    Family("gift", {"zh-CN": "礼盒与服务", "en": "Gifts & services"}, "S", "none", 50, (
        ("春茶双罐礼盒", "Spring tea gift box", "龙井与碧螺春", 598, "box", _f(color="jade", style="open")),
        ("中秋茶礼", "Mid-autumn tea gift", "岩茶与茶点", 698, "box", _f(color="indigo", style="ribbon", label="茶礼")),
        ("双喜婚嫁礼盒", "Wedding gift box", "可配对戒", 1280, "box", _f(color="cinnabar", style="band", label="双喜")),
        ("年货 茶器礼盒", "New Year tea ware gift", "盖碗一、杯四", 888, "box", _f(color="cinnabar", style="ribbon", label="如意")),
        ("首饰礼品包装", "Gift wrapping", "附手写卡", 29, "box", _f(color="cream", style="ribbon", label="澜玉")),
        ("黄金清洗养护", "Gold cleaning", "门店服务，一次", 0, "card", _f(label="养护")),
        ("戒指改圈", "Ring resizing", "门店服务，一次", 98, "card", _f(label="改圈")),
        ("内壁刻字", "Engraving", "门店服务，八字以内", 68, "card", _f(label="刻字")),
    )),
)

# fmt: on
RING_SIZES = ("11", "13", "15")
TEA_SIZES = (
    (50, "50 g 罐", "50 g tin", 100),
    (100, "100 g 罐", "100 g tin", 188),
    (250, "250 g 礼罐", "250 g gift tin", 438),
)
"""Grams, names, percent of the base price."""
