"""What the demo brand's range says in English: a line for each Chinese subtitle of ``range``."""

import re

# fmt: off
ENGLISH: dict[str, str] = {
    "足金 9999，附证书": "Fine gold 9999, with certificate", "古法錾刻，哑光磨砂": "Chased by hand, matte finish",
    "古法手打，一口价": "Hammered by hand, one fixed price", "竹报平安": "Bamboo, the sign of peace", "开口可调": "Open, adjustable",
    "回纹不断，福寿绵长": "An unbroken meander for a long life", "磨砂素面": "Plain, brushed", "婚嫁之选": "For weddings",
    "锁住平安": "A lock that keeps peace", "一轮圆满": "A full circle", "云起云舒": "Drifting clouds", "金珠编绳": "Gold bead on braided cord",
    "手工扣接": "Linked by hand", "海纳百川": "The sea takes in all rivers", "清净莲心": "Heart of a lotus", "18K 金": "18K gold",
    "18K 玫瑰金": "18K rose gold", "18K 白金色": "18K, white finish", "18K 金，Akoya 珍珠": "18K gold, Akoya pearl",
    "直径 14.2 mm，附鉴定证书": "14.2 mm across, with appraisal", "一镯一证，仅此一只": "Certified; there is only this one",
    "透光见绿": "Shows green against the light", "春带彩": "Lilac and green in one stone", "贵妃圈口": "Oval, close to the wrist",
    "细糯温润": "Fine and mellow", "起莹起光": "A glow from within", "福禄双全": "Fortune and rank together", "平安无事": "Nothing but peace",
    "素面温润": "Plain and mellow", "金枝玉叶": "Branch of gold, leaf of jade", "一见倾心": "Love at first sight", "保山南红": "Red agate from Baoshan",
    "羊脂级细度": "As fine as mutton fat", "沉静如墨": "Calm as ink", "7.0–7.5 mm，正圆": "7.0–7.5 mm, round", "5–6 mm": "5–6 mm",
    "南洋金珠": "Golden South Sea pearls", "大溪地": "Tahitian", "淡水珍珠": "Freshwater pearls", "925 银针": "925 silver posts", "925 银": "925 silver",
    "925 银镀金": "Gilt 925 silver", "足银 999": "Fine silver 999", "西湖产区，明前头采": "West Lake, picked before Qingming",
    "豆香清雅": "Fresh, with a scent of beans", "武夷正岩，中足火": "Wuyi rock, medium to full roast", "桂皮香显": "Clear scent of cassia",
    "兰底醇厚": "Full, with orchid beneath", "清香型": "Light roast", "花香高扬": "High floral scent", "洞庭山，花果香": "Dongting Hills, flowers and fruit",
    "一芽一叶": "One bud, one leaf", "祁门香": "The Keemun scent", "桐木关": "From Tongmu Pass", "七窨一提": "Scented seven times",
    "新会陈皮": "Xinhui tangerine peel", "12 袋": "12 sachets", "汝窑风，150 ml": "After Ru ware, 150 ml", "柴烧，100 ml": "Wood-fired, 100 ml",
    "120 ml": "120 ml", "110 ml": "110 ml", "龙井与碧螺春": "Longjing and Biluochun", "岩茶与茶点": "Rock tea and tea sweets",
    "可配对戒": "Goes with a pair of rings", "盖碗一、杯四": "One gaiwan, four cups", "附手写卡": "With a handwritten card",
    "门店服务，一次": "At a store, once", "门店服务，八字以内": "At a store, up to eight characters",
}
PLACES = {
    "福鼎": "Fuding", "景迈": "Jingmai", "勐海": "Menghai", "龙泉": "Longquan", "建阳": "Jianyang", "景德镇": "Jingdezhen", "宜兴": "Yixing",
}
# fmt: on
_WEIGHT = re.compile(r"足金 999，(一对)?约 ([0-9.]+ g)")
_FROM = re.compile(r"(\S+?)，([0-9]+ (?:g|ml))")


def english(subtitle: str) -> str:
    """A Chinese subtitle of the range in English. Raises ``KeyError`` for one that nobody has put into English."""
    if weight := _WEIGHT.fullmatch(subtitle):
        return f"Fine gold 999, {'a pair of ' if weight[1] else ''}about {weight[2]}"
    if (place := _FROM.fullmatch(subtitle)) and place[1] in PLACES:
        return f"{PLACES[place[1]]}, {place[2]}"
    return ENGLISH[subtitle]
