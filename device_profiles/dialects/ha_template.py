"""Templates of Home Assistant that are no more than a path, a factor or a choice of two words.

A `value_template` is a program. Those that say where a value stands, perhaps scaled, rounded or
turned into a word, are translated into data; any other is refused, never guessed at.
https://www.home-assistant.io/docs/configuration/templating/ is what they may say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

TEMPLATE_CHARS_MAX: Final = 1_000

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)
          |(?P<text>'[^'\\]*'|"[^"\\]*")
          |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
          |(?P<sign>==|!=|[-+*/|.,()\[\]]))""",
    re.VERBOSE,
)
_WRAPPED: Final = re.compile(r"\{\{-?(?P<inside>(?:(?!\{\{|\}\}|\{%|%\}).)*?)-?\}\}", re.DOTALL)
_BLOCK: Final = re.compile(
    r"\{%-?\s*if\s(?P<condition>(?:(?!%\}).)+?)-?%\}(?P<then>(?:(?!\{%).)*?)"
    r"\{%-?\s*else\s*-?%\}(?P<otherwise>(?:(?!\{%).)*?)\{%-?\s*endif\s*-?%\}",
    re.DOTALL,
)
_KEEPING: Final = frozenset({"round", "int", "float", "is_defined", "default", "string", "trim"})
"""Filters that leave the value as it is, or only show fewer digits of it."""


_DEFINED: Final = "\0defined"
"""In the place of the word that a value equals: whether it is there at all."""


class NotUnderstoodError(ValueError):
    """The template does something that is not translated."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a template says: where a value stands and what becomes of it."""

    steps: tuple[str | int, ...] = ()
    """Into the JSON document."""
    is_json: bool = False
    """Whether the payload is JSON at all; otherwise it is the value as text."""
    scale: float = 1.0
    offset: float = 0.0
    words: Mapping[str, str] = field(default_factory=dict)
    """What words and numbers of the value are turned into."""
    other: str | None = None
    """What all others are turned into."""


@dataclass(frozen=True, slots=True)
class _Constant:
    value: str | float


_Node = Found | _Constant


def understand(template: str) -> Found:
    """Return what a template says.

    >>> understand("{{ value_json.t.a | float / 10 }}").steps
    ('t', 'a')
    >>> understand("{{ 'ON' if value_json['x'] == 'open' else 'OFF' }}").words
    {'open': 'ON'}

    Raises:
        NotUnderstoodError: it does something else.
    """
    text = template.strip()
    if not text:
        return Found()
    if len(text) > TEMPLATE_CHARS_MAX:
        raise NotUnderstoodError("is too long")
    whole = _WRAPPED.fullmatch(text)
    node = _Parser(whole["inside"]).whole() if whole is not None else _block(text)
    if isinstance(node, _Constant):
        raise NotUnderstoodError("says the same whatever the message")
    return node


def _block(text: str) -> _Node:
    match = _BLOCK.fullmatch(text)
    if match is None:
        raise NotUnderstoodError("is more than one expression")
    then, otherwise = match["then"].strip(), match["otherwise"].strip()
    if "{" in then or "{" in otherwise or not then or not otherwise:
        raise NotUnderstoodError("is more than a choice of two words")
    return _Parser(match["condition"]).condition_whole().pick(then, otherwise)


@dataclass(frozen=True, slots=True)
class _Condition:
    """Whether a value equals a word, or is true."""

    found: Found
    equals: str | None
    negated: bool = False

    def pick(self, then: str, otherwise: str) -> Found:
        if self.equals == _DEFINED:
            raise NotUnderstoodError("asks only whether a value is there")
        if self.negated:
            then, otherwise = otherwise, then
        if self.equals is not None:
            return replace(self.found, words={self.equals: then}, other=otherwise)
        false = dict.fromkeys(("false", "0", "0.0", ""), otherwise)
        return replace(self.found, words=false, other=then)


class _Parser:
    """Recursive descent over one expression; it holds no loop that is not bounded by its tokens."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        end = 0
        while end < len(text.rstrip()):
            match = _TOKEN.match(text, end)
            if match is None or match.lastgroup is None:
                raise NotUnderstoodError("holds signs that are not understood")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            end = match.end()
        self._at = 0
        self._depth = 0

    # --- tokens ---------------------------------------------------------------------------------

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _accept(self, text: str) -> bool:
        if self._peek()[1] == text and self._peek()[0] != "text":
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise NotUnderstoodError(f"lacks {text}")

    def _end(self) -> None:
        if self._at < len(self._tokens):
            raise NotUnderstoodError(f"holds {self._peek()[1]}")

    # --- grammar --------------------------------------------------------------------------------

    def whole(self) -> _Node:
        node = self._choice()
        self._end()
        return node

    def condition_whole(self) -> _Condition:
        condition = self._condition()
        self._end()
        return condition

    def _choice(self) -> _Node:
        """`sum ['if' condition 'else' sum]`, or `iif(condition, text, text)`."""
        self._depth += 1
        if self._depth > 16:
            raise NotUnderstoodError("is nested too deep")
        if self._peek() == ("name", "iif"):
            self._take()
            self._expect("(")
            condition = self._condition()
            self._expect(",")
            then = self._word()
            self._expect(",")
            otherwise = self._word()
            self._expect(")")
            return condition.pick(then, otherwise)
        node = self._sum()
        if not self._accept("if"):
            return node
        condition = self._condition()
        self._expect("else")
        otherwise_node = self._sum()
        if condition.equals == _DEFINED:
            return _where_defined(node, condition, otherwise_node)
        if not isinstance(node, _Constant) or not isinstance(otherwise_node, _Constant):
            raise NotUnderstoodError("chooses between more than words")
        return condition.pick(_written(node.value), _written(otherwise_node.value))

    def _condition(self) -> _Condition:
        negated = self._accept("not")
        found = self._sum()
        if isinstance(found, _Constant) or found.words or (found.scale, found.offset) != (1, 0):
            raise NotUnderstoodError("asks for more than whether a value is something")
        for sign in ("==", "!="):
            if self._accept(sign):
                return _Condition(found, self._word(), negated != (sign == "!="))
        if self._accept("is"):
            differs = self._accept("not")
            word = self._take()[1]
            if word == "defined":
                return _Condition(found, _DEFINED, negated != differs)
            if word not in ("true", "false"):
                raise NotUnderstoodError(f"asks whether it is {word}")
            return _Condition(found, word, negated != differs)
        return _Condition(found, None, negated)

    def _word(self) -> str:
        kind, text = self._take()
        if kind == "text":
            return text[1:-1]
        if kind == "number":
            return text
        if text.lower() in ("true", "false"):
            return text.lower()
        raise NotUnderstoodError("compares with more than a word")

    def _sum(self) -> _Node:
        node = self._product()
        while self._peek()[1] in ("+", "-") and self._peek()[0] == "sign":
            sign = self._take()[1]
            node = _added(node, self._product(), sign)
        return node

    def _product(self) -> _Node:
        node = self._filtered()
        while self._peek()[1] in ("*", "/") and self._peek()[0] == "sign":
            sign = self._take()[1]
            node = _multiplied(node, self._filtered(), sign)
        return node

    def _filtered(self) -> _Node:
        node = self._primary()
        while self._accept("|"):
            kind, name = self._take()
            arguments = self._arguments() if self._peek()[1] == "(" else []
            if kind == "name" and name in ("multiply", "add") and len(arguments) == 1:
                first = arguments[0]
                node = (_multiplied if name == "multiply" else _added)(
                    node, first, "*+"[name == "add"]
                )
            elif kind != "name" or name not in _KEEPING:
                raise NotUnderstoodError(f"uses the filter {name}")
        return node

    def _arguments(self) -> list[_Node]:
        self._expect("(")
        arguments: list[_Node] = []
        while not self._accept(")"):
            arguments.append(self._sum())
            if not self._accept(",") and self._peek()[1] != ")":
                raise NotUnderstoodError("lacks )")
        return arguments

    def _primary(self) -> _Node:
        if self._accept("("):
            node = self._choice()
            self._expect(")")
            return node
        if self._accept("-"):
            return _multiplied(self._primary(), _Constant(-1.0), "*")
        kind, text = self._take()
        if kind == "number":
            return _Constant(float(text))
        if kind == "text":
            return _Constant(text[1:-1])
        return self._named(text)

    def _named(self, text: str) -> _Node:
        if text in ("float", "int") and self._peek()[1] == "(":
            return next(iter(self._arguments()), _Constant(0.0))
        if text.lower() in ("true", "false"):
            return _Constant(text.lower())
        if text not in ("value", "value_json"):
            raise NotUnderstoodError(f"uses {text or 'nothing'}")
        return Found(self._steps(), is_json=text == "value_json")

    def _steps(self) -> tuple[str | int, ...]:
        steps: list[str | int] = []
        while True:
            if self._accept("."):
                kind, text = self._take()
                if kind != "name":
                    raise NotUnderstoodError("holds a dot without a name")
                if text == "get" and self._peek()[1] == "(":
                    steps.append(self._key(self._arguments()))
                else:
                    steps.append(text)
            elif self._accept("["):
                steps.append(self._key([self._primary()]))
                self._expect("]")
            else:
                return tuple(steps)

    @staticmethod
    def _key(arguments: list[_Node]) -> str | int:
        first = arguments[0] if arguments else None
        if not isinstance(first, _Constant):
            raise NotUnderstoodError("looks up a key that is not written out")
        value = first.value
        return value if isinstance(value, str) else int(value)


def _where_defined(node: _Node, condition: _Condition, otherwise: _Node) -> Found:
    """Return `x if x is defined else …`: a message without it says nothing, no stand-in either."""
    said = otherwise if condition.negated else node
    if isinstance(said, Found) and said.steps == condition.found.steps:
        return said
    raise NotUnderstoodError("asks whether something else is defined")


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _linear(node: _Node) -> Found:
    if isinstance(node, Found) and not node.words:
        return node
    raise NotUnderstoodError("counts with something else than one value")


def _factor(node: _Node) -> float:
    if isinstance(node, _Constant) and isinstance(node.value, float):
        return node.value
    raise NotUnderstoodError("counts with something else than numbers")


def _multiplied(left: _Node, right: _Node, sign: str) -> _Node:
    if isinstance(left, _Constant) and isinstance(right, _Constant):
        one, two = _factor(left), _factor(right)
        if sign == "/" and two == 0:
            raise NotUnderstoodError("divides by 0")
        return _Constant(one / two if sign == "/" else one * two)
    if isinstance(left, _Constant) and sign == "*":
        left, right = right, left
    found, factor = _linear(left), _factor(right)
    if factor == 0:
        raise NotUnderstoodError("multiplies or divides by 0")
    factor = 1 / factor if sign == "/" else factor
    return replace(found, scale=found.scale * factor, offset=found.offset * factor)


def _added(left: _Node, right: _Node, sign: str) -> _Node:
    if isinstance(left, _Constant) and isinstance(right, _Constant):
        return _Constant(_factor(left) + (_factor(right) if sign == "+" else -_factor(right)))
    if isinstance(left, _Constant):
        found, constant = _linear(right), _factor(left)
        if sign == "-":
            found = replace(found, scale=-found.scale, offset=-found.offset)
        return replace(found, offset=found.offset + constant)
    found, constant = _linear(left), _factor(right)
    return replace(found, offset=found.offset + (constant if sign == "+" else -constant))
