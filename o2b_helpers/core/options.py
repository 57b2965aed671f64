"""Options: what every block of a profile is made of, and how a wrong one is explained."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from o2b_helpers.core.errors import ParameterError

SHA256 = r"^[0-9a-fA-F]{64}$"
OURS = "ours (the paper leaves it open)"


def option(
    default: Any, text: str, *, source: str = OURS, unit: str = "", given_only: bool = False, **bounds: Any
) -> Any:
    """Describe one option: default, meaning, unit and source, and its bounds (ge, le, gt, min_length ...).

    A block that is `given_only` repeats options that are described elsewhere: what is not given in it holds from there.
    It is listed as one option, empty by default.

    Examples
    --------
    >>> batch_size = option(32, "images in one forward pass", unit="images", ge=1)
    >>> batch_size.default, batch_size.description, batch_size.json_schema_extra
    (32, 'images in one forward pass', {'unit': 'images', 'source': 'ours (the paper leaves it open)'})
    """
    factory = {"default_factory": lambda: default} if isinstance(default, list | dict) else {"default": default}
    extra: dict[str, Any] = {"unit": unit, "source": source} | ({"given_only": True} if given_only else {})
    return Field(description=text, json_schema_extra=extra, **factory, **bounds)


class Block(BaseModel):
    """A block of options; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def options(block: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any, str, str, str]]:
    """Yield ``(dotted name, default, unit, source, text)`` of every option, depth first."""
    for dotted, field in fields(block, prefix):
        default = default_of(field)
        extra: Any = field.json_schema_extra or {}
        yield (
            dotted,
            None if default is PydanticUndefined else default,
            extra.get("unit", ""),
            extra.get("source", OURS),
            (field.description or ""),
        )


def default_of(field: FieldInfo) -> Any:
    """Return the default of an option; of a block that is `given_only`, that nothing is given."""
    default = field.get_default(call_default_factory=True)
    if is_given_only(field) and default is not None:
        return [] if isinstance(default, list) else {}
    return default


def is_given_only(field: FieldInfo) -> bool:
    """Say whether an option is a block that repeats options which are described elsewhere."""
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("given_only"))


def fields(block: type[BaseModel], prefix: str = "", repeated: bool = False) -> Iterator[tuple[str, FieldInfo]]:
    """Yield ``(dotted name, field)`` of every option, depth first; those of `given_only` blocks where `repeated`.

    Examples
    --------
    >>> from o2b_helpers.core.params import Params
    >>> [dotted for dotted, field in fields(Params)][:4]
    ['studies', 'analysis', 'execution.device', 'execution.threads']
    """
    for name, field in block.model_fields.items():
        dotted = f"{prefix}{name}"
        inner = _block_of(field.annotation)
        if inner is None or (is_given_only(field) and not repeated):
            yield dotted, field
        else:
            default = field.get_default(call_default_factory=True)
            yield from fields(inner, dotted + ("[]." if isinstance(default, list) else "."), repeated)


def choices(annotation: Any) -> tuple[Any, ...]:
    """Return the values that an option may have, where its type lists them; else none.

    Examples
    --------
    >>> choices(list[Literal["sum", "mean"]]), choices(int)
    (('sum', 'mean'), ())
    """
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next((result for result in map(choices, get_args(annotation)) if result), ())


def _block_of(annotation: Any) -> type[Block] | None:
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, Block):
            return candidate
    return None


def explain(error: ValidationError, file: str, profile: type[BaseModel]) -> ParameterError:
    """Say which option is wrong, what was expected, and what was probably meant.

    Examples
    --------
    >>> from o2b_helpers.core.params import Execution
    >>> try:
    ...     Execution.model_validate({"batchsize": 8})
    ... except ValidationError as error:
    ...     print(explain(error, "demo.yaml", Execution).remedy)
    did you mean 'batch_size'?
    """
    first = error.errors()[0]
    dotted = ".".join(str(part) for part in first["loc"])
    more = f" ({error.error_count() - 1} more after this one)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        parent = ".".join(str(part) for part in first["loc"][:-1])
        names = [name for name, _ in fields(profile, repeated=True)]
        pattern = re.sub(r"\.\d+(?=\.|$)", "[]", parent)
        siblings = sorted(
            {
                name[len(pattern) + 1 if pattern else 0 :].split(".")[0]
                for name in names
                if name.startswith(f"{pattern}." if pattern else "")
            }
        )
        close = difflib.get_close_matches(str(first["loc"][-1]), siblings, n=1, cutoff=0.5)
        anywhere = [name for name, *_ in options(profile) if name.split(".")[-1] == first["loc"][-1]]
        meant = close or anywhere[:3]
        hint = f"did you mean {' or '.join(map(repr, meant))}?" if meant else "remove it"
        return ParameterError(
            f"{file}: unknown option {dotted!r}{more}",
            value=dotted,
            expected=f"one of {', '.join(siblings)}",
            remedy=hint,
        )
    return ParameterError(
        f"{file}: option {dotted!r} has a value that does not fit{more}",
        value=repr(first.get("input")),
        expected=first["msg"],
        remedy=f"correct {dotted or 'the profile'} in the profile or in the override",
    )
