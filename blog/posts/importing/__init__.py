"""Posts of other publishers to posts of ours: Jekyll, Hugo, Pelican, NimblePublisher."""

from blog.posts.importing.copying import Outcome, import_posts
from blog.posts.importing.publishers import find_site
from blog.posts.importing.site import KINDS, ImportSourceError, Site

__all__ = ["KINDS", "ImportSourceError", "Outcome", "Site", "find_site", "import_posts"]
