"""The materials and stages of the pictures: every material is a ramp of five tones, deep to lit."""

from collections.abc import Sequence
from typing import Final

Ramp = Sequence[str]

JADE: Final[dict[str, Ramp]] = {
    "icy": ("#4E8F7C", "#79B3A0", "#A9D3C3", "#D3EBE0", "#F6FDF9"),  # 冰种晴水
    "green": ("#0F4A36", "#1F7454", "#3F9C75", "#7CC7A3", "#DDF5E8"),  # 阳绿
    "ink": ("#0B1F1B", "#173730", "#2A544A", "#56877A", "#C9E3DA"),  # 墨翠
    "hetian": ("#B7A98C", "#D6CBB3", "#EAE3D2", "#F6F2E8", "#FFFFFF"),  # 和田白
    "lilac": ("#74658A", "#9C8DB2", "#C3B7D3", "#E0D8EA", "#FBF8FF"),  # 春彩
    "honey": ("#8A4A12", "#B8701F", "#DBA044", "#F0CB83", "#FFF6DF"),  # 蜜蜡
    "sky": ("#5D7F93", "#88A9B9", "#B4CDD8", "#D9E8EE", "#F8FDFF"),  # 蓝水
    "agate": ("#6B1710", "#9C2B1D", "#C4503A", "#E39A84", "#FCE6DC"),  # 南红
    "glutinous": ("#7E9A82", "#A6BDA6", "#C9D8C6", "#E4ECE0", "#FBFDF8"),  # 糯种
}
METAL: Final[dict[str, Ramp]] = {
    "gold": ("#6B4714", "#A57427", "#D2A14B", "#EDCB80", "#FFF6D6"),
    "fine": ("#7A4A08", "#B87A12", "#E3A92B", "#F7D271", "#FFF8D8"),  # 足金
    "rose": ("#713F2C", "#AC6F55", "#D69C80", "#EFC8B2", "#FFF1E8"),
    "silver": ("#565A5F", "#878C92", "#B6BBC0", "#E0E3E6", "#FFFFFF"),
}
PEARL: Final[dict[str, Ramp]] = {
    "white": ("#A79C92", "#D3C9BE", "#EFE9E1", "#FBF8F4", "#FFFFFF"),
    "pink": ("#A9827B", "#D4B2AA", "#EFD9D2", "#FBEFEA", "#FFFFFF"),
    "gold": ("#95702E", "#C7A35A", "#E6CC92", "#F6E8C6", "#FFFDF2"),
    "dark": ("#1E2426", "#3E4A4C", "#66757A", "#9DACAE", "#F0F6F6"),
    "lavender": ("#7C7488", "#AAA2B8", "#D2CCDC", "#EBE7F1", "#FFFFFF"),
}
GLAZE: Final[dict[str, Ramp]] = {
    "celadon": ("#5C8573", "#8DB3A1", "#B7D3C4", "#DCEBE1", "#F7FCF8"),
    "white": ("#A59D8E", "#CFC8BA", "#E9E4DA", "#F7F4EE", "#FFFFFF"),
    "tenmoku": ("#120C0A", "#2A1C17", "#4A3128", "#7C5342", "#E0B68E"),
    "sky": ("#52758A", "#83A6B8", "#AECAD6", "#D6E6EC", "#F7FCFF"),
    "ochre": ("#6E451C", "#A2703A", "#C99A5C", "#E6C791", "#FFF3D9"),
    "plum": ("#4A2530", "#78424F", "#A56F79", "#D1A7AB", "#FBEBEA"),
}
CLAY: Final[dict[str, Ramp]] = {
    "purple": ("#2C1712", "#54302A", "#7C4E42", "#A97C6C", "#E6CBBB"),  # 紫泥
    "red": ("#5A1F0E", "#8E3B20", "#B95E3D", "#DA9273", "#F7DCCB"),  # 朱泥
    "sand": ("#7A5C2E", "#A98A54", "#CBB07C", "#E3D0A6", "#FBF3DD"),  # 段泥
    "green": ("#1F2E28", "#3C5148", "#5F766B", "#92A69C", "#DCE7E0"),  # 绿泥
}
TEA: Final[dict[str, str]] = {
    "green": "#B7B24E",
    "white": "#D9BE72",
    "oolong": "#C98B2E",
    "black": "#B4532A",
    "puer": "#7A2E16",
}
PAINT: Final[dict[str, str]] = {
    "jade": "#1E4A3F",
    "cinnabar": "#7A2E20",
    "indigo": "#2B4468",
    "ink": "#2B2A27",
    "ochre": "#8A6226",
    "plum": "#5A3547",
    "moss": "#56633A",
    "cream": "#B9A98A",
    "teal": "#2F6468",
}
STAGE: Final[dict[str, tuple[str, str]]] = {
    "xuan": ("#F6F2E9", "#E3DBCB"),
    "celadon": ("#EEF2EB", "#CFDBD0"),
    "lotus": ("#F5EEEA", "#E2D3CB"),
    "mist": ("#EEF1F1", "#D3DADB"),
}
SHADOW: Final = "#2A2118"
SEAL: Final = "#B03A26"
INK: Final = "#26231E"


def mix(first: str, second: str, part: float) -> str:
    """The colour ``part`` of the way from the first to the second."""
    pairs = ((int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * part):02X}" for a, b in pairs)


def tone(ramp: Ramp, light: float) -> str:
    """The tone of a material under ``light``, 0 deep to 1 lit; clipped to that range."""
    place = max(0.0, min(1.0, light)) * (len(ramp) - 1)
    step = min(int(place), len(ramp) - 2)
    return mix(ramp[step], ramp[step + 1], place - step)


def darker(color: str, part: float) -> str:
    """The colour with black in it."""
    return mix(color, "#000000", part)


def lighter(color: str, part: float) -> str:
    """The colour with white in it."""
    return mix(color, "#FFFFFF", part)


def painted(color: str) -> Ramp:
    """A ramp for a lacquered or printed colour."""
    return (
        darker(color, 0.55),
        darker(color, 0.2),
        color,
        lighter(color, 0.32),
        lighter(color, 0.72),
    )
