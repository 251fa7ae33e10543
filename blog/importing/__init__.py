"""Posts of other publishers to posts of ours: of Jekyll and others, and exports of WordPress."""

from blog.importing.copying import Outcome, Target, import_posts
from blog.importing.publishers import find_site
from blog.importing.site import KINDS, ImportSourceError, Site

__all__ = ["KINDS", "ImportSourceError", "Outcome", "Site", "Target", "find_site", "import_posts"]
