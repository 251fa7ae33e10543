"""An author at work beside open pages: a folder of posts, and a browser's console messages."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, Page

# Long enough to be scrolled, in any window.
PARAGRAPHS = "\n\n".join(f"Paragraph {number} of a long text." for number in range(60))

REPORT_VIOLATIONS = (
    "document.addEventListener('securitypolicyviolation', event =>"
    " console.error('CSP', event.violatedDirective, event.blockedURI));"
)


class Author:
    """Saves and removes posts in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, name: str, opening: str = "Opening words.", fields: str = "") -> None:
        """Save a post of many paragraphs."""
        text = f"---\ntitle: On {name}\n{fields}---\n\n{opening}\n\n{PARAGRAPHS}\n"
        # By a rename, as editors save: a half-written file would be another post.
        half = self.folder / f".{name}"
        half.write_text(text, encoding="utf-8")
        half.replace(self.path(name))

    def remove(self, name: str) -> None:
        self.path(name).unlink()

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.md"


def open_quiet_tab(browser: BrowserContext, url: str) -> tuple[Page, list[str]]:
    """Open a page and wait for its stream; its console messages are added to the list."""
    browser.add_init_script(REPORT_VIOLATIONS)
    tab = browser.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    with tab.expect_response("**/live?**"):
        tab.goto(url)
    return tab, said
