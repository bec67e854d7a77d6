"""A page of HTML, read: its tags, its words and where it leads; tags must close in order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

__all__ = ["Node", "Page", "tree"]

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Collects tags and text, and checks that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def links(self) -> list[str]:
        """Return where the page leads."""
        return [of["href"] or "" for tag, of in self.tags if tag == "a" and "href" in of]


@dataclass(eq=False)
class Node:
    """One element with what is in it, in order."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    parent: "Node | None" = None
    inside: list["Node | str"] = field(default_factory=list)

    def all(self, *tags: str, of: str = "") -> list["Node"]:
        """Return the elements below of these tags, of a class if one is named."""
        return [
            node
            for node in self.walk()
            if node.tag in tags and (not of or of in (node.attributes.get("class") or "").split())
        ]

    def walk(self) -> Iterator["Node"]:
        """Yield the elements below, outer ones first."""
        for child in self.inside:
            if isinstance(child, Node):
                yield child
                yield from child.walk()

    def above(self) -> Iterator["Node"]:
        """Yield the element and those that it lies in, inner ones first."""
        yield self
        if self.parent is not None:
            yield from self.parent.above()

    @property
    def text(self) -> str:
        """Return the words inside; a line end for each ``br``."""
        return "".join(
            child if isinstance(child, str) else "\n" if child.tag == "br" else child.text
            for child in self.inside
        )


class _Grower(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.at = self.root = Node("")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs), self.at)
        self.at.inside.append(node)
        if tag not in VOID:
            self.at = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.inside.append(Node(tag, dict(attrs), self.at))

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.inside.append(data)


def tree(text: str) -> Node:
    """Return a page as elements inside each other."""
    grower = _Grower()
    grower.feed(text)
    grower.close()
    return grower.root
