"""Authors' pictures: smaller copies, and originals that do not say where they were taken."""

from blog.pictures.originals import Originals
from blog.pictures.picture import Picture
from blog.pictures.pictures import Pictures

__all__ = ["Originals", "Picture", "Pictures"]
