"""`python -m scenepose.app` is `python demo.py`, also where only the package is installed."""

from scenepose.app.main import main

main()
