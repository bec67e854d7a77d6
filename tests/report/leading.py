"""Where the numbers of a report's file lead: those that lead to no rows, and rows of a target."""

import re
from collections.abc import Iterator

from html_page import Node, tree

__all__ = ["astray", "found", "loose", "rows"]

_NAME = re.compile("\N{FIRST STRONG ISOLATE}[^\N{POP DIRECTIONAL ISOLATE}]*")


def counting(root: Node) -> Iterator[Node]:
    """Yield the elements that count something in words."""
    yield from root.all("p", of="lead")
    yield from root.all("p", of="detail")
    yield from root.all("dl", of="facts")
    for section in root.all("section"):
        if section.attributes.get("aria-labelledby") == "coverage-h":
            for one in section.inside:
                if isinstance(one, Node) and one.tag in ("p", "ul"):
                    yield one
    yield from root.all("ul", of="columns")
    for card in root.all("div", of="card"):
        terms = card.all("dt", "dd")
        yield from (terms[n + 1] for n, one in enumerate(terms) if one.text == "Support")


def numbers(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield each number in the words of an element, names apart, and the element it stands in."""
    if node.tag in ("bdi", "svg"):
        return
    for child in node.inside:
        if isinstance(child, Node):
            yield from numbers(child)
        else:
            yield from ((found, node) for found in re.findall(r"\d+", _NAME.sub("", child)))


def loose(text: str) -> list[str]:
    """Return the numbers that lead to no rows."""
    root = tree(text)
    ids = {node.attributes["id"]: node for node in root.walk() if "id" in node.attributes}
    found = []
    for one in counting(root):
        for number, node in numbers(one):
            link = next((at.attributes.get("href") for at in node.above() if at.tag == "a"), None)
            target = ids.get((link or "")[1:])
            if target is None or not rows(target):
                found.append(f"{number} in {one.text.strip()!r}")
    return found


def rows(target: Node) -> list[Node]:
    """Return the rows of a target that say something: a row itself is one."""
    there = [target] if target.tag == "tr" else target.all("tr")
    return [row for row in there if row.all("td")]


def astray(text: str) -> list[str]:
    """Return the addresses inside a page that lead nowhere."""
    root = tree(text)
    ids = {node.attributes.get("id") for node in root.walk()}
    links = [link.attributes["href"] or "" for link in root.all("a") if "href" in link.attributes]
    assert links
    return [link for link in links if link[1:] not in ids]


def found(text: str, name: str) -> list[list[str]]:
    """Return the cells of the rows that a link of this name leads to."""
    (target,) = (node for node in tree(text).walk() if node.attributes.get("id") == name)
    return [[cell.text.strip() for cell in row.all("th", "td")] for row in rows(target)]
