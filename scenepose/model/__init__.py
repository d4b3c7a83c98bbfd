"""The network. Read `encoder` first, then `scenepose.methods.scenepose`, the paper's head.

- `encoder`: a picture to its maps, and these to the three views of a point and the feature map F; on
  `backbone` and `pixel_decoder`. `features` is what it says of points, `pixels` the paper's way to cut views
- `scale_transformer`: templates and F to vectors z_k and scales
- `offset_transformer`: z_k and the region of its box in F to vectors e_k and offsets; both on `attention`
- `teacher`, `discriminator`: training only
- `checkpoint` keeps the weights

Not from the paper: views as windows of the whole picture's maps; layer norm within each cell of the pixel
decoder, and a 1x1 lateral at stride 32 (MaskFormer: group norm, 3x3); batch norm with fixed statistics;
pooled features standardised, and added to the scale transformer's queries; the point's position added to F;
a learned usual scale for each template; RoI boxes without gradient, of at least one cell, tokens outside the
map masked; offsets in [-1, 1]; shapes re-normalised to a unit box; the teacher's features standardised.
"""
