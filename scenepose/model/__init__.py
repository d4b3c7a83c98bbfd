"""The network. Read `scenepose.decode` first.

- `foundation`: three views to the feature map F and the compatibility logits, on `backbone`
- `scale_transformer`: templates and F to vectors z_k and scales
- `offset_transformer`: z_k and the region of its box in F to vectors e_k and offsets; both on `attention`
- `teacher`, `discriminator`: training only
- `scenepose` joins them, `checkpoint` keeps them

Not from the paper: layer norm within each cell of the pixel decoder, and a 1x1 lateral at stride 32
(MaskFormer: group norm, 3x3); batch norm with fixed statistics; pooled features standardised, and added to
the scale transformer's queries; the point's place added to F; a learned usual scale for each template; RoI
boxes without gradient, of at least one cell, tokens outside the map masked; offsets in [-1, 1]; shapes
re-normalised to a unit box; the teacher's features standardised.
"""
