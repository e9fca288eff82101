"""Takes the screenshots of docs/screenshots: python -m tests.browser.gallery [STATE ...].

One contact sheet a state: 320, 390 and 1280 px wide, light and dark, Swedish and English.
"""

import asyncio
import base64
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser

from tests.browser.stage import opened, running_browser
from tests.browser.states import STATES

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
_SHOWN = (
    "login",
    "code",
    "voucher",
    "scan",
    "wait",
    "wrong-pin",
    "card-blocked",
    "library-system-down",
    "online",
    "extended",
    "logged-out",
    "connect",
    "not-let-in-number",
    "lost",
)
_WIDTHS = (320, 390, 1280)
_SHEET = """<!DOCTYPE html><meta charset="utf-8"><style>
body{{margin:0;padding:16px;background:#cdd5db;font:14px system-ui;width:1936px}}
figure{{display:inline-block;margin:0 12px 16px 0;vertical-align:top}}
img{{display:block;border:1px solid #8d99a3}} figcaption{{margin-bottom:4px}}
</style>{figures}"""


async def _shoot(browser: Browser, name: str, language: str, scheme: str, width: int) -> bytes:
    height = 800 if width < 1000 else 900
    async with opened(
        browser,
        STATES[name],
        language,
        color_scheme=scheme,
        viewport={"width": width, "height": height},
    ) as (page, _):
        return await page.screenshot(full_page=True)


async def _sheet(browser: Browser, name: str) -> bytes:
    figures = []
    for language in ("sv", "en"):
        for scheme in ("light", "dark"):
            for width in _WIDTHS:
                png = await _shoot(browser, name, language, scheme, width)
                shown = width if width < 1000 else width // 2
                data = base64.b64encode(png).decode()
                figures.append(
                    f"<figure><figcaption>{width} px, {scheme}, {language}</figcaption>"
                    f'<img width="{shown * 2 // 3}" src="data:image/png;base64,{data}"></figure>'
                )
    page = await browser.new_page(viewport={"width": 1968, "height": 400})
    await page.set_content(_SHEET.format(figures="".join(figures)))
    try:
        return await page.screenshot(full_page=True)
    finally:
        await page.close()


async def _phone(browser: Browser, name: str) -> bytes:
    async with opened(
        browser, STATES[name], "sv", viewport={"width": 390, "height": 844}, device_scale_factor=2
    ) as (page, _):
        return await page.screenshot(full_page=True)


def optimised(png: bytes) -> bytes:
    """Reduce to a palette: flat pages have few colours, and the repository keeps every version."""
    out = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(160, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    return out.getvalue()


async def main(names: list[str]) -> None:
    """Write the sheets of these states, or all that are shown."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with running_browser() as browser:
        for name in names or _SHOWN:
            (FOLDER / f"{name}.png").write_bytes(optimised(await _sheet(browser, name)))
        (FOLDER / "login-phone.png").write_bytes(optimised(await _phone(browser, "login")))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
