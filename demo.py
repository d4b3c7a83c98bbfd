"""Start the ScenePose demo: `python demo.py --help` lists the options."""

from scenepose.app.main import main

if __name__ == "__main__":
    main()
