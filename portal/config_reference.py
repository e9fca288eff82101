"""The reference of all configuration keys as Markdown, rendered from the models themselves.

docs/configuration.md is this text; a test compares the two.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from portal.config import Config

_LEAD = """# Configuration

One TOML file, by default `/etc/kvar/kvar.toml`. `kvar config check` finds every problem at once;
`kvar config show` prints what is in effect, with secrets masked. This page is printed by
`kvar config reference`.
"""


def render() -> str:
    """Return the whole page."""
    return "\n".join([_LEAD, *_model(Config, "")]).rstrip() + "\n"


def _model(model: type[BaseModel], path: str) -> Iterator[str]:
    nested = []
    rows = []
    for key, field in model.model_fields.items():
        if (inner := model_in(field.annotation)) is None:
            rows.append(f"| `{key}` | {_default(field)} | {field.description or ''} |")
        else:
            nested.append((inner, f"{path}.{key}".lstrip("."), _is_list(field)))
    if rows:
        yield "| key | default | meaning |\n|---|---|---|"
        yield from rows
        yield ""
    for inner, inner_path, is_list in nested:
        yield f"## `{'[[' if is_list else '['}{inner_path}{']]' if is_list else ']'}`\n"
        lead = (inner.__doc__ or "").split(": ", 1)[-1].strip()
        yield lead[:1].upper() + lead[1:] + "\n"
        yield from _model(inner, inner_path)


def _is_list(field: FieldInfo) -> bool:
    return getattr(field.annotation, "__origin__", None) is list


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section model inside an annotation such as ``list[Section] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (model := model_in(argument)) is not None:
            return model
    return None


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ("", []) or isinstance(value, SecretStr):
        return "–"
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, int | float):
        return str(value)
    return f'"{value}"'
