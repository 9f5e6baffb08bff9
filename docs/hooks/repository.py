"""Pages that stand elsewhere in the repository, beside what they describe, as pages of the site.

Links are written as they work in the repository. Here each is turned to where its target stands in the site: a page,
or, for pictures, notebooks and sources, a copy of the file.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]

PAGES = {
    "README.md": "index.md",
    "results/README.md": "results.md",
    "findings/README.md": "findings.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "priors/token_set.md": "protocols/token-sets.md",
    **{f"benchmarks/protocols/{x.name}": f"protocols/{x.name}" for x in ROOT.glob("benchmarks/protocols/*.md")},
}
"""Where they stand in the repository, and where in the site."""

SOURCES = {site: repository for repository, site in PAGES.items()}

CODE = re.compile(r"^(```+|~~~+).*?^\1[^\n]*$|(?<!`)(`+)(?!`).*?(?<!`)\2(?!`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")


def links(text: str) -> Iterator[re.Match[str]]:
    """The targets of the links and pictures in Markdown, in code none."""
    return LINK.finditer(CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), text))


def in_repository(page: str, target: str) -> str | None:
    """Where a link on a page of the site leads in the repository; None where not to a file of it."""
    path = target.partition("#")[0]
    if not path or re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(SOURCES.get(page, f"docs/{page}")), path))


def in_site(repository: str) -> str:
    """Where a file of the repository stands in the site."""
    return PAGES.get(repository, repository.removeprefix("docs/"))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and the files that any page links to."""
    for repository, site in PAGES.items():
        files.append(File.generated(config, site, abs_src_path=str(ROOT / repository)))
    for page in list(files.documentation_pages()):
        for link in links(page.content_string):
            repository = in_repository(page.src_uri, link[0])
            if repository is None or repository.endswith(".md") or files.get_file_from_path(in_site(repository)):
                continue
            if (ROOT / repository).is_file():  # else the link stays, and the build names it
                files.append(File.generated(config, in_site(repository), abs_src_path=str(ROOT / repository)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links to where their targets stand in the site."""
    parts, end = [], 0
    for link in links(markdown):
        repository = in_repository(page.file.src_uri, link[0])
        if repository is None:
            continue
        _, hash_, anchor = link[0].partition("#")
        path = posixpath.relpath(in_site(repository), posixpath.dirname(page.file.src_uri) or ".")
        parts += [markdown[end : link.start()], path, hash_, anchor]
        end = link.end()
    return "".join([*parts, markdown[end:]])
