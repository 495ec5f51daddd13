"""A page as a parser sees it, and what it must never hold."""

from __future__ import annotations

from html.parser import HTMLParser

_ACTIVE = {"script", "iframe", "object", "embed", "link", "base", "form", "img", "image", "use", "foreignobject"}
_FETCHING = {"src", "href", "xlink:href", "srcset", "action", "background", "poster", "style", "data", "http-equiv"}
_VOID = {"meta", "br"}


class Page(HTMLParser):
    """Texts, figures and elements; the markup must be closed as it was opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.figures: set[str] = set()
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, self._open

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "data":
            self.figures.add(str(dict(attrs)["value"]))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.texts.append(data)

    def active(self) -> list[str]:
        """Return every element and attribute that could run, fetch or restyle something."""
        found = [tag for tag in self.tags if tag in _ACTIVE]
        for tag, name, value in self.attributes:
            if name.startswith("on") or (name in _FETCHING and (tag, name) != ("meta", "http-equiv")):
                found.append(f"{tag} {name}={value}")
        return found
