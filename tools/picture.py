"""An SVG picture, drawn on piece by piece: lines, arrows, outlines, words.

Coordinates are (x to the right, y down), in SVG user units.
"""

import math

INK, MUTED, FAINT, PAPER = "#1f2937", "#6b7280", "#d1d5db", "#ffffff"

Point = tuple[float, float]


class Picture:
    """An SVG picture that is drawn on piece by piece."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.size = (width, height)
        self.title = title
        self.pieces: list[str] = []

    def add(self, piece: str) -> None:
        """Append a piece of SVG."""
        self.pieces.append(piece)

    def line(
        self, start: Point, end: Point, color: str = INK, width: float = 1.5, **more: str
    ) -> None:
        """Draw a straight line; `more` are attributes, with _ for -."""
        (x1, y1), (x2, y2) = start, end
        self.add(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
            f'stroke-width="{width}"{attributes(more)}/>'
        )

    def arrow(self, start: Point, end: Point, color: str = INK, width: float = 2) -> None:
        """Draw an arrow whose tip lies at `end`."""
        (x1, y1), (x2, y2) = start, end
        length = math.hypot(x2 - x1, y2 - y1)
        ux, uy = (x2 - x1) / length, (y2 - y1) / length
        back = (x2 - 11 * ux, y2 - 11 * uy)
        self.line(start, back, color, width)
        left = (back[0] - 4.5 * uy, back[1] + 4.5 * ux)
        right = (back[0] + 4.5 * uy, back[1] - 4.5 * ux)
        self.polygon([end, left, right], fill=color)

    def polygon(self, points: list[Point], **more: str) -> None:
        """Draw a closed outline."""
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.add(f'<polygon points="{joined}"{attributes(more)}/>')

    def outline(self, points: list[Point], **more: str) -> None:
        """Draw a closed outline with its corners rounded: through the middle of every edge."""
        pairs = zip(points, points[1:] + points[:1], strict=True)
        middles = [((x1 + x2) / 2, (y1 + y2) / 2) for (x1, y1), (x2, y2) in pairs]
        bends = zip(points[1:] + points[:1], middles[1:] + middles[:1], strict=True)
        curves = " ".join(f"Q{x:.1f} {y:.1f} {mx:.1f} {my:.1f}" for (x, y), (mx, my) in bends)
        self.path(f"M{middles[0][0]:.1f} {middles[0][1]:.1f} {curves} Z", **more)

    def path(self, steps: str, **more: str) -> None:
        """Draw a path, in SVG's own notation."""
        self.add(f'<path d="{steps}"{attributes(more)}/>')

    def rectangle(self, corner: Point, size: Point, **more: str) -> None:
        """Draw a rectangle from its upper left corner."""
        (x, y), (width, height) = corner, size
        self.add(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
            f"{attributes(more)}/>"
        )

    def ellipse(self, center: Point, radii: Point, **more: str) -> None:
        """Draw an ellipse along the axes."""
        self.add(
            f'<ellipse cx="{center[0]:.1f}" cy="{center[1]:.1f}" rx="{radii[0]:.1f}" '
            f'ry="{radii[1]:.1f}"{attributes(more)}/>'
        )

    def dot(self, center: Point, color: str = INK, radius: float = 4) -> None:
        """Mark a point."""
        self.ellipse(center, (radius, radius), fill=color)

    def text(self, at: Point, words: str, color: str = INK, size: int = 15, **more: str) -> None:
        """Write words; text_anchor (start, middle, end) says where `at` lies in them."""
        self.add(
            f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" fill="{color}" font-size="{size}"'
            f"{attributes(more)}>{words}</text>"
        )

    def caption(self, at: Point, words: str, color: str = MUTED) -> None:
        """Write a line of explanation, centred on `at`."""
        self.text(at, words, color, 13, text_anchor="middle")

    def note(self, at: Point, color: str, name: str, *lines: str) -> None:
        """Write a name in bold and, below it, what there is to say of it."""
        self.text(at, name, color, 15, font_weight="bold")
        for number, words in enumerate(lines):
            self.text((at[0], at[1] + 21 + 18 * number), words, INK, 13)

    def plate(self, center: Point, size: Point, turn_deg: float, **more: str) -> None:
        """Draw a rectangle turned about its centre, clockwise."""
        (x, y), (width, height) = center, size
        self.rectangle(
            (x - width / 2, y - height / 2),
            size,
            transform=f"rotate({turn_deg:.1f} {x:.1f} {y:.1f})",
            rx="5",
            stroke_width="1.8",
            **more,
        )

    def into_page(self, center: Point, color: str = INK) -> None:
        """Mark an axis that points away from the reader: the feathers of an arrow."""
        x, y = center
        self.ellipse(center, (9, 9), fill=PAPER, stroke=color, stroke_width="2")
        for sign in (1, -1):
            self.line((x - 6, y - 6 * sign), (x + 6, y + 6 * sign), color, 2)

    def out_of_page(self, center: Point, color: str = INK) -> None:
        """Mark an axis that points at the reader: the tip of an arrow."""
        self.ellipse(center, (9, 9), fill=PAPER, stroke=color, stroke_width="2")
        self.dot(center, color, 3)

    def svg(self) -> str:
        """Return the picture as a file's text."""
        width, height = self.size
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                f'width="{width}" height="{height}" role="img" stroke-linejoin="round" '
                'stroke-linecap="round" font-family="Helvetica, Arial, DejaVu Sans, sans-serif">',
                f"<title>{self.title}</title>",
                f'<rect width="{width}" height="{height}" rx="10" fill="{PAPER}"/>',
                *self.pieces,
                "</svg>\n",
            ]
        )


def attributes(more: dict[str, str]) -> str:
    """Return keyword arguments as SVG attributes."""
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
