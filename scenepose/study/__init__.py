"""The user study: pairs of poses are shown to people, and their preferences rank the sources of the poses.

``create`` fills a study (`items` where, `sources` what, `pictures` as seen), ``design`` decides who sees
what, ``sessions`` hands out trials and takes votes, ``results`` reads them back through ``ranking`` and
``quality``. Everything is kept by ``database`` in the tables of ``tables``.
"""
