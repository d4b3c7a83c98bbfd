"""How the demo looks around its tabs: theme and style sheet.

Fonts are the system's own; nothing here makes the browser fetch anything from elsewhere.
"""

from __future__ import annotations

from gradio.themes import Base

SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def theme() -> Base:
    """Calm greys, one blue for what can be pressed: the colours belong to the poses."""
    return Base(
        primary_hue="blue",
        secondary_hue="blue",
        neutral_hue="slate",
        radius_size="lg",
        font=SANS,
        font_mono=MONO,
    ).set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#0f1217",
        block_background_fill="white",
        block_background_fill_dark="#171b22",
        block_border_width="1px",
        block_shadow="0 1px 2px rgb(15 23 42 / 0.05)",
        body_text_color_subdued="*neutral_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_text_color="white",
    )


CSS = """
.gradio-container { width: 100% !important; max-width: 1400px !important; margin: 0 auto !important; }
.gradio-container > .main { width: 100%; max-width: none; }
.gradio-container main { padding-top: 14px !important; }
#sp-header, #sp-header > *, #sp-about > * { padding: 0 !important; }
#sp-header h1 { font-size: 1.7rem; font-weight: 750; letter-spacing: -.02em; margin: 0; }
#sp-header p { margin: 2px 0 0; color: var(--body-text-color-subdued); font-size: 1.02rem; }
#sp-about { color: var(--body-text-color-subdued); font-size: .85rem; padding: 2px 4px 10px; }
#sp-how section { max-width: 900px; margin: 0 0 26px; line-height: 1.5; }
#sp-how h2 { font-size: 1.15rem; font-weight: 700; margin: 0 0 8px; }
#sp-how ol { padding-left: 1.4em; margin: 10px 0 0; }
#sp-how li { margin: 3px 0; }
#sp-how .sp-pipeline { width: 100%; border-radius: 10px; background: white; }
#sp-how .sp-templates { display: grid; grid-template-columns: repeat(auto-fill, minmax(98px, 1fr)); }
#sp-how figure { margin: 0; text-align: center; font-size: .78rem; color: var(--body-text-color-subdued); }
#sp-how svg { width: 84px; height: 84px; stroke-width: 4; stroke-linecap: round; }
#sp-how .sp-scroll { overflow-x: auto; }
#sp-how table { border-collapse: collapse; margin-top: 10px; font-variant-numeric: tabular-nums; }
#sp-how td, #sp-how th { padding: 4px 10px; text-align: right; border: 0; }
#sp-how table tr > * { border-bottom: 1px solid var(--border-color-primary); }
#sp-how tbody th { text-align: left; font-weight: 500; white-space: nowrap; }
#sp-how tbody tr:first-child { font-weight: 700; }
@media (max-width: 700px) {
  .gradio-container main { padding: 8px !important; }
}
"""
