"""From JSON Schema 2020-12 to the dialect of OpenAPI 3.0.3: no `null` type, no `const`, boolean exclusive bounds."""

from collections.abc import Callable

from .json_schema import Json, children, rewritten

_PREFIX = "#/components/schemas/"


def components(schemas: dict[str, Json]) -> dict[str, Json]:
    """`schemas` as `components/schemas`.

    In 3.0.3 `nullable` has no effect beside a reference, so a schema that is referred to only where null may stand
    becomes nullable itself, and one referred to in both ways gets a nullable twin.
    """
    converted = {name: rewritten(schema, _converted) for name, schema in schemas.items()}
    plain, nullable = _references(converted)
    for name in sorted(nullable & plain):
        converted[f"Nullable{name}"] = {**converted[name], "nullable": True}
    for name in sorted(nullable - plain):
        converted[name] = {**converted[name], "nullable": True}
    finished = {name: rewritten(schema, _resolver(plain)) for name, schema in converted.items()}
    _require_discriminators(finished)
    return dict(sorted(finished.items()))


def reference(name: str) -> Json:
    return {"$ref": f"{_PREFIX}{name}"}


def _converted(schema: Json) -> Json:
    if "$ref" in schema:
        schema["$ref"] = _moved(schema["$ref"])
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if "examples" in schema:
        schema["example"] = schema.pop("examples")[0]
    if "prefixItems" in schema:
        members = schema.pop("prefixItems")
        schema |= {"items": {"anyOf": members}, "minItems": len(members), "maxItems": len(members)}
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            schema |= {bound: schema[exclusive], exclusive: True}
    if "discriminator" in schema:
        mapping = schema["discriminator"]["mapping"]
        schema["discriminator"]["mapping"] = {value: _moved(target) for value, target in mapping.items()}
    return _without_null(schema)


def _without_null(schema: Json) -> Json:
    branches = schema.get("anyOf", [])
    others = [branch for branch in branches if branch.get("type") != "null"]
    if len(others) == len(branches):
        return schema
    del schema["anyOf"]
    if len(others) > 1:
        return schema | {"anyOf": [{**branch, "nullable": True} for branch in others]}
    (only,) = others
    merged = {**only, **schema, "nullable": True}
    if "enum" in merged:
        merged["enum"] = [*merged["enum"], None]
    return merged


def _moved(target: str) -> str:
    return target.replace("#/$defs/", _PREFIX)


def _references(schemas: dict[str, Json]) -> tuple[set[str], set[str]]:
    plain: set[str] = set()
    nullable: set[str] = set()

    def visit(schema: Json) -> None:
        if "$ref" in schema:
            (nullable if schema.get("nullable") else plain).add(schema["$ref"].removeprefix(_PREFIX))
        for child, _, _ in children(schema):
            visit(child)

    for schema in schemas.values():
        visit(schema)
    return plain, nullable


def _resolver(plain: set[str]) -> Callable[[Json], Json]:
    def settle(schema: Json) -> Json:
        if "$ref" not in schema:
            return schema
        target = schema.pop("$ref")
        name = target.removeprefix(_PREFIX)
        if schema.pop("nullable", False) and name in plain:
            target = f"{_PREFIX}Nullable{name}"
        # Siblings of a reference are ignored in 3.0.3.
        return {**schema, "allOf": [{"$ref": target}]} if schema else {"$ref": target}

    return settle


def _require_discriminators(schemas: dict[str, Json]) -> None:
    """OpenAPI wants the discriminating property required in each alternative."""

    def visit(schema: Json) -> None:
        if "discriminator" in schema:
            field = schema["discriminator"]["propertyName"]
            for target in schema["discriminator"]["mapping"].values():
                alternative = schemas[target.removeprefix(_PREFIX)]
                alternative["required"] = sorted(
                    {*alternative["required"], field}, key=list(alternative["properties"]).index
                )
        for child, _, _ in children(schema):
            visit(child)

    for schema in list(schemas.values()):
        visit(schema)
