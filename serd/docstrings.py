"""The docstrings under the fields of a dataclass, where tools can read them.

Python drops them at run time; the source has them, and it is the one place where a field is described:
the settings file that ``serd config init`` writes and the event schema are both made from it.
"""

import ast
import inspect
import textwrap


def field_docs(cls: type) -> dict[str, str]:
    """Description of each field of ``cls`` that has one, on a single line."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    docs: dict[str, str] = {}
    name = None
    for node in tree.body[0].body:  # type: ignore[attr-defined]
        match node:
            case ast.AnnAssign(target=ast.Name(id=field_name)):
                name = field_name
            case ast.Expr(value=ast.Constant(value=str(text))) if name is not None:
                docs[name] = " ".join(text.split())
                name = None
            case _:
                name = None
    return docs
