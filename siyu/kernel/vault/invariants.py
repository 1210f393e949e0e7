"""What must always be true of the vault."""

from siyu.kernel.checks import invariant


@invariant(
    "vault.forgotten",
    sentence={
        "zh-CN": "被遗忘的人没有密钥。",
        "en": "Nobody who was forgotten has a key.",
    },
)
def forgotten() -> str:
    """People who were forgotten and have a key all the same."""
    return """
    select s.person_id, s.at, k.month from vault_shreds s join vault_keys k on k.person_id = s.person_id
    """
