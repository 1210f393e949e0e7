"""Who may do what: the register of permissions, the built-in roles, and what one may hand on. Pure."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec

from siyu.kernel.errors import Invalid, Refusal

LocaleText = dict[str, str]
MASKS = ("phone", "address", "recipient", "cost")
"""Fields that a role may hide."""
OWNER = "owner"
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{2,63}")
_ROLE = re.compile(r"[a-z][a-z0-9_]{1,39}")
_PHONE_LIKE = re.compile(r"\+?[0-9]{7,}")

permissions: dict[str, LocaleText] = {}
"""Every permission of the house by key, with its name; filled by the modules as they are imported."""


def permission(key: str, name: LocaleText) -> str:
    """Register a permission, e.g. ``permission("orders.ship", {"zh-CN": "发货", "en": "Ship orders"})``; the key."""
    assert "zh-CN" in name and "en" in name, f"{key} needs a name in both languages"
    assert permissions.get(key, name) == name, f"two names for {key}"
    permissions[key] = name
    return key


class Role(msgspec.Struct, frozen=True):
    """A named set of permissions and hidden fields. ``grants`` are patterns over permission keys."""

    code: str
    name: LocaleText
    grants: tuple[str, ...]
    masks: tuple[str, ...] = ()
    built_in: bool = False

    def permissions(self) -> frozenset[str]:
        """The registered permissions that the role gives; a pattern with ``!`` in front takes away."""
        given: set[str] = set()
        for pattern in self.grants:
            if pattern.startswith("!"):
                given -= {key for key in given if fnmatchcase(key, pattern[1:])}
            else:
                given |= {key for key in permissions if fnmatchcase(key, pattern)}
        return frozenset(given)


_DAILY = ("products.view", "stock.view", "orders.view", "customers.view", "links.view")
BUILT_IN = {
    role.code: role
    for role in (
        Role(OWNER, {"zh-CN": "品牌主", "en": "Owner"}, ("*",), built_in=True),
        Role(
            "operator",
            {"zh-CN": "私域运营", "en": "Operator"},
            ("*", "!staff.edit", "!settings.edit", "!units.edit"),
            ("cost",),
            built_in=True,
        ),
        Role(
            "store_manager",
            {"zh-CN": "店长", "en": "Store manager"},
            (*_DAILY, "boards.*", "orders.*", "stock.*", "customers.*", "links.*", "staff.view"),
            ("cost",),
            built_in=True,
        ),
        Role(
            "guide",
            {"zh-CN": "导购", "en": "Guide"},
            (*_DAILY, "links.*", "orders.pick_up"),
            ("phone", "address", "cost"),
            built_in=True,
        ),
        Role(
            "warehouse",
            {"zh-CN": "仓库", "en": "Warehouse"},
            ("products.view", "stock.*", "orders.view", "orders.ship"),
            ("cost",),
            built_in=True,
        ),
        Role(
            "viewer",
            {"zh-CN": "只读", "en": "Viewer"},
            ("*.view", "!audit.view"),
            MASKS,
            built_in=True,
        ),
        Role(
            "dealer",
            {"zh-CN": "经销商", "en": "Dealer"},
            ("products.view", "stock.view", "orders.view"),
            ("phone", "address", "cost"),
            built_in=True,
        ),
    )
}
"""What each begins with; a brand may change all but the owner's."""


class SignInFailed(Refusal):
    """The login or the password is wrong, or the account is not active: which one stays unsaid."""

    code = "staff.sign_in_failed"
    status = 401
    detail = "The login or the password is wrong."


class WrongPassword(Refusal):
    """The present password was not given right."""

    code = "staff.wrong_password"
    status = 422
    detail = "The present password is wrong."


class WeakPassword(Refusal):
    """The new password is too short, too long or the login itself."""

    code = "staff.weak_password"
    status = 422
    detail = "A password has 8 to 200 characters and is not the login."


class BadLogin(Refusal):
    """The login is not usable; phone numbers are not taken, because logins are not protected as personal data."""

    code = "staff.bad_login"
    status = 422
    detail = "A login has 3 to 64 of a–z, 0–9, . _ @ + - and is not a phone number."


class SecondStepWanted(Refusal):
    """The password is right and the account has a second step: the same request again, with a code."""

    code = "staff.second_step_wanted"
    status = 401
    detail = "Send the code of your authenticator app, or a recovery code, as well."


class WrongCode(Refusal):
    """The code is wrong, too old or was used before."""

    code = "staff.wrong_code"
    status = 422
    detail = "The code is wrong or was used before. Wait for the next one, or use a recovery code."


class WrongFirstCode(WrongCode):
    """The code that is to prove a new second step is wrong; there are no recovery codes yet."""

    code = "staff.wrong_first_code"
    detail = "The code is wrong. See that the phone's clock is right, then use the next six digits."


class SecondStepNeeded(Refusal):
    """The brand asks a second step of everybody, and this account has none yet."""

    code = "staff.second_step_needed"
    status = 403
    detail = "Your brand asks for a second step at sign-in. Set yours up under Me before you go on."


class SecondStepRequired(Refusal):
    """The brand asks a second step of everybody, so it cannot be given up."""

    code = "staff.second_step_required"
    detail = "Your brand asks for a second step; it cannot be turned off."


class SecondStepOn(Refusal):
    """There is a second step already."""

    code = "staff.second_step_on"
    detail = "Your second step is on. Turn it off before you set up another app."


class SecondStepOff(Refusal):
    """There is no second step, or it was not begun."""

    code = "staff.second_step_off"
    detail = "There is no second step here. Begin with setting it up."


class OwnSecondStep(Refusal):
    """One's own second step is only turned off with a code."""

    code = "staff.own_second_step"
    detail = "Turn your own second step off under Me, with a code."


class BeyondYou(Refusal):
    """Somebody would get, or has, rights that the actor does not have; ``facts``: permissions, masks."""

    code = "staff.beyond_you"
    status = 403
    detail = "You cannot give, or change the account of somebody with, rights that you do not have yourself."


class LastOwner(Refusal):
    """The brand would be left without an active owner."""

    code = "staff.last_owner"
    detail = "This is the brand's last active owner. Make somebody else an owner first."


class OwnerAtTop(Refusal):
    """Owners belong to the top of the tree, or they could not see the whole brand."""

    code = "staff.owner_at_top"
    detail = "An owner must belong to the headquarters."


class UnknownRole(Refusal):
    """There is no such role; ``facts``: role."""

    code = "staff.unknown_role"
    status = 422
    detail = "There is no such role."


class OwnerFixed(Refusal):
    """The owner's role is all of it, always."""

    code = "staff.owner_fixed"
    detail = "The owner's role cannot be changed."


class NotAtTop(Refusal):
    """Roles hold for the whole brand."""

    code = "staff.not_at_top"
    status = 403
    detail = "Roles hold for the whole brand; only staff of the headquarters change them."


def check_login(login: str) -> None:
    """Raises ``BadLogin``. Logins are compared in lower case."""
    if not _LOGIN.fullmatch(login) or _PHONE_LIKE.fullmatch(login):
        raise BadLogin


def check_password(password: str, login: str) -> None:
    """Raises ``WeakPassword``."""
    if not 8 <= len(password) <= 200 or password.lower() == login:
        raise WeakPassword


def check_role(code: str, granted: Iterable[str], masks: Iterable[str]) -> None:
    """Raises ``Invalid`` for a bad code, an unknown permission or an unknown mask; ``OwnerFixed``."""
    if code == OWNER:
        raise OwnerFixed
    if not _ROLE.fullmatch(code):
        raise Invalid(
            errors=[{"path": "code", "message": "2 to 40 of a–z, 0–9 and _, a letter first"}]
        )
    for key in granted:
        if key not in permissions:
            raise Invalid(
                errors=[{"path": "permissions", "message": f"unknown permission {key[:60]}"}]
            )
    for mask in masks:
        if mask not in MASKS:
            raise Invalid(errors=[{"path": "masks", "message": f"one of {', '.join(MASKS)}"}])


class Rights(msgspec.Struct, frozen=True):
    """What a set of roles comes to: all their permissions, and only what every one of them hides."""

    permissions: frozenset[str]
    masks: frozenset[str]
    is_owner: bool


def rights_of(roles: Iterable[Role]) -> Rights:
    """The rights of somebody with these roles. Without any role: nothing, and everything hidden."""
    chosen = list(roles)
    if not chosen:
        return Rights(frozenset(), frozenset(MASKS), is_owner=False)
    return Rights(
        frozenset[str]().union(*(role.permissions() for role in chosen)),
        frozenset(MASKS).intersection(*(role.masks for role in chosen)),
        any(role.code == OWNER for role in chosen),
    )


def check_covers(own: Rights, other: Rights) -> None:
    """Raises ``BeyondYou`` unless ``own`` has all that ``other`` has: permissions, sight, ownership."""
    missing = sorted(other.permissions - own.permissions)
    unseen = sorted(own.masks - other.masks)
    if missing or unseen or (other.is_owner and not own.is_owner):
        raise BeyondYou(permissions=missing, masks=unseen)
