"""How the demo looks: theme, style sheet, and the few lines of script that gradio has no component for.

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
#sp-scene { padding: 0; overflow: hidden; position: relative; }
#sp-scene img { cursor: crosshair; max-height: min(76vh, 900px); width: 100%; object-fit: contain; }
#sp-scene .sp-ripple { position: fixed; width: 14px; height: 14px; margin: -7px 0 0 -7px; border-radius: 50%;
  border: 3px solid white; box-shadow: 0 0 0 2px #10121899; pointer-events: none; z-index: 50;
  animation: sp-ripple .7s ease-out forwards; }
@keyframes sp-ripple { to { transform: scale(3.2); opacity: 0; } }
.sp-drop { outline: 3px dashed var(--primary-500); outline-offset: -6px; }
.sp-status { margin: 0; color: var(--body-text-color-subdued); font-size: .92rem; min-height: 1.4em; }
.sp-status a { color: var(--link-text-color); margin-left: .6em; }
.sp-hint { padding: 20px 18px; border: 1.5px dashed var(--border-color-primary); border-radius: 12px;
  line-height: 1.5; color: var(--body-text-color-subdued); }
#sp-scenes { padding: 0; border-width: 0 !important; background: none; box-shadow: none; }
#sp-scenes .grid-wrap { padding: 0; max-height: none; overflow: visible; }
#sp-scenes .grid-container { gap: 8px; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr));
  padding: 0; height: auto; }
#sp-scenes button.thumbnail-item { aspect-ratio: 4 / 3; border-radius: 10px; overflow: hidden; }
#sp-scenes .caption-label { font-size: .72rem; padding: 1px 7px; border-radius: 7px; left: 5px; bottom: 5px; }
#sp-scenes, #sp-scenes * { outline: none; }
#sp-scenes button.thumbnail-item:focus-visible { outline: 3px solid var(--primary-500); }
#sp-cards, #sp-cards > *, #sp-status, #sp-status > * { padding: 0 !important; }
#sp-exact { align-items: stretch; }
#sp-generate { font-size: 1rem; }
.sp-note { margin: 6px 2px 0; font-size: .78rem; color: var(--body-text-color-subdued); }
.sp-cards { list-style: none; margin: 0; padding: 0; display: flex; flex-direction: column; gap: 8px;
  max-height: 620px; overflow-y: auto; }
.sp-card { display: flex; flex-shrink: 0; align-items: center; gap: 12px; padding: 8px 12px 8px 0; margin: 0;
  border-radius: 12px; overflow: hidden; border: 1px solid var(--border-color-primary);
  background: var(--block-background-fill); }
.sp-rank { align-self: stretch; flex: none; width: 30px; margin: -8px 0; display: grid; place-items: center;
  background: var(--colour); color: var(--ink); font-weight: 700; }
.sp-figure { flex: none; width: 56px; height: 66px; border-radius: 8px; background: #232a35; }
.sp-text { flex: 1; min-width: 0; }
.sp-text strong { display: block; line-height: 1.25; }
.sp-text small { color: var(--body-text-color-subdued); font-size: .8rem; }
.sp-score { display: flex; align-items: center; gap: 8px; margin: 3px 0 2px; }
.sp-bar { flex: 1; height: 8px; border-radius: 4px; overflow: hidden;
  background: var(--border-color-primary); }
.sp-bar i { display: block; height: 100%; border-radius: 4px; background: var(--colour); }
.sp-percent { font-variant-numeric: tabular-nums; font-weight: 600; min-width: 3.2em; text-align: right; }
#sp-about { color: var(--body-text-color-subdued); font-size: .85rem; padding: 2px 4px 10px; }
@media (max-width: 700px) {
  .sp-cards { max-height: none; }
  .gradio-container main { padding: 8px !important; }
  #sp-scenes .grid-container { grid-template-columns: repeat(auto-fill, minmax(92px, 1fr)); }
}
"""

#: A ripple where one clicked, at once; the old picture stays visible until the next has arrived; a click
#: while it arrives, whose place gradio cannot tell, waits for it; and pictures dropped on a tab's scene go
#: to its upload field (sp-upload of sp-scene).
HEAD = """
<script>
document.addEventListener('pointerdown', (event) => {
  const scene = event.target.closest && event.target.closest('#sp-scene');
  if (!scene || event.target.tagName !== 'IMG') return;
  const ripple = document.createElement('span');
  ripple.className = 'sp-ripple';
  ripple.style.left = event.clientX + 'px';
  ripple.style.top = event.clientY + 'px';
  scene.appendChild(ripple);
  setTimeout(() => ripple.remove(), 800);
});
document.addEventListener('load', (event) => {
  if (!event.target.matches || !event.target.matches('#sp-scene img')) return;
  event.target.style.background = `center / contain no-repeat url("${event.target.currentSrc}")`;
}, true);
let late = null;
document.addEventListener('click', (event) => {
  const image = event.target;
  if (!image.matches || !image.matches('#sp-scene img, #sp-compare-scene img')) return;
  late = null;
  if (image.naturalWidth) return;
  event.stopImmediatePropagation();
  late = event;
  const again = () => { if (late === event) image.dispatchEvent(new MouseEvent('click', event)); };
  image.addEventListener('load', again, { once: true });
}, true);
for (const kind of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(kind, (event) => {
    const scene = event.target.closest && event.target.closest('#sp-scene, #sp-compare-scene');
    if (!scene) return;
    event.preventDefault();
    scene.classList.toggle('sp-drop', kind === 'dragover');
    const input = document.querySelector(`input[type=file]:has(+ #${scene.id.replace('scene', 'upload')})`);
    if (kind !== 'drop' || !input || !event.dataTransfer.files.length) return;
    const one = new DataTransfer();
    one.items.add(event.dataTransfer.files[0]);
    input.files = one.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  });
}
</script>
"""
