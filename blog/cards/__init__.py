"""The picture that other sites show with a link to a post: drawn here, kept in a folder."""

from blog.cards.cards import Cards, DrawnCard
from blog.cards.drawing import HEIGHT, WIDTH, Card, CardColours
from blog.cards.fonts import CardFontError

__all__ = ["HEIGHT", "WIDTH", "Card", "CardColours", "CardFontError", "Cards", "DrawnCard"]
