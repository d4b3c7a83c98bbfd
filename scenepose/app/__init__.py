"""The browser demo, one file a tab. Nothing outside this folder knows of gradio."""
